"""Appends the value of a later row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.stages._ordered import OrderedStage


@dataclass(frozen=True, init=False)
class Lead(OrderedStage):
    """Appends to each row a column's value `n` rows after it among the rows of its key in order; missing where there is none.

    Parameters
    ----------
    columns
        The columns whose values are looked up.
    n
        How many rows after; the new columns are called ``x_lead_1``.
    by
        The key's columns.
    order
        The columns that say which row of a key comes first; rows that tie come in the order of the table's other columns.

    Examples
    --------
    >>> import polars as pl
    >>> Lead("x", by="k", order="t").apply(pl.DataFrame({"k": [1, 1], "t": [0, 1], "x": [5, 7]}))["x_lead_1"].to_list()
    [7, None]
    """

    numeric: ClassVar[bool] = False

    columns: tuple[str, ...]
    by: tuple[str, ...]
    order: tuple[str, ...]
    n: int

    def __init__(self, columns: str | Sequence[str], n: int = 1, *, by: str | Sequence[str], order: str | Sequence[str]) -> None:
        if not isinstance(n, int) or n < 1:
            msg = f"Lead expects a number of rows from 1 on, got {n!r}."
            raise UsageError(msg)
        self._settle(columns, by, order, n=n)

    def named(self, column: str) -> str:
        """Return the name of the column made."""
        return f"{column}_lead_{self.n}"

    def of(self, column: nw.Expr) -> nw.Expr:
        """Return the other row's value."""
        return column.shift(-self.n)
