"""Aggregates the rows of each key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from gpupipe.core.aggregates import EmptySum, Grouping, with_empty_sum
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.core.expressions import Named, columns_of
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, Outcome, as_columns
from gpupipe.stages._keys import require_plain
from gpupipe.stages._named import OfExpressions, expressions, named

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False, eq=False)
class GroupBy(OfExpressions, KeyStage):
    """Makes one row of each key, with aggregates of its rows.

    Parameters
    ----------
    by
        The key's columns.
    aggregates
        Expressions that reduce the rows of a key to one value: ``total=nw.col("x").sum()``.
    null_keys
        ``"keep"``: rows whose key is missing make a key of their own. ``"drop"``: they are left out.
    empty_sum
        What ``sum()`` makes of a key without a value: ``"zero"``, or ``"null"`` as in SQL.

    Examples
    --------
    >>> import polars as pl, narwhals.stable.v2 as nw
    >>> GroupBy("k", total=nw.col("x").sum()).apply(pl.DataFrame({"k": [1, 1], "x": [2, 3]})).to_dicts()
    [{'k': 1, 'total': 5}]
    """

    expressions_in: ClassVar[str] = "aggregates"
    keeps_keys: ClassVar[bool] = True

    by: tuple[str, ...]
    aggregates: Named
    null_keys: Literal["keep", "drop"]

    def __init__(
        self,
        by: str | Sequence[str],
        *aggregates: Any,
        null_keys: Literal["keep", "drop"] = "keep",
        empty_sum: EmptySum = "zero",
        **named_aggregates: Any,
    ) -> None:
        if null_keys not in ("keep", "drop"):
            msg = f"GroupBy expects null_keys to be 'keep' or 'drop', got {null_keys!r}."
            raise UsageError(msg)
        if not aggregates and not named_aggregates:
            msg = (
                "GroupBy expects at least one aggregate, got none. Write them beside the keys: GroupBy('key', mean_x=nw.col('x').mean()). "
                "For the distinct keys alone use Select and Deduplicate."
            )
            raise UsageError(msg)
        if keys := [given for given in aggregates if isinstance(given, str)]:
            whole = [*as_columns(by, "GroupBy's by"), *keys]
            raise UsageError(f"GroupBy expects several keys as a list, got {keys[0]!r} among the aggregates: GroupBy({whole}, ...).")
        for name, given in named_aggregates.items():
            if isinstance(given, str):
                msg = f"GroupBy expects an aggregate for {name!r}, such as nw.col('x').mean(), got the text {given!r}."
                raise UsageError(msg)
        given_names = named(aggregates, named_aggregates, "GroupBy")
        held = with_empty_sum(given_names, empty_sum, "GroupBy")
        settle(self, by=as_columns(by, "GroupBy's by"), aggregates=held, null_keys=null_keys)

    def grouping(self) -> Grouping:
        """Return the keys and aggregates: that is all it does."""
        return Grouping(self.by, self.aggregates, self.null_keys == "drop")

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the keys that cannot be missing.

        Raise ColumnError for a key that is not there, or an aggregate named like one; DtypeError for a key of lists or records.
        """
        require_plain(schemas[0], self.by, "GroupBy's by")
        for name, _ in self.aggregates:
            if name in self.by:
                msg = f"GroupBy expects aggregates under new names, got {name!r}, which is a key. Name it differently."
                raise ColumnError(msg)
        return Outcome(
            not_null=frozenset(self.by) if self.null_keys == "drop" else schemas[0].not_null & set(self.by), stage=self.exact(schemas[0])
        )

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return one row a key."""
        grouped: Any = cast(Any, frames[0]).group_by(list(self.by), drop_null_keys=self.null_keys == "drop")
        made: nw.LazyFrame[Any] = grouped.agg(expressions(self.aggregates))
        return made.sort(list(self.by)) if self.is_sorted else made

    def in_order(self) -> KeyStage:
        """Return the stage with its rows in the order of the keys."""
        return self.sorted()

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the keys and the columns in the aggregates."""
        read = columns_of(self.aggregates)
        return None if read is None else read | frozenset(self.by)
