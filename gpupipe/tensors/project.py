"""New slices in terms of a decomposition that is there: what rows of one factor they have, with the others as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._als import solve
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares, require_mode
from gpupipe.tensors._hals import hals_rows
from gpupipe.tensors._masked import Weighted, masked_parts
from gpupipe.tensors.mttkrp import DenseTree, grams_of, hadamard

_PASSES = 200  # of HALS over one mode: bounded least squares to its end, for as few columns as there are


def project(tensor: Any, cp_tensor: tuple[Any, Sequence[Any]], *, mode: int = 0, mask: Any = None, non_negative: bool = False) -> Any:
    """Return the rows (I, R) along a mode that are best for a tensor, with the other factors given.

    Parameters
    ----------
    tensor
        As large as the factors along all other modes.
    cp_tensor
        Weights and factors; the weights, and the factor of `mode`, do not matter.
    mask
        True where a cell is observed; the others are not looked at.
    non_negative
        No entry below zero.

    Raises
    ------
    UsageError
        The sizes do not fit, or the values are not finite numbers.

    Examples
    --------
    >>> factors = [np.ones((2, 1)), np.array([[1.0], [2.0]])]
    >>> project(np.array([[3.0, 6.0]]), (None, factors))
    array([[3.]])
    """
    tensor = as_tensor(tensor)
    xp, mode = array_module(tensor), require_mode(tensor, mode)
    factors = list(cp_tensor[1])
    sizes = [factor.shape[0] for place, factor in enumerate(factors) if place != mode]
    if len(factors) != tensor.ndim or sizes != [size for place, size in enumerate(tensor.shape) if place != mode]:
        raise UsageError(f"Slices along mode {mode} of shape {tensor.shape} do not fit factors with {sizes} rows in the other modes.")
    rows = [xp.ascontiguousarray(factor.T.astype(np.float64))[None] for factor in factors]
    rows[mode] = xp.zeros((1, factors[mode].shape[1], tensor.shape[mode]))
    if mask is not None:
        best, left, right = Weighted(*masked_parts(tensor, mask), rows).best(mode)
        return (_bounded(best, left, right) if non_negative else best).astype(tensor.dtype)
    finite_sum_of_squares(tensor)
    gram, product = hadamard(grams_of(rows), skip=mode), DenseTree(tensor, rows).mttkrp(mode)
    found = solve(gram, product)
    if non_negative:
        found = hals_rows(found.clip(0.0, None), product, gram, passes=_PASSES)
    return xp.ascontiguousarray(found[0].T.astype(tensor.dtype))


def _bounded(found: Any, left: Any, right: Any) -> Any:
    """Return rows (I, R) without negative entries that are best for normal equations of their own: (I, R, R) and (I, R)."""
    xp = array_module(found)
    found = found.clip(0.0, None)
    sizes = xp.einsum("irr->ir", left)
    scale = xp.where(sizes > 0, 1 / xp.where(sizes > 0, sizes, 1.0), 0.0)  # a column that no observed cell depends on stays as it is
    for _ in range(_PASSES):
        for place in range(found.shape[1]):
            step = (right[:, place] - (left[:, place] * found).sum(1)) * scale[:, place]
            found[:, place] = (found[:, place] + step).clip(0.0, None)
    return found
