"""Rules that rows or tables are held to by `Expect`, beside plain expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.node import Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, as_columns

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Unique:
    """No two rows have the same key; all rows of a key that has several fail. A key that is missing, in whole or part, passes."""

    columns: tuple[str, ...]

    def __init__(self, *columns: str) -> None:
        settle(self, columns=as_columns(columns, "Unique"))


@dataclass(frozen=True, init=False, eq=False)
class ForeignKey:
    """The key stands in another table. A key that is missing, in whole or part, passes.

    Parameters
    ----------
    columns
        The key here.
    table
        The other table.
    other
        The key's columns there; the same names unless given.
    """

    columns: tuple[str, ...]
    table: Table
    other: tuple[str, ...]

    def __init__(self, columns: Any, table: Table, other: Any = None) -> None:
        names = as_columns(columns, "ForeignKey")
        there = names if other is None else as_columns(other, "ForeignKey's other")
        if not isinstance(table, Table) or len(there) != len(names):
            msg = f"ForeignKey expects columns, a table, and as many columns there, got {names}, {type(table).__name__}, {there}."
            raise UsageError(msg)
        settle(self, columns=names, table=table, other=there)


@dataclass(frozen=True)
class Within:
    """A number lies between two ends, which belong to the range; None is an open end. What is missing passes, NaN fails."""

    column: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            msg = f"Within expects an end of the range of {self.column!r}: Within({self.column!r}, 0, 120)."
            raise UsageError(msg)

    def expression(self) -> nw.Expr:
        """Return the rule as an expression."""
        column = nw.col(self.column)
        parts = [] if self.low is None else [column >= self.low]
        parts += [] if self.high is None else [column <= self.high]
        return nw.all_horizontal(*parts, ignore_nulls=False)


@dataclass(frozen=True)
class AtMostMissing:
    """At most a share of a column's values is missing; a rule of the whole table."""

    column: str
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            msg = f"AtMostMissing expects a share between 0 and 1, got {self.share!r}."
            raise UsageError(msg)


@dataclass(frozen=True)
class RowCount:
    """There are at least, and at most, so many rows; a rule of the whole table."""

    low: int = 0
    high: int | None = None


@dataclass(frozen=True)
class Doubled(KeyStage):
    """Marks the rows of keys that several rows have."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    columns: tuple[str, ...]
    mark: str

    @property
    def name(self) -> str:
        """What it is a part of."""
        return "Expect"

    @property
    def keys(self) -> tuple[str, ...]:
        """The key."""
        return self.columns

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the mark."""
        there = [~nw.col(name).is_null() for name in self.columns]
        again = nw.col(self.columns[0]).len().over(*self.columns) > 1
        return frames[0].with_columns(nw.all_horizontal(again, *there, ignore_nulls=False).alias(self.mark))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the key."""
        return frozenset(self.columns)
