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
from gpupipe.core.present import as_text, require_present, text_of
from gpupipe.core.schema import Field, Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.tools import Tools
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._grid import Grid
from gpupipe.stages.forecasts._steps import SeriesRows, Steps, require_regular


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
        return tuple((name, Field(text_of(schema[name].dtype), nullable=False)) for name in (*self.by, self.time))


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
    rows = read_rows(tools, given, columns, stage)
    grid = Steps.of(tools, rows).grid(step, rows.dtype, stage)
    return placed(tools, rows, grid)


def read_rows(tools: Tools, given: nw.DataFrame[Any], columns: Columns, stage: str) -> SeriesRows:
    """Return a table's rows in the order of series and time; see `read_series`."""
    frame = whole(given, columns, stage)
    return SeriesRows.of(tools, frame, columns, coded(tools, frame, columns), stage)


def placed(tools: Tools, rows: SeriesRows, grid: Grid) -> Series:
    """Return the series of rows on a grid; see `read_series`."""
    xp, frame, columns, codes, order = tools.xp, rows.frame, rows.columns, rows.codes, rows.order
    numbers = Grid(1, grid.unit, grid.ticks_a_day).numbers(rows.times, xp)
    require_regular(rows, grid, numbers, xp)
    first = xp.concatenate([xp.zeros(1, dtype=bool), rows.same])
    starts = xp.flatnonzero(~first)
    steps = (numbers - numbers[starts][codes]) // grid.step
    ends = xp.concatenate([starts[1:], xp.asarray([len(codes)])]) - 1
    lengths = steps[ends] + 1
    shape = (len(starts), int(lengths.max()))
    _require_room(tools, grid, shape, len(columns.exogenous))
    values = _placed(tools, frame, columns.target, order, (codes, steps, shape), xp.nan)
    regressors = None
    if columns.exogenous:  # where there is no row, a column's value does not matter, since there is none to be explained
        regressors = xp.stack([_placed(tools, frame, name, order, (codes, steps, shape), 0.0) for name in columns.exogenous], axis=2)
    table = plain_table(frame.select([*columns.by, columns.time]).to_arrow()).take(pa.array(to_host(order[starts])))
    return Series(tools.adopted(table), grid, to_host(lengths).astype(np.int64), values, regressors, len(codes))


def whole(frame: nw.DataFrame[Any], columns: Columns, stage: str) -> nw.DataFrame[Any]:
    """Return the rows with categories as text; raise StageError where there is none, or a key or a time is missing."""
    if not len(frame):
        msg = f"{stage} expects rows, got none. Look at what filters them."
        raise StageError(msg)
    require_present(frame, (*columns.by, columns.time), stage, "a value")
    return as_text(frame, columns.by)


def coded(tools: Tools, frame: nw.DataFrame[Any], columns: Columns) -> Any:
    """Return the number of each row's series."""
    if not columns.by:
        return tools.xp.zeros(len(frame), dtype=tools.xp.int64)
    return tools.coded((frame, columns.by)).numbers[0].astype(tools.xp.int64)


def _require_room(tools: Tools, grid: Grid, shape: tuple[int, int], n_columns: int) -> None:
    """Raise StageError where the matrix is larger than memory."""
    needed = 8 * shape[0] * shape[1] * (1 + n_columns)
    if tools.most_bytes is not None and needed > tools.most_bytes:
        msg = (
            f"{shape[0]:,} series of up to {shape[1]:,} steps of {grid.text} need {needed:,} bytes, and there are {tools.most_bytes:,}. "
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
