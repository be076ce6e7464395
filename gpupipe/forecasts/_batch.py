"""A batch of series as the recursions want it: time-major, each from its first value on, the longest first.

Row t holds the t-th value of every series that has one, and these are the first columns of the row; so a series that has ended is left
out by a slice, and what stands in its columns stays as it was. Padding therefore changes nothing, bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.forecasts._arrays import array_library, to_host, total

WIDTH = 16384  # series that go through a recursion together; few of them would pay for each step's calls
NUMBERS = 1 << 25  # numbers that their states may be


@dataclass(frozen=True)
class Batch:
    """Aligned series.

    Parameters
    ----------
    values
        [n_times, n_series], zero where nothing was seen.
    seen
        [n_times, n_series], true where there is a value.
    lengths, starts
        [n_series] on the host: steps from the first to the last value; the step of the first value in the input.
    order
        [n_series] on the host: the place of each series in the input.
    regressors
        [n_times, n_columns] shared or [n_series, n_times, n_columns] as they were given, or None.
    """

    values: Any
    seen: Any
    lengths: Any
    starts: Any
    order: Any
    regressors: Any = None

    @property
    def xp(self) -> Any:
        """The array library; a module does not pickle, so it is not kept."""
        return array_library(self.values)

    @property
    def n_series(self) -> int:
        """The number of series."""
        return len(self.lengths)

    def take(self, columns: Any) -> Batch:
        """Return the batch of some series, given by ascending columns on the host."""
        columns = np.asarray(columns, dtype=np.int64)
        lengths = self.lengths[columns]
        n_times = int(lengths.max(initial=0))
        chosen = self.xp.asarray(columns)
        return replace(
            self,
            values=self.xp.ascontiguousarray(self.values[:n_times, chosen]),
            seen=self.xp.ascontiguousarray(self.seen[:n_times, chosen]),
            lengths=lengths,
            starts=self.starts[columns],
            order=self.order[columns],
        )

    def parts(self, columns: Any, numbers: int = 1) -> Iterator[Any]:
        """Yield the columns in runs; `numbers` is how many a recursion holds of each series."""
        width = max(min(NUMBERS // numbers, WIDTH), 1)
        for first in range(0, len(columns), width):
            yield columns[first : first + width]

    def has_gaps(self) -> Any:
        """Return [n_series] on the host: whether a value is missing between the first and the last one."""
        return to_host(self.seen.sum(axis=0)) < self.lengths

    def aligned_regressors(self) -> Any:
        """Return the regressors [n_times, n_columns, n_series], each series' from its first value on; zero after its end."""
        n_times = len(self.values)
        steps = self.starts[None, :] + np.arange(n_times)[:, None]
        inside = np.arange(n_times)[:, None] < self.lengths[None, :]
        steps = self.xp.asarray(np.where(inside, steps, 0))
        shared = self.regressors.ndim == 2
        made = self.regressors[steps] if shared else self.regressors[self.xp.asarray(self.order)[None, :], steps]
        made = self.xp.where(self.xp.asarray(inside)[:, :, None], made, 0.0)
        return self.xp.ascontiguousarray(self.xp.swapaxes(made, 1, 2))


def segments(lengths: Any, first: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield runs of steps that the same series go through: the first step, the one past the last, and how many series.

    Examples
    --------
    >>> list(segments(np.array([5, 5, 3, 1])))
    [(0, 1, 4), (1, 3, 3), (3, 5, 2)]
    """
    at = first
    for end in np.unique(lengths):
        if end > at:
            yield at, int(end), int((lengths >= end).sum())
            at = int(end)


def as_numbers(given: Any, name: str, xp: Any) -> Any:
    """Return an array as float64, itself if it is that already, or say what it is instead."""
    array = xp.asarray(given)
    if array.dtype.kind not in "fiu":
        msg = (
            f"{name} must hold numbers (floats, or whole numbers), got dtype {array.dtype}. Turn it into float64, with NaN where a value "
            "is missing."
        )
        raise UsageError(msg)
    return array.astype(xp.float64, copy=False)


def aligned(given: Any, regressors: Any = None) -> tuple[Batch, Any]:
    """Return the batch of series [n_series, n_times], and [n_series] on the host which of them hold an infinite value or none at all.

    The latter have length 0 in the batch.

    Raises
    ------
    UsageError
        The series are no numbers, have another number of dimensions, or there is none.
    """
    xp = array_library(given)
    series = as_numbers(given, "Y", xp)
    if series.ndim == 1:
        series = series[None, :]
    if series.ndim != 2 or 0 in series.shape:
        msg = (
            f"Y must be [n_series, n_times] with at least one series and one time, got shape {tuple(series.shape)}. One series alone may "
            "be [n_times]; pad shorter ones with NaN."
        )
        raise UsageError(msg)
    n_series, n_times = series.shape
    seen = ~xp.isnan(series)
    bad = to_host(xp.isinf(series).any(axis=1) | ~seen.any(axis=1))
    starts = np.where(bad, 0, to_host(xp.argmax(seen, axis=1)))
    ends = np.where(bad, 0, n_times - to_host(xp.argmax(seen[:, ::-1], axis=1)))
    lengths = ends - starts
    order = np.argsort(-lengths, kind="stable")
    steps = starts[order][None, :] + np.arange(n_times)[:, None]
    inside = xp.asarray(steps < ends[order][None, :])
    chosen = (xp.asarray(order)[None, :], xp.asarray(np.minimum(steps, n_times - 1)))
    seen = seen[chosen] & inside
    values = xp.where(seen, series[chosen], 0.0)
    longest = max(int(lengths.max()), 1)  # a row, even where no series has a value
    table = None if regressors is None else checked_regressors(regressors, n_series, n_times, "X", xp)
    batch = Batch(values[:longest].copy(), seen[:longest].copy(), lengths[order], starts[order], order, table)
    return batch, bad


def checked_regressors(given: Any, n_series: int, n_times: int, name: str, xp: Any) -> Any:
    """Return exogenous columns [n_times, n_columns] or [n_series, n_times, n_columns] as float64.

    Raises
    ------
    UsageError
        They are no numbers or have another shape.
    """
    table = as_numbers(given, name, xp)
    shapes = ((n_times,), (n_series, n_times))
    if table.ndim not in (2, 3) or table.shape[:-1] != shapes[table.ndim - 2] or table.shape[-1] == 0:
        msg = (
            f"{name} must be [n_times, n_columns] for all series or [n_series, n_times, n_columns], here with n_series={n_series} and "
            f"n_times={n_times}; got shape {tuple(table.shape)}."
        )
        raise UsageError(msg)
    return table


def spread_of(batch: Batch) -> tuple[Any, Any, Any]:
    """Return each series' number of values, mean absolute value, and whether it is constant, as far as rounding lets tell.

    Constant is a variance below ``1e-12 (mean² + 1)`` once the series is divided by its mean absolute value.
    """
    xp = batch.xp
    count = batch.seen.sum(axis=0)
    at_least_one = xp.maximum(count, 1)
    largest = xp.abs(batch.values).max(axis=0) if len(batch.values) else xp.zeros(batch.n_series)
    largest = xp.where(largest > 0, largest, 1.0)  # before anything is added up, so that giants do not overflow
    scale = largest * (total(xp.abs(batch.values / largest), xp) / at_least_one)
    scale = xp.where(scale > 0, scale, 1.0)
    scaled = batch.values / scale
    mean = total(scaled, xp) / at_least_one
    variance = total(xp.where(batch.seen, (scaled - mean) ** 2, 0.0), xp) / at_least_one
    return count, scale, variance < 1e-12 * (mean**2 + 1)
