"""Puts the rows of several tables into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, TableStage
from gpupipe.core.verbs import Stacking

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True)
class Concat(TableStage):
    """Puts the rows of several tables into one.

    Parameters
    ----------
    how
        ``"vertical"``: all tables have the same columns, in whatever order. ``"diagonal"``: a column that a table lacks is missing there.

    Examples
    --------
    >>> import polars as pl
    >>> Concat().apply(pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]}))["a"].to_list()
    [1, 2]
    """

    many: ClassVar[bool] = True

    how: Literal["vertical", "diagonal"] = "vertical"

    def __post_init__(self) -> None:
        if self.how not in ("vertical", "diagonal"):
            msg = f"Concat expects how to be 'vertical' or 'diagonal', got {self.how!r}."
            raise UsageError(msg)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that had no missing value in any table.

        Raise ColumnError for columns that differ, DtypeError for dtypes that do.
        """
        known: dict[str, Any] = {}
        for number, schema in enumerate(schemas):
            different = set(schemas[0]) ^ set(schema)
            if different and self.how == "vertical":
                names = sorted(different)
                msg = f"Concat expects the same columns in every table, but table {number} differs in {names}. Use how='diagonal'."
                raise ColumnError(msg)
            for name, field in schema.items():
                if known.setdefault(name, field.dtype) != field.dtype:
                    msg = f"Concat expects one dtype a column, got {known[name]} and {field.dtype} in {name!r}. Cast one of them."
                    raise DtypeError(msg)
        return Outcome(not_null=frozenset.intersection(*(schema.not_null for schema in schemas)))

    def needs(self, wanted: frozenset[str], *schemas: Schema) -> Sequence[frozenset[str]] | None:
        """Return the wanted columns of each table; where that is none of a table, one of its columns, so that its rows are counted."""
        kept = [wanted & frozenset(schema) for schema in schemas]
        return [names or frozenset(list(schema)[:1]) for names, schema in zip(kept, schemas, strict=True)]

    def spread(self) -> Stacking:
        """Return that blocks are put beside one another."""
        return Stacking()

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return all rows."""
        if self.how == "diagonal":
            return nw.concat(list(frames), how="diagonal")
        names = frames[0].collect_schema().names()
        return nw.concat([frames[0], *(frame.select(names) for frame in frames[1:])], how="vertical")
