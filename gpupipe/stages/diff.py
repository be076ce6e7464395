"""Appends how much a value differs from an earlier row's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.stages._ordered import OrderedStage, settled_order

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Diff(OrderedStage):
    """Appends how much a column's value is larger than `n` rows before, among the rows of its key in order; of times, a duration.

    Parameters
    ----------
    columns
        The columns whose values are looked up.
    n
        How many rows before; the new columns are called ``x_diff_1``.
    by
        The key's columns.
    order
        The columns that say which row of a key comes first; rows that tie come in the order of the table's other columns.

    Examples
    --------
    >>> import polars as pl
    >>> Diff("x", by="k", order="t").apply(pl.DataFrame({"k": [1, 1], "t": [0, 1], "x": [5, 7]}))["x_diff_1"].to_list()
    [None, 2]
    """

    columns: tuple[str, ...]
    by: tuple[str, ...]
    order: tuple[str, ...]
    n: int

    def __init__(self, columns: str | Sequence[str], n: int = 1, *, by: str | Sequence[str], order: str | Sequence[str]) -> None:
        if not isinstance(n, int) or n < 1:
            msg = f"Diff expects a number of rows from 1 on, got {n!r}."
            raise UsageError(msg)
        self._settle(columns, by, order, n=n)

    def named(self, column: str) -> str:
        """Return the name of the column made."""
        return f"{column}_diff_{self.n}"

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the differences."""
        schema = frames[0].collect_schema()
        order = settled_order(schema, self.by, self.order)
        made = []
        for name in self.columns:
            column = nw.col(name).cast(nw.Int64) if schema[name].is_integer() else nw.col(name)  # what differs may be below zero
            made.append((column - column.shift(self.n).over(*self.by, order_by=order)).alias(self.named(name)))
        return frames[0].with_columns(made)
