"""Joins each row with those of another table in whose interval it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, Outcome, as_columns
from gpupipe.core.verbs import IntervalJoining
from gpupipe.stages._keys import require_plain
from gpupipe.stages._ordered import require_amounts

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class IntervalJoin(KeyStage):
    """Joins each row of the left table with the right table's rows of its key whose interval ``[start, end)`` holds its value.

    A row comes out once for each such interval; in a left join once, with nothing beside it, where there is none. What is missing, key or
    value, lies in none; an interval without an end has none. NaN is larger than every number. Rows are sorted, and those of an interval
    found by binary search.

    Parameters
    ----------
    at
        The left table's column: numbers, dates or times.
    start, end
        The right table's columns; both come out.
    by
        The key's columns, in both tables.
    how
        ``"inner"`` or ``"left"``.
    closed
        Which ends belong to the interval: ``"left"``, ``"right"``, ``"both"`` or ``"none"``.
    suffix
        What is put behind the right table's names that the left one has, too.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"k": [1, 1], "t": [3, 9]})
    >>> phases = pl.DataFrame({"k": [1, 1], "low": [0, 5], "high": [5, 9], "phase": ["a", "b"]})
    >>> IntervalJoin("t", start="low", end="high", by="k").apply(rows, phases)["phase"].to_list()
    ['a']
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    keeps_keys: ClassVar[bool] = True

    at: str
    start: str
    end: str
    by: tuple[str, ...]
    how: Literal["inner", "left"]
    closed: Literal["left", "right", "both", "none"]
    suffix: str

    def __init__(
        self,
        at: str,
        *,
        start: str,
        end: str,
        by: str | Sequence[str],
        how: Literal["inner", "left"] = "inner",
        closed: Literal["left", "right", "both", "none"] = "left",
        suffix: str = "_right",
    ) -> None:
        if how not in ("inner", "left") or closed not in ("left", "right", "both", "none"):
            msg = f"IntervalJoin expects how 'inner' or 'left' and closed 'left', 'right', 'both' or 'none', got {how!r} and {closed!r}."
            raise UsageError(msg)
        settle(self, at=at, start=start, end=end, by=as_columns(by, "IntervalJoin's by"), how=how, closed=closed, suffix=suffix)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the left table's columns that had no missing value.

        Raise ColumnError for a column that is not there, DtypeError for a key, a value or an interval of the wrong kind.
        """
        for schema in schemas:
            require_plain(schema, self.by, "IntervalJoin's by")
        require_amounts(schemas[0], (self.at,), "IntervalJoin")
        require_amounts(schemas[1], (self.start, self.end), "IntervalJoin")
        value = schemas[0][self.at].dtype
        for name in (self.start, self.end):
            dtype = schemas[1][name].dtype
            if value.is_numeric() != dtype.is_numeric() or (not value.is_numeric() and value != dtype):
                msg = f"IntervalJoin expects values and ends of one kind, got {value} in {self.at!r} and {dtype} in {name!r}. Cast one."
                raise DtypeError(msg)
        return Outcome(not_null=schemas[0].not_null)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the joined rows."""
        how = IntervalJoining(self.by, self.at, self.start, self.end, self.how, self.closed, self.suffix)
        return verbs.join_interval(frames[0], frames[1], how)

    def needs(self, wanted: frozenset[str], *schemas: Schema) -> Sequence[frozenset[str]]:
        """Return keys, value and ends, and what is wanted; of names that both tables have, both, since one of them has a suffix."""
        both = set(schemas[0]) & set(schemas[1])
        theirs = {name for name in schemas[1] if name in wanted or name + self.suffix in wanted}
        left = {*self.by, self.at} | (wanted & set(schemas[0])) | both
        return [frozenset(left), frozenset({*self.by, self.start, self.end} | theirs | both)]
