"""Quantiles of columns, exact in two passes, or within a stated number of ranks in one.

The first pass sorts each block's values and keeps one of about every ``n / SIZE``: the largest of a run, with how many values the run has.
Adding up the runs that end at or below a value gives how many values are no larger, less than `slack` too few, where the slack is the sum
of the blocks' run lengths. So of each wanted order statistic an interval is known that it lies in, and the second pass counts what is below
that, and the few values inside.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.columns import chosen
from gpupipe.core.demand import Demand
from gpupipe.core.want import Want
from gpupipe.stages._fits import ColumnsFit, require_finite

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.verbs import Verbs

Frame = nw.LazyFrame[Any]
SIZE = 4096
_COUNTS = pa.schema([("column", pa.int32()), ("interval", pa.int32()), ("value", pa.float64()), ("count", pa.int64())])
_SLACK, _ODD = -1, -2  # intervals that are none: the blocks' run lengths, and how many numbers are not finite


class QuantilesFit(ColumnsFit):
    """A stage fitted to quantiles of columns."""

    exact: bool

    @property
    @abstractmethod
    def levels(self) -> tuple[float, ...]:
        """Which quantiles, from 0 to 1."""

    @abstractmethod
    def made(self, names: tuple[str, ...], values: Sequence[Any]) -> Any:
        """Return the row stage that the quantiles make: an array of them for each column, NaN where it had no value."""

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the one want: the columns, held where they are."""
        return held_columns(chosen(self.columns, specs[0]))

    def plan(self, *specs: Any) -> Any:
        """Return what is fitted to nothing."""
        names = chosen(self.columns, specs[0])
        return self.made(names, [np.zeros(len(self.levels)) for _ in names])

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        """Return what the quantiles make."""
        names = chosen(self.columns, results[0].collect_schema())
        return self.made(names, quantiles(engine, results[0], names, self.levels, self.name, exact=self.exact))

    def measure(self, verbs: Verbs, frame: Frame) -> Frame:
        """Return the columns, of which passes measure what they need."""
        return frame.select(list(self.names(frame)))

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return all rows: what each pass measures is merged by itself."""
        return pa.concat_tables(measured)

    def finish(self, statistics: Any) -> Any:
        """Return what quantiles of the columns make, in the order of the columns."""
        return self.made(*statistics)


def held_columns(names: Sequence[str]) -> tuple[Want]:
    """Return the want of some columns, held where they are."""
    return (Want(lambda _, frame: frame.select(list(names)), "held", columns=frozenset(names)),)


def quantiles(engine: Engine, data: Any, names: Sequence[str], levels: Sequence[float], what: str, *, exact: bool) -> list[Any]:
    """Return an array of quantiles for each column, as NumPy's ``linear`` method gives them; missing values are passed over.

    Parameters
    ----------
    exact
        Whether they are exact, by a second pass over the rows. Else they are values of the column whose rank is less than
        ``n_values / 4096 + n_blocks`` from the wanted one.

    Raises
    ------
    StageError
        A column has infinity or NaN.
    """
    first = _pass(engine, data, partial(_sketched, tuple(names)))
    sketches = [_Sketch(first, number) for number in range(len(names))]
    require_finite(names, [sketch.n_odd for sketch in sketches], what)
    if not exact:
        return [sketch.quantiles(levels) for sketch in sketches]
    intervals = [sketch.intervals(levels) for sketch in sketches]
    if not any(intervals):
        return [np.full(len(levels), np.nan) for _ in names]
    second = _pass(engine, data, partial(_inside, tuple(names), tuple(map(tuple, intervals))))
    return [_ranked(second, number, sketch.n, levels) for number, sketch in enumerate(sketches)]


def _pass(engine: Engine, data: Any, prepare: Any) -> pa.Table:
    """Return what a pass over the rows measures."""
    (made,) = engine.compute([Demand("arrow", data, Want(prepare, "arrow", merged))])
    return merged([made])


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
