"""Numbers visits: rows of a key between which no long time passes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, as_columns
from gpupipe.stages._keys import require_plain
from gpupipe.stages._ordered import as_number, microseconds, require_new, require_points

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Sessionize(KeyStage):
    """Appends the number of the visit that each row belongs to, from 0 on within its key, as Int64.

    A visit ends where more than `gap` passes before the key's next row. A row without a time belongs to none.

    Parameters
    ----------
    by
        The key's columns: the visitor.
    order
        The column that tells time: whole numbers, dates or times.
    gap
        The longest pause within a visit: a whole number for whole numbers, else a timedelta or text such as ``"30m"``.
    name
        The new column's name.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"user": [1, 1, 1, 2], "second": [0, 100, 4000, 50]})
    >>> Sessionize("user", order="second", gap=3600).apply(frame)["session_id"].to_list()
    [0, 0, 1, 0]
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    by: tuple[str, ...]
    order: str
    gap: Any
    made: str

    def __init__(self, by: str | Sequence[str], *, order: str, gap: int | str | dt.timedelta, name: str = "session_id") -> None:
        length = gap if isinstance(gap, int) else microseconds(gap, "Sessionize's gap")
        if isinstance(gap, bool) or length < 0:
            msg = f"Sessionize expects a gap from 0 on, got {gap!r}."
            raise UsageError(msg)
        settle(self, by=as_columns(by, "Sessionize's by"), order=order, gap=gap, made=name)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, or a new one that is; DtypeError for one of the wrong kind."""
        require_plain(schemas[0], self.by, "Sessionize's by")
        require_points(schemas[0], self.order, self.gap, "Sessionize")
        require_new(schemas[0], [self.made], "Sessionize")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the numbers; rows of one time get the same, whichever of them began the visit."""
        dtype = frames[0].collect_schema()[self.order]
        at, length = nw.col(self.order), self.gap if isinstance(self.gap, int) else microseconds(self.gap, "Sessionize's gap")
        number = as_number(at, dtype)
        timed = frames[0].with_columns(number.alias(self.made))
        before = nw.col(self.made).shift(1).over(*self.by, order_by=self.made)
        begins = ((nw.col(self.made) - before) > length).fill_null(nw.lit(False)).cast(nw.Int64)
        mark = f"{self.made}\x1fbegins"
        counted = timed.with_columns(begins.alias(mark))
        counted = counted.with_columns(nw.col(mark).cum_sum().over(*self.by, order_by=[self.made, mark]).alias(mark))
        numbered = counted.with_columns(nw.col(mark).max().over(*self.by, self.made).alias(mark))
        made = nw.when(nw.col(self.made).is_null()).then(nw.lit(None, dtype=nw.Int64)).otherwise(nw.col(mark))
        return numbered.with_columns(made.alias(self.made)).drop(mark)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the key and the time."""
        return frozenset({*self.by, self.order})
