"""Aggregates all rows up to each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpupipe.core.options import settle
from gpupipe.core.stage import as_columns
from gpupipe.core.verbs import Window
from gpupipe.stages._windows import WindowStage, rolled_of

_EVER = -(1 << 62)


@dataclass(frozen=True, init=False)
class Expanding(WindowStage):
    """Appends to each row aggregates of all rows of its key up to its own index, its own and those of the same index among them.

    Missing values are passed over; a row whose index is missing gets missing aggregates.

    Parameters
    ----------
    by
        The key's columns.
    index
        A column of integers, dates or times.
    aggregates
        As of `Rolling`: ``new_name=("column", "max")``.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"k": [1, 1, 1], "t": [0, 1, 5], "x": [3, 1, 2]})
    >>> Expanding("k", index="t", mean=("x", "mean")).apply(frame)["mean"].to_list()
    [3.0, 2.0, 2.0]
    """

    window: Window
    by_row: bool

    def __init__(self, by: str | Sequence[str], *, index: str, **aggregates: tuple[Any, ...]) -> None:
        window = Window(as_columns(by, "Expanding's by"), index, _EVER, 1, rolled_of(aggregates, "Expanding"))
        settle(self, window=window, by_row=False)
