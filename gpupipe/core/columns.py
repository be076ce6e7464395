"""Which columns a stage is of: named ones, or those of a kind among the columns that reach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import PlanError, UsageError, listing, nearest
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns

KINDS: Mapping[str, Callable[[Any], bool]] = {
    "number": lambda dtype: bool(dtype.is_numeric()),
    "integer": lambda dtype: bool(dtype.is_integer()),
    "float": lambda dtype: bool(dtype.is_float()),
    "text": lambda dtype: dtype in (nw.String, nw.Categorical),
    "boolean": lambda dtype: bool(dtype == nw.Boolean),
    "time": lambda dtype: dtype in (nw.Date, nw.Datetime),
}


@dataclass(frozen=True)
class Columns:
    """The columns that are of some kinds, whose names match a pattern, and that play no other role.

    Parameters
    ----------
    kinds
        Among "number", "integer", "float", "text", "boolean" and "time"; of any unless given.
    patterns
        Shell patterns, of which a name matches one.
    but
        Names, or shell patterns, of the columns that play another role: the target, a key, a weight.
    """

    kinds: tuple[str, ...]
    patterns: tuple[str, ...]
    but: tuple[str, ...]

    def among(self, schema: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of those columns, in the order of the table."""
        return tuple(name for name, dtype in _dtypes(schema).items() if self._takes(name, dtype))

    def _takes(self, name: str, dtype: Any) -> bool:
        """Whether a column is one of them."""
        of_kind = not self.kinds or any(KINDS[kind](dtype) for kind in self.kinds)
        named = not self.patterns or any(fnmatchcase(name, pattern) for pattern in self.patterns)
        return of_kind and named and not any(fnmatchcase(name, pattern) for pattern in self.but)

    def __str__(self) -> str:
        parts = {"kind": self.kinds, "named": self.patterns, "but": self.but}
        return ", ".join(f"{word} {listing(values)}" for word, values in parts.items() if values) or "any"


def _dtypes(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return schema.dtypes if isinstance(schema, Schema) else schema


def given_columns(value: Any, what: str) -> tuple[str, ...] | Columns:
    """Return the names given as one or several, or `Columns` as they are."""
    return value if isinstance(value, Columns) else as_columns(value, what)


def chosen(columns: tuple[str, ...] | Columns, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the columns among those of a table.

    Raises
    ------
    PlanError
        There is none of the kind.
    """
    if not isinstance(columns, Columns):
        return columns
    found = columns.among(schema)
    if not found:
        there = listing(f"{name}: {dtype}" for name, dtype in _dtypes(schema).items())
        msg = f"Expected columns of {columns}, got {there}. Name them instead."
        raise PlanError(msg)
    return found


def require_kinds(kinds: Sequence[str]) -> None:
    """Raise UsageError for a kind of columns that there is not."""
    for kind in kinds:
        if kind not in KINDS:
            msg = f"columns expects kinds among {listing(KINDS)}, got {kind!r}.{nearest(str(kind), KINDS)}"
            raise UsageError(msg)
