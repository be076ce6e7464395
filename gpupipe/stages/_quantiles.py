"""Quantiles of columns, exact in two passes, or within a stated number of ranks in one.

The first pass sorts each block's values and keeps one of about every ``n / SIZE``: the largest of a run, with how many values the run has.
Adding up the runs that end at or below a value gives how many values are no larger, less than `slack` too few, where the slack is the sum
of the blocks' run lengths. So of each wanted order statistic an interval is known that it lies in, and the second pass counts what is below
that, and the few values inside.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.stages._fits import ColumnsFit, require_finite

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

Frame = nw.LazyFrame[Any]
SIZE = 4096
_COUNTS = pa.schema([("column", pa.int32()), ("interval", pa.int32()), ("value", pa.float64()), ("count", pa.int64())])
_SLACK, _ODD = -1, -2  # intervals that are none: the blocks' run lengths, and how many numbers are not finite


class QuantilesFit(ColumnsFit):
    """A stage fitted to quantiles of columns; missing values are passed over.

    They are exact, by a second pass over the rows, or values of the column whose rank is less than ``n_values / 4096 + n_blocks`` from the
    wanted one.
    """

    exact: bool

    @property
    @abstractmethod
    def levels(self) -> tuple[float, ...]:
        """Which quantiles, from 0 to 1."""

    @abstractmethod
    def made(self, names: tuple[str, ...], values: Sequence[Any]) -> Any:
        """Return the row stage that the quantiles make: an array of them for each column, NaN where it had no value."""

    def plan(self, *specs: Any) -> Any:
        """Return what is fitted to nothing."""
        super().plan(*specs)
        names = self.needed(specs[0])
        return self.made(names, [np.zeros(len(self.levels)) for _ in names])

    def start(self, *known: Any, **more: Any) -> Any:
        """Return the columns, of which nothing is known."""
        return _Quantiles(self.needed(known[0]))

    def measuring(self, state: Any) -> Any:
        """Return what sorts a block, or counts what is inside the intervals."""
        return partial(_inside, state.names, tuple(map(tuple, state.intervals))) if state.sketches else self.measure

    def measure(self, verbs: Verbs, frame: Frame) -> Frame:
        """Return what the first pass measures of a block."""
        return _sketched(self.names(frame), verbs, frame)

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return what all parts measure together."""
        return merged(measured)

    def advance(self, state: Any, total: pa.Table) -> tuple[Any, bool]:
        """Return the quantiles, or after the first pass the intervals that they are in.

        Raises
        ------
        StageError
            A column has infinity or NaN.
        """
        if state.sketches:
            ranked = [_ranked(total, number, sketch.n, self.levels) for number, sketch in enumerate(state.sketches)]
            return replace(state, found=ranked), True
        sketches = [_Sketch(total, number) for number in range(len(state.names))]
        require_finite(state.names, [sketch.n_odd for sketch in sketches], self.name)
        if not self.exact:
            return replace(state, found=[sketch.quantiles(self.levels) for sketch in sketches]), True
        intervals = [sketch.intervals(self.levels) for sketch in sketches]
        if not any(intervals):
            return replace(state, found=[np.full(len(self.levels), np.nan) for _ in sketches]), True
        return replace(state, sketches=sketches, intervals=intervals), False

    def finish(self, state: Any) -> Any:
        """Return what the quantiles make: an array of them for each column, as NumPy's ``linear`` method gives them."""
        return self.made(state.names, state.found)


@dataclass(frozen=True)
class _Quantiles:
    """What is known between the passes."""

    names: tuple[str, ...]
    sketches: Sequence[_Sketch] = ()
    intervals: Sequence[Sequence[tuple[float, float]]] = ()
    found: Sequence[Any] = ()


def merged(measured: Sequence[pa.Table]) -> pa.Table:
    """Return the counts of all parts together, sorted."""
    whole = pa.concat_tables([part.cast(_COUNTS) for part in measured])
    summed = whole.group_by(["column", "interval", "value"]).aggregate([("count", "sum")]).rename_columns({"count_sum": "count"})
    return summed.select(_COUNTS.names).sort_by([(name, "ascending") for name in _COUNTS.names[:3]])


def _sketched(names: tuple[str, ...], verbs: Verbs, frame: Frame) -> Frame:
    """Return every so many-th value of each column with the number of values up to it, the run length, and how many are not finite."""
    parts = []
    for number, name in enumerate(names):
        values = frame.select(nw.col(name).cast(nw.Float64).alias("value")).filter(~nw.col("value").is_null())
        ranked = values.filter(nw.col("value").is_finite()).group_by("value").agg(nw.len().cast(nw.Int64).alias("count"))
        step = (nw.col("count").sum() - 1) // SIZE + 1
        ranked = ranked.with_columns(nw.col("count").cum_sum().over(order_by="value").alias("end"), step.alias("step"))
        runs = ranked.with_columns(((nw.col("end") - nw.col("count")) // nw.col("step")).alias("run"))
        kept = runs.group_by("run").agg(nw.col("value").max(), nw.col("count").sum())
        nothing = nw.lit(None, dtype=nw.Float64).alias("value")
        slack = ranked.select(nw.col("step").alias("count")).unique().with_columns(nothing)
        odd = values.select((~nw.col("value").is_finite()).cast(nw.Int64).sum().alias("count")).with_columns(nothing)
        parts += [_rows(kept, number, 0), _rows(slack, number, _SLACK), _rows(odd, number, _ODD)]
    return nw.concat(parts, how="vertical")


def _inside(names: tuple[str, ...], intervals: Sequence[Sequence[tuple[float, float]]], verbs: Verbs, frame: Frame) -> Frame:
    """Return how many values of each column are below each interval, and how often each stands that is inside."""
    parts = []
    for number, name in enumerate(names):
        values = frame.select(nw.col(name).cast(nw.Float64).alias("value"))
        for place, (low, high) in enumerate(intervals[number]):
            below = values.select((nw.col("value") <= low).cast(nw.Int64).sum().alias("count"))
            parts.append(_rows(below.with_columns(nw.lit(None, dtype=nw.Float64).alias("value")), number, place))
            inside = values.filter((nw.col("value") > low) & (nw.col("value") <= high))
            parts.append(_rows(inside.group_by("value").agg(nw.len().alias("count")), number, place))
    return nw.concat(parts, how="vertical")


def _rows(frame: Frame, column: int, interval: int) -> Frame:
    """Return values and counts beside whose they are."""
    numbers = [nw.lit(number, dtype=nw.Int32).alias(name) for name, number in (("column", column), ("interval", interval))]
    return frame.select(*numbers, nw.col("value"), nw.col("count").cast(nw.Int64).fill_null(0))


class _Sketch:
    """What the first pass knows of a column: values, how many are no larger, and by how many those numbers may fall short."""

    def __init__(self, table: pa.Table, column: int) -> None:
        of_column = table.filter(pc.equal(table["column"], column))
        interval, value, count = (of_column[name].to_numpy() for name in ("interval", "value", "count"))
        self.n_odd = int(count[interval == _ODD].sum())
        self.slack = int(count[interval == _SLACK].sum())
        self.values = value[interval == 0]
        self.ends = np.cumsum(count[interval == 0])
        self.n = int(self.ends[-1]) if len(self.ends) else 0

    def quantiles(self, levels: Sequence[float]) -> Any:
        """Return values near the quantiles."""
        if not self.n:
            return np.full(len(levels), np.nan)
        return self.values[np.searchsorted(self.ends, np.floor(np.asarray(levels) * (self.n - 1)) + 1)]

    def intervals(self, levels: Sequence[float]) -> list[tuple[float, float]]:
        """Return disjoint intervals, open below, in which the order statistics lie that the quantiles are between."""
        if not self.n:
            return []
        found: list[tuple[float, float]] = []
        for rank in np.unique(_ranks(levels, self.n)[:2]):
            high = float(self.values[np.searchsorted(self.ends, rank + 1)])
            before = int(np.searchsorted(self.ends, rank + 1 - self.slack)) - 1
            low = float(self.values[before]) if before >= 0 else -np.inf
            if found and low <= found[-1][1]:
                found[-1] = (found[-1][0], max(high, found[-1][1]))
            else:
                found.append((low, high))
        return found


def _ranks(levels: Sequence[float], n: int) -> tuple[Any, Any, Any]:
    """Return the ranks, from 0 on, that quantiles lie between, and how far from the lower one."""
    place = np.asarray(levels, dtype=np.float64) * (n - 1)
    lower = np.floor(place)
    return lower.astype(np.int64), np.minimum(lower + 1, n - 1).astype(np.int64), place - lower


def _ranked(table: pa.Table, column: int, n: int, levels: Sequence[float]) -> Any:
    """Return the quantiles, from the counts of values inside the intervals."""
    if not n:
        return np.full(len(levels), np.nan)
    of_column = table.filter(pc.equal(table["column"], column))
    interval, value, count = (of_column[name].to_numpy() for name in ("interval", "value", "count"))
    below = {int(place): int(number) for place, number in zip(interval[np.isnan(value)], count[np.isnan(value)], strict=True)}
    inside = ~np.isnan(value)
    interval, value, count = interval[inside], value[inside], count[inside]
    ends = np.cumsum(count)
    starts = {int(place): int(ends[interval < place][-1]) if (interval < place).any() else 0 for place in below}
    ends = ends + np.asarray([below[int(place)] - starts[int(place)] for place in interval])
    lower, upper, part = _ranks(levels, n)
    low, high = (value[np.searchsorted(ends, ranks + 1)] for ranks in (lower, upper))
    return np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))
