"""What stages share that look at the rows of a key in an order."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, Outcome, as_columns
from gpupipe.stages._keys import is_plain, require_plain

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


class OrderedStage(KeyStage):
    """Appends to each row something made of the rows of its key in an order: for each of `columns` one column.

    Among rows that the order does not tell apart, those come first that are smaller in the table's other columns, one after the other, so
    that the answer does not depend on chance.
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    replaces: ClassVar[bool] = False  # whether a column is made anew, under its own name
    numeric: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    columns: tuple[str, ...]
    by: tuple[str, ...]
    order: tuple[str, ...]

    def _settle(self, columns: Any, by: Any, order: Any, **more: Any) -> None:
        """Set the fields of the stage that is being made."""
        name = self.name
        settle(self, columns=as_columns(columns, f"{name}'s columns"), by=as_columns(by, f"{name}'s by"))
        settle(self, order=as_columns(order, f"{name}'s order"), **more)

    def named(self, column: str) -> str:
        """Return the name of what is made of a column."""
        return column

    def of(self, column: nw.Expr) -> nw.Expr:
        """Return what is made of a column of the rows in order."""
        raise NotImplementedError

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that had no missing value.

        Raise ColumnError for a column that is not there, or a new one that is; DtypeError for one of the wrong kind.
        """
        require_plain(schemas[0], (*self.by, *self.order), f"{self.name}'s by and order")
        if self.numeric:
            require_amounts(schemas[0], self.columns, self.name)
        else:
            require_plain(schemas[0], self.columns, f"{self.name}'s columns")
        if not self.replaces:
            require_new(schemas[0], [self.named(column) for column in self.columns], self.name)
        return Outcome(not_null=schemas[0].not_null)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the columns made."""
        order = settled_order(frames[0].collect_schema(), self.by, self.order)
        made = [self.of(nw.col(name)).over(*self.by, order_by=order).alias(self.named(name)) for name in self.columns]
        return frames[0].with_columns(made)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return all columns: those that are neither key nor order settle ties."""
        return frozenset(schemas[0])


def settled_order(schema: Mapping[str, Any], by: Sequence[str], order: Sequence[str]) -> list[str]:
    """Return the columns that put a key's rows in order: those given, then all others whose values engines order alike."""
    ties = [name for name, dtype in schema.items() if name not in by and name not in order and is_plain(dtype) and not dtype.is_float()]
    floats = [name for name, dtype in schema.items() if name not in by and name not in order and dtype.is_float()]
    return [*order, *ties, *floats]


def require_new(schema: Schema, names: Sequence[str], what: str) -> None:
    """Raise ColumnError for the first of the names that is a column already."""
    for name in names:
        if name in schema:
            msg = f"{what} expects new names, got {name!r}, which is a column already. Rename or drop it first."
            raise ColumnError(msg)


def require_amounts(schema: Schema, columns: Sequence[str], what: str) -> None:
    """Raise ColumnError for a column that is not there, DtypeError for one that holds neither numbers nor times."""
    schema.require(columns)
    for name in columns:
        dtype = schema[name].dtype
        if not (dtype.is_numeric() or dtype in (nw.Datetime, nw.Date, nw.Duration)) or dtype.is_decimal():
            msg = f"{what} expects numbers or times, got {dtype} in column {name!r}. Cast it first, or leave it out."
            raise DtypeError(msg)


_UNITS = {"us": 1, "ms": 1000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6, "w": 7 * 86400 * 10**6}
_LENGTH = re.compile(r"([+-]?\d+)(us|ms|s|m|h|d|w)")


def microseconds(length: Any, what: str) -> int:
    """Return a length of time in microseconds: of a timedelta, or of text such as ``"7d"``, ``"-90m"``.

    Raises
    ------
    UsageError
        It is neither.

    Examples
    --------
    >>> microseconds("2h", "gap"), microseconds(dt.timedelta(milliseconds=3), "gap")
    (7200000000, 3000)
    """
    if isinstance(length, dt.timedelta):
        return length // dt.timedelta(microseconds=1)
    found = _LENGTH.fullmatch(length) if isinstance(length, str) else None
    if found is None:
        msg = f"{what} expects a timedelta or text such as '7d', '90m', '30s' (units us, ms, s, m, h, d, w), got {length!r}."
        raise UsageError(msg)
    return int(found[1]) * _UNITS[found[2]]


def is_time(dtype: Any) -> bool:
    """Whether values of the dtype are points in time."""
    return dtype in (nw.Datetime, nw.Date)


def as_number(column: nw.Expr, dtype: Any) -> nw.Expr:
    """Return points in time as microseconds since 1970, whole numbers as they are, both as Int64."""
    return column.dt.timestamp("us").cast(nw.Int64) if is_time(dtype) else column.cast(nw.Int64)


def require_points(schema: Schema, column: str, length: Any, what: str) -> None:
    """Raise where a column holds neither whole numbers nor times, or a length does not fit it: an int, or a time."""
    schema.require((column,))
    dtype = schema[column].dtype
    if not (dtype.is_integer() or is_time(dtype)):
        msg = f"{what} expects whole numbers, dates or times in {column!r}, got {dtype}. Cast it first."
        raise DtypeError(msg)
    if isinstance(length, int) is is_time(dtype):
        wanted = "a length of time, such as '7d'" if is_time(dtype) else "a whole number"
        msg = f"{what} expects {wanted} for column {column!r} of {dtype}, got {length!r}."
        raise DtypeError(msg)


@dataclass(frozen=True, init=False)
class ShiftedStage(OrderedStage):
    """Appends a column's value some rows away; which way, its stage says."""

    numeric: ClassVar[bool] = False

    columns: tuple[str, ...]
    by: tuple[str, ...]
    order: tuple[str, ...]
    n: int

    def __init__(self, columns: str | Sequence[str], n: int = 1, *, by: str | Sequence[str], order: str | Sequence[str]) -> None:
        if not isinstance(n, int) or n < 1:
            msg = f"{type(self).__name__} expects a number of rows from 1 on, got {n!r}."
            raise UsageError(msg)
        self._settle(columns, by, order, n=n)
