"""Keeps some columns, or makes new ones in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.columns import Columns, chosen, given_columns
from gpupipe.core.errors import UsageError
from gpupipe.core.expressions import Named, columns_of, kind_of
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage
from gpupipe.stages._named import OfExpressions, expressions, named

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False, eq=False)
class Select(OfExpressions, RowStage):
    """Keeps the given columns and expressions, in their order.

    Expressions that look at several rows, and constants alone, need the whole table together; see `WithColumns`.

    Raises
    ------
    UsageError
        Where nothing is selected, or something that is no column or expression.

    Examples
    --------
    >>> import polars as pl, narwhals.stable.v2 as nw
    >>> Select("a", twice=nw.col("a") * 2).apply(pl.DataFrame({"a": [1], "b": [2]})).to_dicts()
    [{'a': 1, 'twice': 2}]
    """

    expressions_in: ClassVar[str] = "columns"

    columns: Named

    def __init__(self, *columns: Any, **expressions: Any) -> None:
        flat = _flat(columns)
        if not flat and not expressions:
            msg = "Select expects at least one column or expression, got none."
            raise UsageError(msg)
        made = named(flat, expressions, "Select")
        settle(self, columns=made, kind=kind_of(made, replaced=True))

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns taken as they are that had no missing value; raise ColumnError for a column that is not there."""
        taken = [given for name, given in self.columns if name is None and isinstance(given, str)]
        schemas[0].require(taken)
        return Outcome(not_null=schemas[0].not_null.intersection(taken), stage=self.exact(schemas[0]))

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the selected columns."""
        return frames[0].select(expressions(self.columns))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns in the expressions."""
        return columns_of(self.columns)


@dataclass(frozen=True, init=False)
class Drop(RowStage):
    """Leaves out the given columns, named or chosen by kind.

    Examples
    --------
    >>> import polars as pl
    >>> Drop("b").apply(pl.DataFrame({"a": [1], "b": [2]})).columns
    ['a']
    """

    keeps_rows: ClassVar[bool] = True

    columns: tuple[str, ...] | Columns

    def __init__(self, *columns: str | Sequence[str] | Columns) -> None:
        given = columns[0] if len(columns) == 1 and isinstance(columns[0], Columns) else tuple(_flat(columns))
        settle(self, columns=given_columns(given, "Drop"))

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that had no missing value; raise ColumnError for a column that is not there."""
        left_out = chosen(self.columns, schemas[0])
        schemas[0].require(left_out)
        return Outcome(not_null=schemas[0].not_null - set(left_out))

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the other columns."""
        return frames[0].drop(list(chosen(self.columns, frames[0].collect_schema())))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that it leaves out."""
        return frozenset(chosen(self.columns, schemas[0]))


def _flat(columns: Sequence[Any]) -> list[Any]:
    """Return the columns given by themselves and in lists."""
    return [item for given in columns for item in ([given] if isinstance(given, str) or not isinstance(given, Sequence) else given)]
