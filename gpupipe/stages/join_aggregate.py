"""Appends aggregates of each row's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.aggregates import with_empty_sum
from gpupipe.core.errors import UsageError
from gpupipe.core.expressions import Named
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, Outcome, as_columns
from gpupipe.core.verbs import Joining
from gpupipe.stages._keys import require_plain
from gpupipe.stages._named import OfExpressions, expressions, named
from gpupipe.stages._ordered import require_new

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False, eq=False)
class JoinAggregate(OfExpressions, KeyStage):
    """Appends to each row aggregates over the rows of its key: of its own table, or of a second one, such as the training rows.

    A key that the second table lacks, or that is missing, gets nothing. It is NVTabular's JoinGroupby.

    Parameters
    ----------
    by
        The key's columns, in both tables.
    aggregates
        Expressions that reduce the rows of a key to one value: ``mean_x=nw.col("x").mean()``.

    Examples
    --------
    >>> import polars as pl, narwhals.stable.v2 as nw
    >>> JoinAggregate("k", mean=nw.col("x").mean()).apply(pl.DataFrame({"k": [1, 1, 2], "x": [2, 4, 9]}))["mean"].to_list()
    [3.0, 3.0, 9.0]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    optional: ClassVar[int] = 1
    expressions_in: ClassVar[str] = "aggregates"
    keeps_keys: ClassVar[bool] = True

    by: tuple[str, ...]
    aggregates: Named

    def __init__(self, by: str | Sequence[str], **aggregates: Any) -> None:
        if not aggregates:
            msg = "JoinAggregate expects at least one aggregate, such as mean_x=nw.col('x').mean(), got none."
            raise UsageError(msg)
        held = with_empty_sum(named((), aggregates, "JoinAggregate"), "zero", "JoinAggregate")
        settle(self, by=as_columns(by, "JoinAggregate's by"), aggregates=held)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that had no missing value.

        Raise ColumnError for a key that is not there, or an aggregate named like a column; DtypeError for a key of lists or records.
        """
        for schema in schemas:
            require_plain(schema, self.by, "JoinAggregate's by")
        require_new(schemas[0], [name for name, _ in self.aggregates if name is not None], "JoinAggregate")
        return Outcome(not_null=schemas[0].not_null, stage=self.exact(schemas[-1]))

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows with the aggregates."""
        grouped: Any = frames[-1].group_by(list(self.by), drop_null_keys=True)
        reduced: nw.LazyFrame[Any] = grouped.agg(expressions(self.aggregates))
        return verbs.join(frames[0], reduced, Joining(self.by, self.by, "left"))
