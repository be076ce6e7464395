"""Moments and cumulants of rows up to order 4, as symmetric tensors, without an array of n times d to the order.

Rows are taken in blocks, shifted by one origin, and the products of pairs of columns are formed for a block at a time; the rest is matrix
products. Only pairs i <= j are formed. Sums over blocks are of double precision, and those of parts merge into those of the whole.

Source: McCullagh, "Tensor Methods in Statistics" (1987), on k-statistics and polarization; Pebay, Sandia report SAND2008-6212 (2008), on
shifting the origin of sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, as_floats, finite_sum_of_squares

MOST_ORDER = 4
_BLOCK_ELEMENTS = 1 << 18  # of products of pairs: a block of them stays in the cache of a host
_DEVICE_BLOCK_ELEMENTS = 1 << 26
_ROWS = "Leave the rows out, or fill them."


class Moments:
    """Sums of products of columns, of rows that come in blocks.

    Parameters
    ----------
    order
        The highest moment that is wanted, 1 to 4.
    origin
        (d,) what is subtracted from each row before it is multiplied: something like the mean, or digits are lost. The first block's mean
        by default. Accumulators with one origin merge without being shifted.

    Raises
    ------
    UsageError
        The order is not 1 to 4.

    Examples
    --------
    >>> rows = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]])
    >>> parts = [Moments(2).update(part) for part in (rows[:2], rows[2:])]
    >>> parts[0].merge(parts[1]).central(2).round(6).tolist() == np.cov(rows.T, bias=True).round(6).tolist()
    True
    """

    def __init__(self, order: int = 3, origin: Any = None) -> None:
        if order not in range(1, MOST_ORDER + 1):
            raise UsageError(f"Moments are of order 1 to {MOST_ORDER}, got {order}.")
        self.order = order
        self.origin = origin
        self.n_rows = 0
        self._sums: list[Any] = []  # of order 1, 2, 3 and 4 about the origin; of the last two each with packed pairs
        self._dtype: Any = None

    def update(self, rows: Any) -> Self:
        """Add rows, (n, d), and return the accumulator.

        Raises
        ------
        UsageError
            They are no matrix, have other columns than those before, or a value is not finite.
        """
        rows = as_floats(rows, "The block of rows")
        xp = array_module(rows)
        if rows.ndim != 2 or rows.shape[1] == 0 or (self._sums and rows.shape[1] != len(self._sums[0])):
            expected = f"{len(self._sums[0])} columns" if self._sums else "rows and columns"
            raise UsageError(f"Moments expected a matrix with {expected}, got shape {tuple(rows.shape)}.")
        if len(rows) == 0:
            return self
        finite_sum_of_squares(rows, _ROWS)
        if self.origin is None:
            self.origin = rows.mean(0, dtype=np.float64)
        self._dtype = rows.dtype if self._dtype is None else xp.promote_types(self._dtype, rows.dtype)
        if not self._sums:
            self._sums = [xp.zeros(shape) for shape in _packed_shapes(rows.shape[1])[: self.order]]
        n_pairs = rows.shape[1] * (rows.shape[1] + 1) // 2
        step = max(16, (_BLOCK_ELEMENTS if xp is np else _DEVICE_BLOCK_ELEMENTS) // n_pairs)
        for at in range(0, len(rows), step):
            self._add(rows[at : at + step])
        self.n_rows += len(rows)
        return self

    def _add(self, rows: Any) -> None:
        xp = array_module(rows)
        columns = xp.ascontiguousarray((rows - self.origin).astype(rows.dtype).T)  # the difference is rounded, the origin never
        self._sums[0] += columns.sum(1, dtype=np.float64)
        if self.order > 1:
            self._sums[1] += columns @ columns.T
        if self.order > 2:
            pairs = paired(columns)
            self._sums[2] += columns @ pairs.T
            if self.order > 3:
                self._sums[3] += pairs @ pairs.T

    def merge(self, other: Moments) -> Moments:
        """Return the moments of the rows of both.

        Raises
        ------
        UsageError
            They are of other orders or columns.
        """
        if other.order != self.order or (self.n_rows and other.n_rows and len(other._sums[0]) != len(self._sums[0])):
            raise UsageError("Moments merge with moments of the same order and as many columns.")
        if not other.n_rows or not self.n_rows:
            return other if not self.n_rows else self
        xp = array_module(self._sums[0])
        merged = Moments(self.order, self.origin)
        merged.n_rows, merged._dtype = self.n_rows + other.n_rows, xp.promote_types(self._dtype, other._dtype)
        same = bool((self.origin == other.origin).all())
        theirs = other._sums if same else other._about(self.origin, packed=True)
        merged._sums = [mine + their for mine, their in zip(self._sums, theirs, strict=True)]
        return merged

    @property
    def mean(self) -> Any:
        """The mean of each column."""
        self._require(1)
        return (self.origin + self._sums[0] / self.n_rows).astype(self._dtype)

    def raw(self, order: int) -> Any:
        """Return the mean of products of `order` columns, a symmetric tensor (d, ..., d)."""
        self._require(order)
        return (self._about(0.0 * self._sums[0])[order - 1] / self.n_rows).astype(self._dtype)

    def central(self, order: int) -> Any:
        """Return the mean of products of `order` columns less their means; of order 1 it is zero."""
        self._require(order)
        return (self._central(order)).astype(self._dtype)

    def _central(self, order: int) -> Any:
        mean = self.origin + self._sums[0] / self.n_rows
        return self._about(mean)[order - 1] / self.n_rows

    def cumulant(self, order: int, *, bias: bool = True) -> Any:
        """Return the cumulant of an order: mean, covariance, third central moment, fourth less what covariances explain.

        Parameters
        ----------
        bias
            Whether sums are divided by n. False gives k-statistics, whose expectation is the cumulant: of order 2 and more they need as
            many rows as their order.

        Raises
        ------
        UsageError
            The order was not accumulated, or there are too few rows.
        """
        self._require(order)
        n = self.n_rows
        if order == 1:
            return self.mean
        if not bias and n < order:
            raise UsageError(f"An unbiased cumulant of order {order} needs at least {order} rows, there are {n}.")
        central = self._central(order)
        if order == 4:
            covariance = self._central(2)
            pairs = pairings(covariance)
            unbiased = n**2 / max((n - 1) * (n - 2) * (n - 3), 1)
            central = central - pairs if bias else unbiased * ((n + 1) * central - (n - 1) * pairs)
        elif not bias:
            central = central * (n / (n - 1) if order == 2 else n**2 / ((n - 1) * (n - 2)))
        return central.astype(self._dtype)

    def _require(self, order: int) -> None:
        if not 1 <= order <= self.order:
            raise UsageError(f"These moments are of order 1 to {self.order}, asked for {order}. Accumulate with order={order}.")
        if not self.n_rows:
            raise UsageError("There are no rows, so there are no moments.")

    def _about(self, origin: Any, *, packed: bool = False) -> list[Any]:
        """Return the sums about another origin, whole or packed."""
        size = len(self._sums[0])
        whole = [_unpacked(total, order, size) for order, total in enumerate(self._sums, start=1)]
        shift = self.origin - origin
        moved = [_shifted(whole, order, shift, self.n_rows) for order in range(1, self.order + 1)]
        return [_packed(total, order, size) for order, total in enumerate(moved, start=1)] if packed else moved


def paired(columns: Any) -> Any:
    """Return the products of all pairs i <= j of rows of a matrix (d, n), as (d (d + 1) / 2, n), in the order of the upper triangle."""
    xp = array_module(columns)
    size, n = columns.shape
    pairs = xp.empty((size * (size + 1) // 2, n), columns.dtype)
    at = 0
    for place in range(size):
        xp.multiply(columns[place:], columns[place], out=pairs[at : at + size - place])
        at += size - place
    return pairs


def pairings(covariance: Any) -> Any:
    """Return the sum of the outer products of a symmetric matrix with itself over the three pairings ij|kl, ik|jl, il|jk."""
    outer = covariance[:, :, None, None] * covariance[None, None]
    return outer + outer.transpose(0, 2, 1, 3) + outer.transpose(0, 2, 3, 1)


def _packed_shapes(size: int) -> list[tuple[int, ...]]:
    n_pairs = size * (size + 1) // 2
    return [(size,), (size, size), (size, n_pairs), (n_pairs, n_pairs)]


def _unpacked(total: Any, order: int, size: int) -> Any:
    """Return a sum with packed pairs as the whole symmetric tensor."""
    if order < 3:
        return total
    places = array_module(total).asarray(_places(size))
    if order == 3:
        return total[:, places].reshape(size, size, size)
    return total[places][:, places].reshape(size, size, size, size)


def _packed(total: Any, order: int, size: int) -> Any:
    if order < 3:
        return total
    first, second = np.triu_indices(size)
    flat = array_module(total).asarray(first * size + second)
    if order == 3:
        return total.reshape(size, -1)[:, flat]
    return total.reshape(size * size, -1)[flat][:, flat]


def _places(size: int) -> Any:
    """Return for each pair (i, j), flat, its place among the pairs of the upper triangle."""
    first, second = np.triu_indices(size)
    places = np.empty((size, size), np.int64)
    places[first, second] = places[second, first] = np.arange(len(first))
    return places.reshape(-1)


def _shifted(sums: Sequence[Any], order: int, shift: Any, n_rows: int) -> Any:
    """Return the sum of products of `order` columns after `shift` is added to each row.

    It is the sum over all ways to take some factors from the rows and the others from the shift.
    """
    total = sums[order - 1]
    taken: Any
    for n_taken in range(order):
        taken = sums[n_taken - 1] if n_taken else float(n_rows)
        for _ in range(order - n_taken):
            taken = taken * shift if np.ndim(taken) == 0 else taken[..., None] * shift
        if n_taken == 0:
            total = total + taken
            continue
        for places in combinations(range(order), n_taken):
            rest = [place for place in range(order) if place not in places]
            turn = [0] * order
            for source, target in enumerate([*places, *rest]):
                turn[target] = source
            total = total + taken.transpose(turn)
    return total


def moment(rows: Any, order: int, *, central: bool = False) -> Any:
    """Return the moment of an order of the rows of a matrix: the mean of products of that many columns, (d, ..., d).

    Parameters
    ----------
    rows
        (n, d). float32 gives float32; sums over blocks are of double precision all the same.
    order
        1 to 4.
    central
        Take the columns' means off first.

    Raises
    ------
    UsageError
        There are no rows, a value is not finite, or the order is another.

    Notes
    -----
    TensorLy's counterpart is ``tensorly.tenalg.higher_order_moment``.

    Examples
    --------
    >>> moment(np.array([[1.0, 2.0], [3.0, 4.0]]), 2)
    array([[ 5.,  7.],
           [ 7., 10.]])
    """
    origin = None if central else array_module(rows).zeros(rows.shape[1:])
    sums = Moments(order, origin).update(rows)
    return sums.central(order) if central else sums.raw(order)


def cumulant(rows: Any, order: int, *, bias: bool = True) -> Any:
    """Return the cumulant of an order of the rows of a matrix; see `Moments.cumulant`.

    Raises
    ------
    UsageError
        There are too few rows, a value is not finite, or the order is not 1 to 4.

    Examples
    --------
    >>> cumulant(np.array([[0.0], [0.0], [3.0]]), 3)
    array([[[2.]]])
    """
    return Moments(order).update(rows).cumulant(order, bias=bias)
