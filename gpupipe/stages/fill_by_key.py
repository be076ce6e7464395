"""Puts a key's last or next value where one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.stages._ordered import OrderedStage


@dataclass(frozen=True, init=False)
class FillByKey(OrderedStage):
    """Puts the last value before a missing one in its place, or the next one after it, among the rows of its key in order.

    Parameters
    ----------
    columns
        The columns that are filled.
    how
        ``"forward"``: the last value before; ``"backward"``: the next one.
    by
        The key's columns.
    order
        The columns that say which row of a key comes first; rows that tie come in the order of the table's other columns.
    limit
        How many missing values in a row are filled; all unless given.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"k": [1, 1, 1], "t": [0, 1, 2], "x": [5, None, None]})
    >>> FillByKey("x", by="k", order="t", limit=1).apply(frame)["x"].to_list()
    [5, 5, None]
    """

    replaces: ClassVar[bool] = True
    numeric: ClassVar[bool] = False

    columns: tuple[str, ...]
    by: tuple[str, ...]
    order: tuple[str, ...]
    how: Literal["forward", "backward"]
    limit: int | None

    def __init__(
        self,
        columns: str | Sequence[str],
        how: Literal["forward", "backward"] = "forward",
        *,
        by: str | Sequence[str],
        order: str | Sequence[str],
        limit: int | None = None,
    ) -> None:
        if how not in ("forward", "backward") or (limit is not None and limit < 1):
            msg = f"FillByKey expects how 'forward' or 'backward' and a limit from 1 on, got {how!r} and {limit!r}."
            raise UsageError(msg)
        self._settle(columns, by, order, how=how, limit=limit)

    def of(self, column: nw.Expr) -> nw.Expr:
        """Return the filled column."""
        return column.fill_null(strategy=self.how, limit=self.limit)
