"""Keeps the rows for which a condition is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.core.expressions import Named, columns_of, is_truth, kind_of
from gpupipe.core.options import settle
from gpupipe.core.plain import symbolic
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage
from gpupipe.stages._named import OfExpressions, named, text

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False, eq=False)
class Filter(OfExpressions, RowStage):
    """Keeps the rows for which every condition is true; a missing answer is not true.

    A condition that looks at several rows (``nw.col("x") > nw.col("x").mean()``) needs the whole table together; see `WithColumns`.

    Examples
    --------
    >>> import polars as pl, narwhals.stable.v2 as nw
    >>> Filter(nw.col("a") > 1).apply(pl.DataFrame({"a": [1, 2, None]})).to_dicts()
    [{'a': 2}]
    """

    keeps_values: ClassVar[bool] = True

    expressions_in: ClassVar[str] = "conditions"

    conditions: Named

    def __init__(self, *conditions: Any) -> None:
        if not conditions:
            msg = "Filter expects at least one condition, got none."
            raise UsageError(msg)
        made = named(conditions, {}, "Filter")
        settle(self, conditions=made, kind=kind_of(made))

    @property
    def name(self) -> str:
        """The stage's name with its conditions, where they are short."""
        shown = text(self.conditions)
        return f"Filter({shown})" if len(shown) <= 40 else "Filter"

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows kept."""
        return frames[0].filter(*(condition for _, condition in self.conditions))

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the stage with exact arithmetic; raise ColumnError for a column that is not there, DtypeError for no truth value."""
        _require_columns(self.conditions, schemas[0])
        stage: Filter = self.exact(schemas[0])
        if all(is_truth(condition) for _, condition in stage.conditions):
            return Outcome(seeks_missing=True, stage=stage)
        made = (
            symbolic()
            .empty_frame(schemas[0])
            .select(
                *(
                    (nw.col(given) if isinstance(given, str) else given).alias(f"{number}")
                    for number, (_, given) in enumerate(stage.conditions)
                )
            )
        )
        for (_, condition), dtype in zip(self.conditions, made.collect_schema().dtypes(), strict=True):
            if dtype != nw.Boolean:
                msg = f"Filter expects conditions that are true or false, got {dtype} from {condition}. Compare it with something: > 0."
                raise DtypeError(msg)
        return Outcome(seeks_missing=True, stage=stage)

    def keeps(self) -> Named | None:
        """Return the conditions, where they are of single rows."""
        return self.conditions if self.kind == "row" else None

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns in the conditions."""
        return columns_of(self.conditions)


def _require_columns(conditions: Named, schema: Schema) -> None:
    """Raise ColumnError where the table lacks a column of the conditions."""
    for _, given in conditions:
        if isinstance(given, str) and given not in schema:
            msg = f"{ColumnError.of(given, schema)} A text names a column of truth values; a comparison is an expression: nw.col('x') > 0."
            raise ColumnError(msg)
    schema.require(sorted(columns_of(conditions) or ()))
