"""Rows of a table as a matrix of series: one row a series, one column a step, missing where the table has no row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ColumnError, DtypeError, PlanError, StageError, UsageError, listing
from gpupipe.core.schema import Field, Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.tools import Tools
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._grid import LEAST_FILLED, Grid, months_of, said, ticks_a_day


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what.

    Parameters
    ----------
    by
        The series' key; none for a table of one series.
    """

    by: tuple[str, ...]
    time: str
    target: str
    exogenous: tuple[str, ...] = ()

    @classmethod
    def of(cls, stage: str, by: Any, time: Any, target: Any, exogenous: Any) -> Columns:
        """Return the columns as a user names them."""
        keys = () if by is None else as_columns(by, f"{stage}'s by")
        others = () if exogenous is None else as_columns(exogenous, f"{stage}'s exogenous")
        (moment,), (values,) = as_columns(time, f"{stage}'s time"), as_columns(target, f"{stage}'s target")
        names = [*keys, moment, values, *others]
        if len(set(names)) < len(names):
            msg = f"{stage} expects different columns as by, time, target and exogenous, got {listing(names)}."
            raise UsageError(msg)
        return cls(keys, moment, values, others)

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.by, self.time, self.target, *self.exogenous]

    def check(self, schema: Schema, stage: str, *, target: bool = True) -> None:
        """Raise ColumnError for one that is not there, DtypeError or PlanError for one of a dtype that cannot be what it is to be."""
        schema.require([*self.by, self.time])
        schema.require_numeric([*([self.target] if target else []), *self.exogenous], f"{stage}'s target or exogenous column")
        floats = [name for name in self.by if schema[name].dtype.is_float()]
        if floats:
            msg = f"{stage} expects keys that can be equal, got {schema[floats[0]].dtype} in {floats[0]!r}. Round and cast it first."
            raise PlanError(msg)
        dtype = schema[self.time].dtype
        if not (dtype.is_integer() or isinstance(dtype, nw.Date | nw.Datetime)):
            msg = f"{stage} expects times that are whole numbers, dates or datetimes, got {dtype} in {self.time!r}. Cast it first."
            raise DtypeError(msg)

    def labels(self, schema: Schema, stage: str, made: Sequence[str]) -> tuple[tuple[str, Field], ...]:
        """Return the fields of key and time in a table that has other columns beside them; none of them is missing."""
        twice = [name for name in (*self.by, self.time) if name in made]
        if twice:
            msg = f"{stage} makes column {listing(twice)}, and a key or the time is called so. Rename it before Forecast."
            raise ColumnError(msg)
        text = nw.String()
        dtypes = {name: schema[name].dtype for name in (*self.by, self.time)}
        return tuple((name, Field(text if isinstance(dtype, nw.Categorical) else dtype, nullable=False)) for name, dtype in dtypes.items())


@dataclass(frozen=True)
class Series:
    """Series on a grid of time, each from its own first row on.

    Parameters
    ----------
    starts
        A frame of the key and the time of each series' first row, ascending by key.
    lengths
        [n_series] how many steps there are up to its last row.
    values, regressors
        [n_series, n_steps] and [n_series, n_steps, n_columns]; NaN is missing.
    """

    starts: Any
    grid: Grid
    lengths: Any
    values: Any
    regressors: Any
    n_rows: int


def read_series(tools: Tools, given: nw.DataFrame[Any], columns: Columns, step: str | int | None, stage: str) -> Series:
    """Return the series of a table's rows.

    Raises
    ------
    StageError
        There is no row; a key or a time is missing; two rows of a series have one time; times go by no regular step; or the matrix needs
        more memory than there is.
    """
    xp, frame = tools.xp, whole(given, columns, stage)
    codes = coded(tools, frame, columns)
    times = tools.array(frame, columns.time).astype(xp.int64)
    order = xp.lexsort(xp.stack([times, codes]))
    codes, times = codes[order], times[order]
    same = codes[1:] == codes[:-1]
    where = _Place(frame, columns, order, stage)
    ticks = ticks_a_day(frame.schema[columns.time])
    grid, numbers = _grid(xp, times, same, (ticks, said(step, frame.schema[columns.time])), where)
    first = xp.concatenate([xp.zeros(1, dtype=bool), same])
    starts = xp.flatnonzero(~first)
    steps = (numbers - numbers[starts][codes]) // grid.step
    ends = xp.concatenate([starts[1:], xp.asarray([len(codes)])]) - 1
    lengths = steps[ends] + 1
    shape = (len(starts), int(lengths.max()))
    _require_filled(tools, grid, (shape, int(lengths.sum()), len(codes)), len(columns.exogenous), step, where)
    values = _placed(tools, frame, columns.target, order, (codes, steps, shape), xp.nan)
    regressors = None
    if columns.exogenous:  # where there is no row, a column's value does not matter, since there is none to be explained
        regressors = xp.stack([_placed(tools, frame, name, order, (codes, steps, shape), 0.0) for name in columns.exogenous], axis=2)
    rows = to_host(order[starts])
    table = plain_table(frame.select([*columns.by, columns.time]).to_arrow()).take(pa.array(rows))
    return Series(tools.adopted(table), grid, to_host(lengths).astype(np.int64), values, regressors, len(codes))


def whole(frame: nw.DataFrame[Any], columns: Columns, stage: str) -> nw.DataFrame[Any]:
    """Return the rows with categories as text; raise StageError where there is none, or a key or a time is missing."""
    if not len(frame):
        msg = f"{stage} expects rows, got none. Look at what filters them."
        raise StageError(msg)
    for name in (*columns.by, columns.time):
        if missing := int(frame[name].null_count()):
            msg = f"{stage} expects a value in every row of {name!r}, got {missing} missing. Fill them, or drop those rows."
            raise StageError(msg)
    categories = [name for name in columns.by if isinstance(frame.schema[name], nw.Categorical)]
    return frame.with_columns(nw.col(categories).cast(nw.String)) if categories else frame


def coded(tools: Tools, frame: nw.DataFrame[Any], columns: Columns) -> Any:
    """Return the number of each row's series."""
    if not columns.by:
        return tools.xp.zeros(len(frame), dtype=tools.xp.int64)
    return tools.coded((frame, columns.by)).numbers[0].astype(tools.xp.int64)


@dataclass(frozen=True)
class _Place:
    """Says where in a table something is."""

    frame: nw.DataFrame[Any]
    columns: Columns
    order: Any
    stage: str

    def at(self, place: int) -> str:
        """Return the key and the time of a row, by its place in the order of series and time."""
        row = int(self.order[place])
        names = [*self.columns.by, self.columns.time]
        found = self.frame.select(names)[row : row + 1].rows()[0]
        return ", ".join(
            f"{name}={value if hasattr(value, 'isoformat') else repr(value)}" for name, value in zip(names, found, strict=True)
        )


def _grid(xp: Any, times: Any, same: Any, given: tuple[int, Grid | None], where: _Place) -> tuple[Grid, Any]:
    """Return the grid, and the numbers of sorted times on it."""
    ticks, grid = given
    unit = grid.unit if grid is not None else months_of(times, same, ticks, xp) or "own"
    if grid is not None and unit == "months":
        unit = months_of(times, same, ticks, xp) or unit
    numbers = Grid(1, unit, ticks).numbers(times, xp)
    gaps = (numbers[1:] - numbers[:-1])[same]
    places = xp.flatnonzero(same)
    if bool((zero := (times[1:] == times[:-1])[same]).any()):
        msg = (
            f"{where.stage} expects one row for each series and time, got {int(zero.sum())} more, at {where.at(int(places[zero][0]))} for "
            "one. Aggregate them first, as with gp.GroupBy."
        )
        raise StageError(msg)
    if grid is None and not len(gaps):
        if ticks:
            msg = f"{where.stage} finds no step of time, since every series has one row. Say it, as in step='1d'."
            raise StageError(msg)
        return Grid(1, "own", ticks), numbers
    made = Grid(int(gaps.min()) if grid is None else grid.step, unit, ticks)
    _require_regular(xp, made, gaps, places, where)
    return made, numbers


def _require_regular(xp: Any, grid: Grid, gaps: Any, places: Any, where: _Place) -> None:
    """Raise StageError where times are not whole steps apart."""
    wrong = (gaps % grid.step != 0) | (gaps == 0)  # two times of one month, where months were said
    if not bool(wrong.any()):
        return
    kinds, counts = (to_host(part) for part in xp.unique(gaps[gaps > 0], return_counts=True))
    if not len(kinds):
        kinds, counts = np.array([grid.step]), np.array([1])
    usual = int(kinds[counts.argmax()])
    odd = wrong & (gaps % usual != 0)
    place = int(places[odd if bool(odd.any()) else wrong][0])
    usually, least = Grid(usual, grid.unit, grid.ticks_a_day).text, grid.text
    beside = "" if usually == least else f" (the usual step is {usually})"
    msg = (
        f"{where.stage} expects regular steps of time, got {int(wrong.sum())} of {len(gaps)} that are not a whole number of {least}"
        f"{beside}: one is from {where.at(place)} to the next row. Round the times, as with dt.truncate, or aggregate by a coarser step."
    )
    raise StageError(msg)


def _require_filled(tools: Tools, grid: Grid, size: tuple[tuple[int, int], int, int], n_columns: int, step: Any, where: _Place) -> None:
    """Raise StageError where nearly every step is empty, or the matrix is larger than memory."""
    (n_series, n_steps), n_spanned, n_rows = size
    if step is None and n_spanned > 1000 and n_rows < LEAST_FILLED * n_spanned:
        share, said_so = f"{100 * n_rows / n_spanned:.2g} %", repr("1d") if grid.ticks_a_day else "1"
        msg = (
            f"{where.stage} finds a step of {grid.text}, with rows in {share} of the steps: the times are irregular. Round them, as with "
            f"dt.truncate, or say the step, as in step={said_so}."
        )
        raise StageError(msg)
    needed = 8 * n_series * n_steps * (1 + n_columns)
    if tools.most_bytes is not None and needed > tools.most_bytes:
        msg = (
            f"{n_series:,} series of up to {n_steps:,} steps of {grid.text} need {needed:,} bytes, and there are {tools.most_bytes:,}. "
            "Filter the rows, or aggregate by a coarser step."
        )
        raise StageError(msg)


def _placed(tools: Tools, frame: nw.DataFrame[Any], name: str, order: Any, at: tuple[Any, Any, tuple[int, int]], empty: float) -> Any:
    """Return a column as a matrix; missing is NaN."""
    codes, steps, shape = at
    made = tools.xp.full(shape, empty)
    made[codes, steps] = column_of(tools, frame, name)[order]
    return made


def column_of(tools: Tools, frame: nw.DataFrame[Any], name: str) -> Any:
    """Return a column as floats; missing is NaN."""
    column, xp = tools.array(frame, name), tools.xp
    missing = tools.missing(frame, name) if column.dtype.kind != "f" else None
    column = column.astype(xp.float64)
    return column if missing is None else xp.where(missing, xp.nan, column)
