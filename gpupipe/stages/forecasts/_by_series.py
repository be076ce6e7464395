"""Forecasts and backtests on tables in blocks: a series is a key, so each block is worked by itself, once the step is known of all."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.by_blocks import ByBlocks
from gpupipe.core.errors import StageError
from gpupipe.core.schema import Schema
from gpupipe.core.tools import Tools
from gpupipe.stages.forecasts._grid import Grid
from gpupipe.stages.forecasts._scores import Told
from gpupipe.stages.forecasts._series import Columns, Series, placed, read_rows
from gpupipe.stages.forecasts._steps import SeriesRows, Steps


@dataclass(frozen=True)
class SeriesState:
    """What is known of all blocks after some passes: the grid of time, then whether series are long enough, then what they came to."""

    grid: Grid | None = None
    is_long: bool = False
    found: Any = None


@dataclass(frozen=True)
class BySeries(ByBlocks):
    """What both have in common: rows of whole series, and first a pass that finds the step of time.

    Parameters
    ----------
    stage
        The stage that is done so.
    """

    keys: tuple[str, ...]
    stage: Any
    schema: Schema

    def opened(self, tools: Tools, *frames: nw.DataFrame[Any]) -> pa.Table | None:
        """Return the rows; None where there is none."""
        return plain_table(frames[0].to_arrow()) if len(frames[0]) else None

    def start(self) -> SeriesState:
        """Return that nothing is known."""
        return SeriesState()

    def question(self, state: SeriesState) -> SeriesState:
        """Return what is known of the step, without what the series came to."""
        return replace(state, found=None)

    def measure(self, tools: Tools, question: SeriesState, held: Any) -> tuple[Any, Any]:
        """Return what the rows tell of the step, then what the series come to."""
        if held is None:
            return None, None
        if question.grid is None:
            return Steps.of(tools, self._rows(tools, held)), held
        return self.worked(tools, question, held)

    def _rows(self, tools: Tools, held: Any) -> SeriesRows:
        """Return the rows of a block in order."""
        return read_rows(tools, tools.adopted(held), self.stage.of, self.stage.name)

    def series(self, tools: Tools, state: SeriesState, held: Any) -> Series:
        """Return the series of a block."""
        assert state.grid is not None
        return placed(tools, self._rows(tools, held), state.grid)

    def merge(self, measured: Sequence[Any]) -> Any:
        """Return the steps of all, or what all series come to; None where no block has rows."""
        known = [one for one in measured if one is not None]
        if not known:
            return None
        return Steps.merged(known) if isinstance(known[0], Steps) else self.merged(known)

    def advance(self, tools: Tools, state: SeriesState, total: Any) -> tuple[SeriesState, bool]:
        """Return the grid, then what the series come to."""
        if total is None:
            msg = f"{self.stage.name} expects rows, got none. Look at what filters them."
            raise StageError(msg)
        if state.grid is None:
            columns: Columns = self.stage.of
            return SeriesState(total.grid(self.stage.step, self.schema[columns.time].dtype, self.stage.name)), False
        return self.advanced(state, total)

    @abstractmethod
    def worked(self, tools: Tools, state: SeriesState, held: Any) -> tuple[Any, Any]:
        """Return what is measured of a block's series in a pass after the first, and what is kept of the block."""

    @abstractmethod
    def merged(self, known: Sequence[Any]) -> Any:
        """Return what was measured of the series of several blocks."""

    @abstractmethod
    def advanced(self, state: SeriesState, total: Any) -> tuple[SeriesState, bool]:
        """Return the state after a pass that is not the first, and whether it was the last."""


@dataclass(frozen=True)
class FitBySeries(BySeries):
    """How `Forecast` fits: each block's series by themselves, and what was fitted is put together in the order of the keys."""

    def worked(self, tools: Tools, state: SeriesState, held: Any) -> tuple[Any, Any]:
        """Return the forecaster of the series, in a list, with the number of rows; nothing is kept."""
        series = self.series(tools, state, held)
        fitted = self.stage.fitted_to(series)
        return [(replace(fitted, starts=plain_table(fitted.starts.to_arrow())), series.n_rows)], None

    def merged(self, known: Sequence[Any]) -> Any:
        """Return the forecasters side by side."""
        return [one for several in known for one in several]

    def advanced(self, state: SeriesState, total: Any) -> tuple[SeriesState, bool]:
        """Return that all is done."""
        return replace(state, found=total), True

    def finish(self, tools: Tools, state: SeriesState) -> Any:
        """Return the forecaster of all series."""
        tools.note(rows=sum(n_rows for _, n_rows in state.found))
        return self.stage.together(tools, [fitted for fitted, _ in state.found])


@dataclass(frozen=True)
class BacktestBySeries(BySeries):
    """How `Backtest` is done: the rows of each block's series, which stay in blocks."""

    gives_rows: ClassVar[bool] = True

    def worked(self, tools: Tools, state: SeriesState, held: Any) -> tuple[Any, Any]:
        """Return the steps of the longest series; then what is told of the series, with their rows as what is kept."""
        series = self.series(tools, state, held)
        if not state.is_long:
            return self.stage.ends_of(series).max(), held
        made, told = self.stage.scored(tools, series)
        return told, plain_table(made.to_arrow())

    def merged(self, known: Sequence[Any]) -> Any:
        """Return the steps of the longest series, or what is told of all."""
        return sum(known[1:], known[0]) if isinstance(known[0], Told) else max(known)

    def advanced(self, state: SeriesState, total: Any) -> tuple[SeriesState, bool]:
        """Return that a series is long enough, or raise StageError; then what is told."""
        if state.is_long:
            return replace(state, found=total), True
        self.stage.require_long(int(total))
        return replace(state, is_long=True), False

    def finish(self, tools: Tools, state: SeriesState) -> None:
        """Tell the report."""
        state.found.note(tools, state.grid)

    def rows(self, tools: Tools, held: Any) -> nw.DataFrame[Any]:
        """Return the forecasts and errors of a block's series."""
        planned = self.stage.plan(self.schema)
        empty = nw.from_dict({name: [] for name in planned}, planned.dtypes, backend="pyarrow")
        return tools.adopted(empty if held is None else held).select(list(planned))  # type: ignore[no-any-return]
