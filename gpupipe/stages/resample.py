"""Aggregates rows by periods of the calendar."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import narwhals.stable.v2 as nw

from gpupipe.core.aggregates import EmptySum, with_empty_sum
from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.core.expressions import Named
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema, as_dtype
from gpupipe.core.stage import KeyStage, Outcome, as_columns
from gpupipe.stages._keys import require_plain
from gpupipe.stages._named import OfExpressions, expressions, named
from gpupipe.stages._ordered import is_time

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

_EVERY = re.compile(r"([1-9]\d*)(us|ms|s|m|h|d|w|mo|q|y)")
_THREE_DAYS = dt.timedelta(days=3)
_BEGIN = "\x1fbegin"
_OF_CLOCK = ("us", "ms", "s", "m", "h")


@dataclass(frozen=True, init=False, eq=False)
class Resample(OfExpressions, KeyStage):
    """Makes one row of each key and period of the calendar that has rows: the period's beginning, and aggregates of its rows.

    Days, weeks (from Monday), months, quarters and years are those of the column's time zone, so a day may have 23 hours; hours and less
    are counted in UTC. A row without a time is left out.

    Parameters
    ----------
    index
        The column of dates or times; the period's beginning stands in it afterwards.
    every
        How long a period is: ``"15m"``, ``"1h"``, ``"1d"``, ``"1w"``, ``"1mo"``, ``"1q"``, ``"1y"``.
    by
        The key's columns.
    time_zone
        In whose days and months periods are counted, ``"Europe/Berlin"``; the column's own unless given. Times without a zone are taken
        for UTC then.
    empty_sum
        What ``sum()`` makes of a period without a value: ``"zero"``, or ``"null"`` as in SQL.
    aggregates
        Expressions that reduce the rows of a period to one value: ``total=nw.col("x").sum()``.

    Examples
    --------
    >>> import polars as pl, narwhals.stable.v2 as nw, datetime as dt
    >>> frame = pl.DataFrame({"k": [1, 1, 1], "day": [dt.date(2024, 1, 5), dt.date(2024, 1, 30), dt.date(2024, 2, 1)], "x": [1, 2, 3]})
    >>> Resample("day", "1mo", by="k", total=nw.col("x").sum()).apply(frame).sort("day")["total"].to_list()
    [3, 3]
    """

    expressions_in: ClassVar[str] = "aggregates"
    keeps_keys: ClassVar[bool] = True

    index: str
    every: str
    by: tuple[str, ...]
    time_zone: str | None
    aggregates: Named

    def __init__(
        self,
        index: str,
        every: str,
        *,
        by: str | Sequence[str],
        time_zone: str | None = None,
        empty_sum: EmptySum = "zero",
        **aggregates: Any,
    ) -> None:
        if not isinstance(every, str) or _EVERY.fullmatch(every) is None:
            msg = f"Resample expects a period such as '15m', '1h', '1d', '1w', '1mo', '1q' or '1y', got {every!r}."
            raise UsageError(msg)
        if not aggregates:
            msg = "Resample expects at least one aggregate, such as total=nw.col('x').sum(), got none."
            raise UsageError(msg)
        if time_zone is not None:
            as_dtype(nw.Datetime("us", time_zone))  # which knows whether there is such a zone
        held = with_empty_sum(named((), aggregates, "Resample"), empty_sum, "Resample")
        settle(self, index=index, every=every, by=as_columns(by, "Resample's by"), time_zone=time_zone, aggregates=held)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the period, and the keys that cannot be missing.

        Raise ColumnError for a column that is not there, or an aggregate named like a key; DtypeError for one of the wrong kind.
        """
        require_plain(schemas[0], self.by, "Resample's by")
        schemas[0].require((self.index,))
        dtype = schemas[0][self.index].dtype
        of_clock = self._unit in _OF_CLOCK
        if not is_time(dtype) or (dtype == nw.Date and (of_clock or self.time_zone)):
            wanted = "times" if dtype == nw.Date else "dates or times"
            msg = f"Resample expects {wanted} in {self.index!r} for {self.every!r}, got {dtype}. Cast it first, as with .str.to_datetime()."
            raise DtypeError(msg)
        for name, _ in self.aggregates:
            if name in (*self.by, self.index):
                msg = f"Resample expects aggregates under new names, got {name!r}, which is a key. Name it differently."
                raise ColumnError(msg)
        return Outcome(not_null=(schemas[0].not_null & set(self.by)) | {self.index}, stage=self.exact(schemas[0]))

    @property
    def _unit(self) -> str:
        found = _EVERY.fullmatch(self.every)
        assert found is not None
        return found[2]

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return one row a key and period."""
        dtype: Any = frames[0].collect_schema()[self.index]
        column, zone = nw.col(self.index), getattr(dtype, "time_zone", None)
        if self.time_zone is not None:
            column = (column if zone else column.dt.replace_time_zone("UTC")).dt.convert_time_zone(self.time_zone)
            zone = self.time_zone
        if zone is not None and self._unit in _OF_CLOCK:
            begin = column.dt.convert_time_zone("UTC").dt.truncate(self.every).dt.convert_time_zone(zone)
        elif self._unit == "w":  # the first of January 1970, from which seven days are counted, was a Thursday
            days = column if zone is None else column.dt.replace_time_zone(None)
            begin = (days + _THREE_DAYS).dt.truncate(f"{7 * int(self.every[:-1])}d") - _THREE_DAYS
            begin = begin if zone is None else begin.dt.replace_time_zone(zone)
        else:
            begin = column.dt.truncate(self.every)
        timed = frames[0].filter(~nw.col(self.index).is_null()).with_columns(begin.alias(_BEGIN))  # aggregates see the times themselves
        grouped: Any = cast(Any, timed).group_by([*self.by, _BEGIN])
        made: nw.LazyFrame[Any] = grouped.agg(expressions(self.aggregates)).rename({_BEGIN: self.index})
        return made.sort([*self.by, self.index]) if self.is_sorted else made

    def in_order(self) -> KeyStage:
        """Return the stage with its rows in the order of keys and periods."""
        return self.sorted()
