"""New slices in terms of a Tucker decomposition: what rows of one factor they have, with core and other factors as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares, require_mode
from gpupipe.tensors._masked import masked_parts
from gpupipe.tensors.mode_dot import multi_mode_dot
from gpupipe.tensors.unfold import unfold


def tucker_project(tensor: Any, tucker_tensor: tuple[Any, Sequence[Any]], *, mode: int = 0, mask: Any = None) -> Any:
    """Return the rows (I, R) along a mode that are best for a tensor, with the core and the other factors given.

    Parameters
    ----------
    tensor
        As large as the factors along all other modes.
    tucker_tensor
        Core and factors; the factor of `mode` does not matter.
    mask
        True where a cell is observed; the others are not looked at.

    Raises
    ------
    UsageError
        The sizes do not fit, or the values are not finite numbers.

    Examples
    --------
    >>> core, factors = np.array([[2.0]]), [np.ones((2, 1)), np.array([[1.0], [2.0]])]
    >>> tucker_project(np.array([[6.0, 12.0]]), (core, factors))
    array([[3.]])
    """
    tensor = as_tensor(tensor)
    mode, (core, factors) = require_mode(tensor, mode), tucker_tensor
    others = [place for place in range(len(factors)) if place != mode]
    sizes = [factors[place].shape[0] for place in others]
    if len(factors) != tensor.ndim or sizes != [size for place, size in enumerate(tensor.shape) if place != mode]:
        raise UsageError(f"Slices along mode {mode} of shape {tensor.shape} do not fit factors with {sizes} rows in the other modes.")
    exact = [factors[place].astype(np.float64) for place in others]
    if mask is not None:
        basis = unfold(multi_mode_dot(core.astype(np.float64), exact, others), mode)
        return _observed(tensor, mask, basis, mode).astype(tensor.dtype)
    finite_sum_of_squares(tensor)
    # the basis is never made: its products with the slices and with itself follow from small matrices
    seen = multi_mode_dot(tensor, [factor.astype(tensor.dtype) for factor in exact], others, transpose=True).astype(np.float64)
    flat = unfold(core.astype(np.float64), mode)
    spread = multi_mode_dot(core.astype(np.float64), [factor.T @ factor for factor in exact], others)
    xp = array_module(tensor)
    return xp.linalg.lstsq(unfold(spread, mode) @ flat.T, flat @ unfold(seen, mode).T, rcond=None)[0].T.astype(tensor.dtype)


def _observed(tensor: Any, mask: Any, basis: Any, mode: int) -> Any:
    """Return each row's best for the cells that are observed in it, given what rows are multiplied by, (R, all others)."""
    observed, weights = masked_parts(tensor, mask)
    xp = array_module(tensor)
    rows, there = unfold(observed, mode).astype(np.float64), unfold(weights, mode) > 0
    return xp.stack([xp.linalg.lstsq(basis[:, kept].T, row[kept], rcond=None)[0] for row, kept in zip(rows, there, strict=True)])
