"""Takes dates and times apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError, UsageError, listing, nearest
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema, as_dtype
from gpupipe.core.stage import RowStage
from gpupipe.stages._ordered import is_time, require_new

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


def _is_leap(year: nw.Expr) -> nw.Expr:
    """Return 1 for a leap year, else 0."""
    divides = [(year - (year // by) * by == 0).cast(nw.Int32) for by in (4, 100, 400)]
    return divides[0] - divides[1] + divides[2]


def _week(column: nw.Expr) -> nw.Expr:
    """Return the week of ISO 8601: that of the year in which its Thursday lies."""
    year = column.dt.year().cast(nw.Int32)
    thursday = column.dt.ordinal_day().cast(nw.Int32) + 4 - column.dt.weekday().cast(nw.Int32)
    before, now = 365 + _is_leap(year - 1), 365 + _is_leap(year)
    place = nw.when(thursday < 1).then(thursday + before).otherwise(nw.when(thursday > now).then(thursday - now).otherwise(thursday))
    return (place - 1) // 7 + 1


_OF_DAYS: Mapping[str, Callable[[nw.Expr], nw.Expr]] = {
    "year": lambda column: column.dt.year(),
    "quarter": lambda column: (column.dt.month().cast(nw.Int32) + 2) // 3,
    "month": lambda column: column.dt.month(),
    "week": _week,
    "day": lambda column: column.dt.day(),
    "day_of_year": lambda column: column.dt.ordinal_day(),
    "weekday": lambda column: column.dt.weekday(),
    "is_weekend": lambda column: column.dt.weekday() >= 6,
}
_OF_TIMES: Mapping[str, Callable[[nw.Expr], nw.Expr]] = {
    "hour": lambda column: column.dt.hour(),
    "minute": lambda column: column.dt.minute(),
    "second": lambda column: column.dt.second(),
}
PARTS = (*_OF_DAYS, *_OF_TIMES)


@dataclass(frozen=True, init=False)
class CalendarParts(RowStage):
    """Appends parts of a date or time, ``when_month``, as Int32; ``is_weekend`` is a truth value.

    Parameters
    ----------
    column
        Dates or times.
    parts
        Among year, quarter, month, week (of ISO 8601), day, day_of_year, weekday (1 is Monday), is_weekend, hour, minute and second.
    time_zone
        Where the clock hangs that is read: ``"Europe/Berlin"``. Times without a zone are taken for UTC then.

    Examples
    --------
    >>> import polars as pl, datetime as dt
    >>> frame = pl.DataFrame({"when": [dt.datetime(2020, 12, 31, 23, 30)]})
    >>> CalendarParts("when", ["year", "week", "hour"], time_zone="Europe/Berlin").apply(frame).row(0)[1:]
    (2021, 53, 0)
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    column: str
    parts: tuple[str, ...]
    time_zone: str | None

    def __init__(self, column: str, parts: str | Sequence[str], *, time_zone: str | None = None) -> None:
        chosen = (parts,) if isinstance(parts, str) else tuple(parts)
        for part in chosen:
            if part not in PARTS:
                msg = f"CalendarParts expects parts among {listing(PARTS)}, got {part!r}.{nearest(str(part), PARTS)}"
                raise UsageError(msg)
        if time_zone is not None:
            as_dtype(nw.Datetime("us", time_zone))  # which knows whether there is such a zone
        settle(self, column=column, parts=chosen, time_zone=time_zone)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, or a new one that is; DtypeError for one without such parts."""
        schemas[0].require((self.column,))
        dtype = schemas[0][self.column].dtype
        timed = [part for part in self.parts if part in _OF_TIMES]
        if not is_time(dtype) or (dtype == nw.Date and (timed or self.time_zone)):
            wanted = "times" if timed or self.time_zone else "dates or times"
            msg = f"CalendarParts expects {wanted} in {self.column!r}, got {dtype}. Cast it first, as with .str.to_datetime()."
            raise DtypeError(msg)
        require_new(schemas[0], [f"{self.column}_{part}" for part in self.parts], "CalendarParts")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the parts."""
        column = nw.col(self.column)
        if self.time_zone is not None:
            dtype: Any = frames[0].collect_schema()[self.column]
            known = column if dtype.time_zone else column.dt.replace_time_zone("UTC")
            column = known.dt.convert_time_zone(self.time_zone)
        made = {part: (_OF_DAYS.get(part) or _OF_TIMES[part])(column) for part in self.parts}
        return frames[0].with_columns(
            (value if part == "is_weekend" else value.cast(nw.Int32)).alias(f"{self.column}_{part}") for part, value in made.items()
        )

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the column."""
        return frozenset({self.column})
