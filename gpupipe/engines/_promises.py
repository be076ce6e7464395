"""What a user's function of rows promises, looked at in the plan: it makes of any subset of the rows what it makes of them among all.

The function is run once on a frame that notes what is done to it. An expression or a method that looks at other rows is refused with its
line. What cannot be seen from outside (eager code, functions over batches) is tried: on a few made-up rows, whole and cut, as the laws do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
from narwhals import Expr as AnyExpr  # see `core/expressions.py`

from gpupipe.core.errors import PlanError
from gpupipe.core.expressions import is_constant, other_rows
from gpupipe.core.node import calling_line
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.engines._query import rounded_decimals, rounds_to_whole
from gpupipe.engines._symbolic import AT_ONCE, VERBS, empty_frame
from gpupipe.engines._watching import HIDING, OF_EXPRESSIONS, SEVERAL_ROWS, watched

_REMEDY = (
    "@gp.rows promises that every row is worked on by itself, so that a table may be cut anywhere. Decorate the function with "
    "@gp.by_key('...') where all rows of a key must be seen together, or with @gp.whole_table where all rows must."
)
_NUMBERS = (0, 1, 4, 4, 1, 0)


@dataclass
class _Seen:
    """What was done to the frame: what looks at other rows, each with its line, and whether anything could not be seen."""

    broken: list[str] = field(default_factory=list)
    hidden: bool = False

    def enter(self, what: str) -> None:
        """Note what looks at other rows."""
        path, line = calling_line()
        shown = Path(path).relative_to(Path.cwd()) if Path(path).is_relative_to(Path.cwd()) else Path(path)
        self.broken.append(f"{what}, at {shown}:{line}")

    def look_at(self, method: str, frame: nw.LazyFrame[Any], arguments: list[Any]) -> None:
        """Note what of a call looks at other rows; constants alone in place of a table's columns are one row."""
        if method in SEVERAL_ROWS:
            self.enter(f"{method}()")
        if method not in OF_EXPRESSIONS:
            self.hidden = self.hidden or method in HIDING
            return
        for given in arguments:
            operation = other_rows(given) if isinstance(given, AnyExpr) else None
            if operation == "map_batches":
                self.hidden = True
            elif operation is not None:
                self.enter(f"{operation}()")
        if method == "select" and arguments and all(_is_constant(given) for given in arguments):
            self.enter("constants alone, which are one row")


def _is_constant(given: Any) -> bool:
    """Whether what a column is made of reads none."""
    return not isinstance(given, str) and (not isinstance(given, AnyExpr) or is_constant(given))


def require_promises(stage: TableStage, schemas: Sequence[Schema]) -> None:
    """Raise PlanError where a user's function on tables of the schemas does not do what its decorator promises, or rounds decimals."""
    if stage.kind == "row":
        require_by_row(stage, schemas[0])
    if any(isinstance(dtype, nw.Decimal) for schema in schemas for dtype in schema.dtypes.values()):
        found = rounded_decimals(stage.run(VERBS, *(empty_frame(schema) for schema in schemas)).to_native())
        if found is not None:
            msg = (
                f"{stage.name} makes a {found} of decimals, which is rounded inside a function. Use WithColumns, GroupBy or Scalar for it,"
            )
            raise PlanError(f"{msg} where it is exact, or cast first: nw.col('price').cast(nw.Float64).")


def require_one_meaning(stage: TableStage, query: pl.LazyFrame) -> None:
    """Raise PlanError where what a stage makes of its tables would depend on the version of Polars."""
    if rounds_to_whole(query):
        raise PlanError(
            f"{stage.name} casts decimals to whole numbers, which Polars {pl.__version__} rounds, and Polars from 2.1 on cuts off, as "
            "other engines do. Write .cast(nw.Float64) before the cast, or run: pip install 'polars>=2.1'"
        )


def require_by_row(stage: TableStage, schema: Schema) -> None:
    """Raise PlanError where a user's function of rows, run on tables of the schema, looks at other rows than its own."""
    seen = _Seen()
    try:
        stage.run(VERBS, watched(empty_frame(schema), seen.look_at))
    except Exception:  # noqa: BLE001  (it has run on a plain frame, so it is this one that it cannot take: what it does stays hidden)
        seen.hidden = True
    if seen.broken:
        raise PlanError(f"{stage.name} looks at other rows than its own: {seen.broken[0]}. {_REMEDY}")
    if seen.hidden and not _is_same_when_cut(stage, schema):
        raise PlanError(f"{stage.name} makes other rows of a table that is cut in two than of the whole. {_REMEDY}")


def _is_same_when_cut(stage: TableStage, schema: Schema) -> bool:
    """Whether a few made-up rows give the same whole and cut; also where the function cannot take them, which says nothing."""
    try:
        dtypes = empty_frame(schema).to_native().collect_schema()
        rows = pl.DataFrame([_made_up(name, dtype, number) for number, (name, dtype) in enumerate(dtypes.items())])
        whole = _made(stage, rows)
    except Exception:  # noqa: BLE001  (whatever a function says to values that mean nothing)
        return True
    try:
        parts = [_made(stage, part) for part in (rows[:2], rows[2:3], rows[3:6], rows[6:])]
    except Exception:  # noqa: BLE001  (what a function of rows takes together, it takes apart: one that draws five of them does not)
        return False
    return sorted(map(repr, whole.rows())) == sorted(map(repr, pl.concat(parts).rows()))


def _made(stage: TableStage, rows: pl.DataFrame) -> pl.DataFrame:
    """Return what the stage makes of some rows."""
    made: pl.DataFrame = stage.run(VERBS, nw.from_native(rows.lazy())).to_native().collect(engine=AT_ONCE)
    return made


def _made_up(name: str, dtype: pl.DataType, number: int) -> pl.Series:
    """Return a few values of a dtype for a column, each twice or more, not the same ones in the next column; the last one is missing."""
    start = number % len(_NUMBERS)
    numbers = [*_NUMBERS[start:], *_NUMBERS[:start]] * 2
    if dtype.is_numeric() and not dtype.is_decimal():
        values: list[Any] = list(numbers)
    elif dtype.is_decimal():
        values = [Decimal(number) for number in numbers]
    elif dtype == pl.Boolean:
        values = [number % 2 == 0 for number in numbers]
    elif dtype == pl.Date:
        values = [dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in numbers]
    elif dtype == pl.Time:
        values = [dt.time(number) for number in numbers]
    elif dtype == pl.Duration:
        values = [dt.timedelta(hours=number) for number in numbers]
    elif isinstance(dtype, pl.Datetime):
        values = [dt.datetime(2020, 1, 1 + number) for number in numbers]  # noqa: DTZ001  (in the column's own zone)
    else:
        values = [f"{number}" for number in numbers]
    series = pl.Series(name, [*values, None])
    return series.dt.replace_time_zone(dtype.time_zone).cast(dtype) if isinstance(dtype, pl.Datetime) else series.cast(dtype)
