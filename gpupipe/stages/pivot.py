"""Makes columns of the values of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import narwhals.stable.v2 as nw

from gpupipe.core.aggregates import Grouping, with_empty_sum
from gpupipe.core.errors import ColumnError, UsageError, nearest
from gpupipe.core.expressions import Named
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema, repeated
from gpupipe.core.stage import KeyStage, Outcome, as_columns
from gpupipe.stages._fits import column_name
from gpupipe.stages._keys import require_plain
from gpupipe.stages._named import expressions

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

FUNCTIONS = ("sum", "mean", "min", "max", "count")


@dataclass(frozen=True, init=False)
class Pivot(KeyStage):
    """Makes one row of each key, with a column for each of some values of a column: an aggregate of the key's rows that have it.

    The values are declared, so that the columns are known before a row is read; rows with other values are passed over. Where a key has no
    row with a value, there is nothing, or 0 rows.

    Parameters
    ----------
    by
        The key's columns.
    on
        The column whose values become columns, called ``kind_a``: the column and the value.
    values
        Those values.
    column
        What is aggregated.
    function
        ``"sum"``, ``"mean"``, ``"min"``, ``"max"`` or ``"count"``.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"k": [1, 1, 2], "kind": ["a", "b", "a"], "x": [5, 6, 7]})
    >>> Pivot("k", on="kind", values=["a", "b"], column="x").apply(frame).sort("k").rows()
    [(1, 5, 6), (2, 7, None)]
    """

    keeps_keys: ClassVar[bool] = True

    by: tuple[str, ...]
    on: str
    values: tuple[Any, ...]
    column: str
    function: Literal["sum", "mean", "min", "max", "count"]

    def __init__(
        self,
        by: str | Sequence[str],
        *,
        on: str,
        values: Sequence[Any],
        column: str,
        function: Literal["sum", "mean", "min", "max", "count"] = "sum",
    ) -> None:
        given = tuple(values)
        if function not in FUNCTIONS:
            msg = f"Pivot expects function 'sum', 'mean', 'min', 'max' or 'count', got {function!r}.{nearest(str(function), FUNCTIONS)}"
            raise UsageError(msg)
        if isinstance(values, str) or not given or repeated([column_name(on, str(value)) for value in given]):
            msg = f"Pivot expects the values that become columns, each once, got {values!r}."
            raise UsageError(msg)
        settle(self, by=as_columns(by, "Pivot's by"), on=on, values=given, column=column, function=function)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the keys that cannot be missing.

        Raise ColumnError for a column that is not there, or one made that is a key; DtypeError for one of the wrong kind.
        """
        require_plain(schemas[0], (*self.by, self.on), "Pivot's by and on")
        schemas[0].require((self.column,))
        if self.function in ("sum", "mean"):
            schemas[0].require_numeric((self.column,), f"Pivot's {self.function}")
        twice = [column_name(self.on, str(value)) for value in self.values if column_name(self.on, str(value)) in self.by]
        if twice:
            msg = f"Pivot expects new names, got {twice[0]!r}, which is a key. Rename the key first."
            raise ColumnError(msg)
        return Outcome(not_null=schemas[0].not_null & set(self.by))

    def grouping(self) -> Grouping:
        """Return the keys and aggregates: that is all it does."""
        return Grouping(self.by, self._aggregates(), False)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return one row a key."""
        grouped: Any = cast(Any, frames[0]).group_by(list(self.by))
        made: nw.LazyFrame[Any] = grouped.agg(expressions(self._aggregates()))
        return made.sort(list(self.by)) if self.is_sorted else made

    def in_order(self) -> KeyStage:
        """Return the stage with its rows in the order of the keys."""
        return self.sorted()

    def _aggregates(self) -> Named:
        """Return the aggregate of each value's rows; a sum of none is missing."""
        made = []
        for value in self.values:
            chosen = nw.when(nw.col(self.on) == value).then(nw.col(self.column))
            made.append((column_name(self.on, str(value)), getattr(chosen, self.function)()))
        return with_empty_sum(tuple(made), "null", "Pivot")

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the keys, the column whose values become columns, and what is aggregated."""
        return frozenset({*self.by, self.on, self.column})
