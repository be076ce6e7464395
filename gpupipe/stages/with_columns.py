"""Adds columns, or replaces them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

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
class WithColumns(OfExpressions, RowStage):
    """Adds or replaces columns by expressions.

    Where each of them works on every row by itself, the stage is a row stage. One that looks at several rows (``sum()``, ``over()``,
    ``shift()``) needs the whole table together, which many blocks are gathered for; where a key holds what it looks at, a function
    under ``@gp.by_key`` does without that.

    Examples
    --------
    >>> import polars as pl, narwhals.stable.v2 as nw
    >>> WithColumns(b=nw.col("a") + 1).apply(pl.DataFrame({"a": [1]})).to_dicts()
    [{'a': 1, 'b': 2}]
    """

    keeps_rows: ClassVar[bool] = True

    expressions_in: ClassVar[str] = "columns"

    columns: Named

    def __init__(self, *columns: Any, **expressions: Any) -> None:
        if not columns and not expressions:
            msg = "WithColumns expects at least one expression, got none."
            raise UsageError(msg)
        made = named(columns, expressions, "WithColumns")
        settle(self, columns=made, kind=kind_of(made))

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the columns."""
        return frames[0].with_columns(expressions(self.columns))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns in the expressions."""
        return columns_of(self.columns)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the untouched columns that had no missing value; nothing is known where an expression names itself."""
        touched = {name for name, _ in self.columns}
        return Outcome(not_null=frozenset() if None in touched else schemas[0].not_null - touched, stage=self.exact(schemas[0]))
