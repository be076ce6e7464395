"""Aggregates a window of rows around each row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.stage import as_columns
from gpupipe.core.verbs import Window
from gpupipe.stages._ordered import is_time, microseconds
from gpupipe.stages._windows import WindowStage, rolled_of

Point = int | str | dt.timedelta


@dataclass(frozen=True, init=False)
class Rolling(WindowStage):
    """Appends to each row aggregates of the rows of its key whose index lies in a window around its own.

    The window of a row with index t holds the rows with index in ``[t + start, t + stop)``, however many there are: gaps are no rows, and
    rows of one index share a window. Missing values are passed over; a row whose index is missing gets missing aggregates. A minimum,
    maximum, median or quantile passes over NaN unless there is nothing else. Sums of whole numbers are Int64, and wrap; a mean is taken in
    Float64.

    Parameters
    ----------
    by
        The key's columns.
    index
        A column of integers (months, seconds, positions), dates or times.
    start, stop
        The window's ends, relative to the row's index: ``start=0, stop=12`` is this month and the eleven after it. Of dates and times, a
        timedelta or text: ``start="-7d", stop="1us"`` is a week with its end.
    rows
        Instead: the window is of so many rows, the row itself the last of them in the order of the index; rows that tie come in the order
        of the table's other columns.
    aggregates
        ``new_name=("column", "max")``, with ``min``, ``max``, ``sum``, ``mean``, ``count``, ``std``, ``var`` (of a sample), ``median``,
        ``first``, ``last`` (of rows of one index, the smallest and the largest value) or ``("column", "quantile", 0.9)``.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"k": [1, 1, 1], "t": [0, 1, 5], "x": [3, 1, 2]})
    >>> Rolling("k", index="t", start=0, stop=2, low=("x", "min")).apply(frame).sort("t")["low"].to_list()
    [1, 1, 2]
    >>> Rolling("k", index="t", rows=2, mean=("x", "mean")).apply(frame).sort("t")["mean"].to_list()
    [3.0, 2.0, 1.5]
    """

    window: Window
    by_row: bool
    is_timed: bool

    def __init__(
        self,
        by: str | Sequence[str],
        *,
        index: str,
        start: Point | None = None,
        stop: Point | None = None,
        rows: int | None = None,
        **aggregates: tuple[Any, ...],
    ) -> None:
        if rows is not None:
            if start is not None or stop is not None or not isinstance(rows, int) or rows < 1:
                msg = f"Rolling expects a number of rows from 1 on, and then neither start nor stop, got {rows!r}, {start!r}, {stop!r}."
                raise UsageError(msg)
            start, stop = 1 - rows, 1
        is_timed = isinstance(start, str | dt.timedelta) or isinstance(stop, str | dt.timedelta)
        ends: list[Any] = [start, stop]
        if is_timed:
            ends = [microseconds(end, "Rolling's start and stop") for end in ends]
        if not all(isinstance(end, int) for end in ends) or ends[0] >= ends[1]:
            msg = f"Rolling expects integers start < stop, got start={start!r}, stop={stop!r}."
            raise UsageError(msg)
        window = Window(as_columns(by, "Rolling's by"), index, ends[0], ends[1], rolled_of(aggregates, "Rolling"))
        settle(self, window=window, by_row=rows is not None, is_timed=is_timed)

    def check_index(self, dtype: Any) -> None:
        """Raise DtypeError where the index holds neither whole numbers nor times, or the ends of the window are not of its kind."""
        WindowStage.check_index(self, dtype)
        if not self.by_row and is_time(dtype) is not self.is_timed:
            wanted = "lengths of time, such as start='-7d'" if is_time(dtype) else "integers as start and stop"
            msg = f"Rolling expects {wanted}, for index {self.window.index!r} of {dtype}."
            raise DtypeError(msg)
