"""Appends the value of an earlier row."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals.stable.v2 as nw

from gpupipe.stages._ordered import ShiftedStage


@dataclass(frozen=True, init=False)
class Lag(ShiftedStage):
    """Appends to each row a column's value `n` rows before it among the rows of its key in order; missing where there is none.

    Parameters
    ----------
    columns
        The columns whose values are looked up.
    n
        How many rows before; the new columns are called ``x_lag_1``.
    by
        The key's columns.
    order
        The columns that say which row of a key comes first; rows that tie come in the order of the table's other columns.

    Examples
    --------
    >>> import polars as pl
    >>> Lag("x", by="k", order="t").apply(pl.DataFrame({"k": [1, 1], "t": [0, 1], "x": [5, 7]}))["x_lag_1"].to_list()
    [None, 5]
    """

    def named(self, column: str) -> str:
        """Return the name of the column made."""
        return f"{column}_lag_{self.n}"

    def of(self, column: nw.Expr) -> nw.Expr:
        """Return the other row's value."""
        return column.shift(self.n)
