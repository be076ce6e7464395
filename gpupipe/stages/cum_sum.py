"""Appends running totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome
from gpupipe.stages._ordered import OrderedStage, settled_order

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class CumSum(OrderedStage):
    """Appends the sum of a column's values up to each row, among the rows of its key in order, as ``x_cum_sum``; missing ones stay missing.

    Sums of whole numbers are Int64. Minimum, mean and others up to each row are `Expanding`.

    Parameters
    ----------
    columns
        Columns of numbers.
    by
        The key's columns.
    order
        The columns that say which row of a key comes first; rows that tie come in the order of the table's other columns.

    Examples
    --------
    >>> import polars as pl
    >>> CumSum("x", by="k", order="t").apply(pl.DataFrame({"k": [1, 1], "t": [0, 1], "x": [5, 7]}))["x_cum_sum"].to_list()
    [5, 12]
    """

    columns: tuple[str, ...]
    by: tuple[str, ...]
    order: tuple[str, ...]

    def __init__(self, columns: str | Sequence[str], *, by: str | Sequence[str], order: str | Sequence[str]) -> None:
        self._settle(columns, by, order)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that had no missing value.

        Raise ColumnError for a column that is not there, or a new one that is; DtypeError for one that holds no numbers.
        """
        schemas[0].require_numeric(self.columns, "CumSum")
        return super().plan(*schemas)

    def named(self, column: str) -> str:
        """Return the name of the column made."""
        return f"{column}_cum_sum"

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the sums."""
        schema = frames[0].collect_schema()
        order = settled_order(schema, self.by, self.order)
        wide = {name: nw.col(name).cast(nw.Float64 if schema[name].is_float() else nw.Int64) for name in self.columns}
        return frames[0].with_columns(
            column.cum_sum().over(*self.by, order_by=order).alias(self.named(name)) for name, column in wide.items()
        )
