"""Tensors of which most cells are zero, as coordinates and values (COO), and their products with factors.

For each mode the values are sorted once by their index in it, so that a product is summed segment by segment, in one order: the same bits
every time, with no scattered additions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, as_floats, finite_sum_of_squares, inner, stable_argsort
from gpupipe.tensors.mttkrp import grams_of, hadamard

_BLOCK = 1 << 16  # values whose products with the factors are held at a time, on the host
_DEVICE_BLOCK = 1 << 22


@dataclass(frozen=True, eq=False)
class SparseTensor:
    """A tensor that holds some cells; the others are zero.

    Parameters
    ----------
    coordinates
        (N, nnz) whole numbers: the place of each value along each mode. No place twice; see `SparseTensor.of`.
    values
        (nnz,).
    shape
        The sizes of the modes.
    """

    coordinates: Any
    values: Any
    shape: tuple[int, ...]

    @classmethod
    def of(cls, coordinates: Any, values: Any, shape: Sequence[int]) -> SparseTensor:
        """Return a sparse tensor, values of one place added up, sorted by place.

        Raises
        ------
        UsageError
            The arrays do not fit each other, an index is outside the shape, a dimension is empty, or a value is not finite.

        Examples
        --------
        >>> SparseTensor.of(np.array([[0, 0], [1, 1]]), np.array([2.0, 3.0]), (2, 2)).values
        array([5.])
        """
        xp, values, shape = array_module(values), as_floats(values), tuple(int(size) for size in shape)
        if len(shape) < 2 or 0 in shape:
            raise UsageError(f"A sparse tensor has two modes or more and none of them is empty, got shape {shape}.")
        if coordinates.shape != (len(shape), len(values)) or coordinates.dtype.kind not in "iu":
            raise UsageError(
                f"A sparse tensor of shape {shape} with {len(values)} values expected whole numbers of shape "
                f"{(len(shape), len(values))} as coordinates, got {coordinates.dtype} of shape {tuple(coordinates.shape)}."
            )
        sizes = xp.asarray(shape)[:, None]
        if bool(((coordinates < 0) | (coordinates >= sizes)).any()):
            raise UsageError(f"A coordinate is outside the tensor's shape {shape}.")
        if prod(shape) >= 2**63:
            raise UsageError(f"A tensor of shape {shape} has more cells than 64 bits can number. Leave out labels that hold nothing.")
        finite_sum_of_squares(values, "Leave missing values out, or fill them.")
        if len(values) == 0:
            return cls(coordinates.astype(np.int64), values, shape)
        places = _numbered(coordinates, shape)
        order = stable_argsort(places)
        places = places[order]
        first = xp.concatenate([xp.zeros(1, np.int64), xp.flatnonzero(places[1:] != places[:-1]) + 1])
        sums = xp.add.reduceat(values[order].astype(np.float64), first).astype(values.dtype)
        return cls(xp.stack(_unnumbered(places[first], shape)), sums, shape)

    @classmethod
    def from_dense(cls, tensor: Any) -> SparseTensor:
        """Return the cells of a dense tensor that are not zero."""
        xp = array_module(tensor)
        places = xp.nonzero(tensor)
        return cls.of(xp.stack(places), tensor[places], tensor.shape)

    @property
    def ndim(self) -> int:
        """The number of modes."""
        return len(self.shape)

    @property
    def density(self) -> float:
        """The share of cells that are held."""
        return len(self.values) / prod(self.shape)

    def to_dense(self) -> Any:
        """Return the dense tensor."""
        xp = array_module(self.values)
        dense = xp.zeros(self.shape, self.values.dtype)
        dense[tuple(self.coordinates)] = self.values
        return dense


def _numbered(coordinates: Any, shape: Sequence[int]) -> Any:
    """Return the number of each cell, in C order."""
    return reduce(lambda number, pair: number * pair[1] + pair[0].astype(np.int64), zip(coordinates, shape, strict=True), 0)


def _unnumbered(numbers: Any, shape: Sequence[int]) -> list[Any]:
    places = []
    for size in reversed(shape):
        places.append(numbers % size)
        numbers = numbers // size
    return places[::-1]


class SparseProducts:
    """The MTTKRPs of a sparse tensor with factors that change one after the other.

    Parameters
    ----------
    rows
        (S, R, I_n) of each mode.
    """

    def __init__(self, tensor: SparseTensor, rows: Sequence[Any]) -> None:
        self.tensor = tensor
        self.rows = list(rows)
        self._orders = [stable_argsort(places) for places in tensor.coordinates]
        self._norm_squared = finite_sum_of_squares(tensor.values) if len(tensor.values) else 0.0

    def set(self, mode: int, rows: Any) -> None:
        """Replace the factor of a mode."""
        self.rows[mode] = rows

    def mttkrp(self, mode: int) -> Any:
        """Return the MTTKRP of a mode with the present factors, (S, R, I_mode) in double precision."""
        xp = array_module(self.tensor.values)
        n_starts, n_columns, _ = self.rows[mode].shape
        flat = [xp.ascontiguousarray(one.reshape(n_starts * n_columns, -1).T) for one in self.rows]
        product = xp.zeros((self.tensor.shape[mode], n_starts * n_columns))
        order, places = self._orders[mode], self.tensor.coordinates
        block = max(1, (_BLOCK if xp is np else _DEVICE_BLOCK) // n_starts)
        for at in range(0, len(order), block):
            part = order[at : at + block]
            weighted = self.tensor.values[part].astype(np.float64)[:, None] * self._others(flat, places, part, mode)
            held = places[mode][part]
            first = xp.concatenate([xp.zeros(1, np.int64), xp.flatnonzero(held[1:] != held[:-1]) + 1])
            product[held[first]] += xp.add.reduceat(weighted, first, axis=0)  # each index once in a block
        return product.T.reshape(n_starts, n_columns, -1)

    def residual(self) -> float:
        """Return the squared distance of the first start: over the cells that are held one by one, over the others from Gram matrices."""
        n_columns = self.rows[0].shape[1]
        flat = [one[0].T for one in self.rows]
        model = hadamard(grams_of([one[:1] for one in self.rows])).sum()
        every = slice(None)
        there = self._others(flat, self.tensor.coordinates, every, None).sum(1) if n_columns else 0.0
        difference = self.tensor.values.astype(np.float64) - there
        return inner(difference, difference) + max(0.0, float(model) - inner(there, there))

    @staticmethod
    def _others(flat: Sequence[Any], places: Any, part: Any, mode: int | None) -> Any:
        return prod((flat[n][places[n][part]] for n in range(len(flat)) if n != mode), start=1.0)


def sparse_mttkrp(tensor: SparseTensor, cp_tensor: tuple[Any, Sequence[Any]], mode: int) -> Any:
    """Return ``unfold(tensor, mode) @ khatri_rao(factors, skip=mode)`` of a sparse tensor, times the weights, without unfolding it.

    Examples
    --------
    >>> tensor = SparseTensor.of(np.array([[1], [2]]), np.array([5.0]), (2, 3))
    >>> sparse_mttkrp(tensor, (None, [np.ones((2, 1)), np.array([[1.0], [2.0], [3.0]])]), 0).tolist()
    [[0.0], [15.0]]
    """
    weights, factors = cp_tensor
    product = SparseProducts(tensor, [factor.T[None] for factor in factors]).mttkrp(mode)[0].T.astype(tensor.values.dtype)
    return product if weights is None else product * weights
