"""MTTKRP, the product of an unfolded tensor with the Khatri-Rao product of all other factors: most of the work of a CP decomposition.

A sweep over all modes reads the tensor twice whatever its order, by a dimension tree: the modes are cut into a left and a right group, one
matrix product with the right factors serves every left mode, another one with the left factors every right mode.

Factors are held as rows here: (S, R, I_n), the transposed factor of S starts at once. So the columns of factors are contiguous, and a batch
of starts is one matrix product.

Source: Phan, Tichavsky, Cichocki, IEEE Transactions on Signal Processing 61 (2013); Kaya and Ucar, "High-performance parallel algorithms
for the Tucker and CP decompositions" (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, as_floats, require_mode, sum_of_squares
from gpupipe.tensors.khatri_rao import khatri_rao_rows

_RESIDUAL_ELEMENTS = 1 << 19  # of the tensor that a residual holds at a time


def unfolding_dot_khatri_rao(tensor: Any, cp_tensor: tuple[Any, Sequence[Any]], mode: int) -> Any:
    """Return ``unfold(tensor, mode) @ khatri_rao(factors, skip=mode)``, times the weights; the tensor is not copied.

    Parameters
    ----------
    cp_tensor
        Weights (or None) and factors, as TensorLy's function of this name takes them.

    Raises
    ------
    UsageError
        The factors do not fit the tensor.

    Examples
    --------
    >>> import numpy as np
    >>> unfolding_dot_khatri_rao(np.ones((2, 3, 4)), (None, [np.ones((size, 1)) for size in (2, 3, 4)]), 1)
    array([[8.],
           [8.],
           [8.]])
    """
    weights, factors = cp_tensor
    xp, tensor = array_module(tensor), as_floats(tensor)
    mode = require_mode(tensor, mode)
    if len(factors) != tensor.ndim or any(factors[n].shape[0] != tensor.shape[n] for n in range(tensor.ndim) if n != mode):
        raise UsageError(f"Factors of shapes {[tuple(one.shape) for one in factors]} do not fit a tensor of shape {tensor.shape}.")
    rows = [xp.ascontiguousarray(factor.T)[None] for factor in factors]
    product = DenseTree(xp.ascontiguousarray(tensor), rows).mttkrp(mode)[0].T.astype(tensor.dtype)
    return product if weights is None else product * weights


class DenseTree:
    """The MTTKRPs of a dense tensor with factors that change one after the other.

    Parameters
    ----------
    tensor
        Contiguous.
    rows
        (S, R, I_n) of each mode. They may be of double precision whatever the tensor is; products with the tensor are made in its
        precision.
    """

    def __init__(self, tensor: Any, rows: Sequence[Any]) -> None:
        self.tensor = tensor
        self.rows = list(rows)
        self.cut = _best_cut(tensor.shape)
        self._left: Any = None  # the tensor with all right factors contracted: (S * R, left sizes)
        self._right: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the tensor."""
        return tuple(self.tensor.shape)

    def set(self, mode: int, rows: Any) -> None:
        """Replace a factor; what was made of the old one is made anew when it is asked for."""
        self.rows[mode] = rows
        if mode < self.cut:
            self._right = None
        else:
            self._left = None

    # OpenBLAS's kernels of single precision may tell of an invalid operation where every number is finite (numpy issue 24067).
    @np.errstate(invalid="ignore")
    def mttkrp(self, mode: int) -> Any:
        """Return the MTTKRP of a mode with the present factors, (S, R, I_mode) in double precision."""
        group, start = (self._left_group(), 0) if mode < self.cut else (self._right_group(), self.cut)
        vectors = [self._product_rows(n) for n in range(start, start + group.ndim - 1)]
        product = _contract_all_but(group, vectors, mode - start)
        n_starts, n_columns = self.rows[0].shape[:2]
        return product.reshape(n_starts, n_columns, -1).astype(np.float64, copy=False)

    def residual(self) -> Any:
        """Return the squared norm of the tensor minus what the factors of the first start stand for, one more read of it, in blocks."""
        sizes = self.tensor.shape
        lead = self.rows[0][0].astype(self.tensor.dtype).T
        rest = khatri_rao_rows([rows[0] for rows in self.rows[1:]]).astype(self.tensor.dtype)
        flat = self.tensor.reshape(sizes[0], -1)
        step = max(1, _RESIDUAL_ELEMENTS // flat.shape[1])
        return sum(sum_of_squares(flat[at : at + step] - lead[at : at + step] @ rest) for at in range(0, sizes[0], step))

    def _product_rows(self, mode: int) -> Any:
        return self.rows[mode].reshape(-1, self.rows[mode].shape[-1]).astype(self.tensor.dtype, copy=False)

    def _left_group(self) -> Any:
        if self._left is None:
            sizes = self.tensor.shape[: self.cut]
            rows = khatri_rao_rows([self._product_rows(n) for n in range(self.cut, self.tensor.ndim)])
            self._left = (rows @ self.tensor.reshape(prod(sizes), -1).T).reshape(-1, *sizes)
        return self._left

    def _right_group(self) -> Any:
        if self._right is None:
            sizes = self.tensor.shape[self.cut :]
            rows = khatri_rao_rows([self._product_rows(n) for n in range(self.cut)])
            self._right = (rows @ self.tensor.reshape(-1, prod(sizes))).reshape(-1, *sizes)
        return self._right


def _best_cut(shape: Sequence[int]) -> int:
    """Return how many modes go to the left: so that both Khatri-Rao products together are small, the first such place of several."""
    return min(range(1, len(shape)), key=lambda cut: prod(shape[:cut]) + prod(shape[cut:]))


def _contract_all_but(group: Any, vectors: Sequence[Any], kept: int) -> Any:
    """Return a batch of tensors (B, I, J, ...) with every mode but one contracted with its vectors (B, I), from both ends."""
    n_batch, *sizes = group.shape
    xp = array_module(group)
    for mode in range(len(sizes) - 1, kept, -1):
        group = xp.matmul(group.reshape(n_batch, -1, sizes[mode]), vectors[mode][:, :, None])
    for mode in range(kept):
        group = xp.matmul(vectors[mode][:, None, :], group.reshape(n_batch, sizes[mode], -1))
    return group.reshape(n_batch, sizes[kept])


def grams_of(rows: Sequence[Any]) -> list[Any]:
    """Return the products of each factor with itself, (S, R, R) in double precision."""
    exact = [one.astype(np.float64, copy=False) for one in rows]
    return [one @ one.swapaxes(-1, -2) for one in exact]


def hadamard(grams: Sequence[Any], *, skip: int | None = None) -> Any:
    """Return the entry-wise product of matrices, but for the one that is skipped."""
    kept = [gram for place, gram in enumerate(grams) if place != skip]
    product = kept[0]
    for _, gram in pairwise(kept):
        product = product * gram
    return product
