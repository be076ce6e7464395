"""Forecasts of rows that came after the fit, beside those rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import StageError
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.forecasts import naive_error
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._forecaster import INVALID, whole_number
from gpupipe.stages.forecasts._estimators import fitted_to, naive_of, season_of
from gpupipe.stages.forecasts._future import future_values, later_rows
from gpupipe.stages.forecasts._scores import Scored, scored_fields
from gpupipe.stages.forecasts._series import column_of
from gpupipe.stages.forecasts._tables import levels_of


@dataclass(frozen=True)
class Compare(TaskStage):
    """Gives the rows of a table that come after the fit with their forecasts and errors, and those of the seasonal naive.

    Parameters
    ----------
    of
        What was fitted.
    level
        Intervals, in per cent.
    season_length
        Steps in a cycle of the seasonal naive; None is the forecaster's own.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table,)

    of: Any
    level: tuple[float, ...]
    season_length: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", levels_of(self.level))
        if self.season_length is not None:
            whole_number(self.season_length, "season_length", 1)

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        self.of.columns.check(specs[0], "Forecast's errors")
        self.of.require_same(specs[0])
        return self._schema()

    def columns(self, *schemas: Schema) -> list[list[str]]:
        """Return the columns that the fit had."""
        return [self.of.columns.names]

    def _schema(self) -> Schema:
        """Return the columns of the result."""
        made = scored_fields(self.level)
        return Schema((*self.of.labels(made), *made.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the forecasts and the errors."""
        xp, fitted = tools.xp, self.of.adopted(tools)
        frame, series, steps = later_rows(tools, inputs[0], fitted, "Forecast's errors")
        came = column_of(tools, frame, fitted.target)
        later = (steps >= 1) & ~xp.isnan(came)
        if not bool(later.any()):
            msg = "Forecast's errors expects rows after the last one that was fitted, got none. Fit to earlier rows, or give later ones."
            raise StageError(msg)
        horizon = int(steps[later].max())
        actual = xp.full((len(fitted.starts), horizon), xp.nan)
        actual[series[later], steps[later] - 1] = came[later]
        future = _known(tools, inputs[0], fitted, actual) if fitted.exogenous else None
        season = self.season_length or season_of(fitted.forecaster)
        scale, naive = naive_error(fitted.values, season), fitted_to(naive_of(season), fitted.values, None, str)
        collected = Scored(fitted.starts, fitted.grid, self.level)
        for method, one, known in ((type(fitted.forecaster).__name__, fitted.forecaster, future), ("SeasonalNaive", naive, None)):
            if (method, season) != ("SeasonalNaive", getattr(one, "season_length", 1)) or one is naive:
                collected.add(1, method, one.forecast(horizon, known, self.level), actual, fitted.ends, scale)
        return collected.table(tools, self._schema())


def _known(tools: Tools, given: nw.DataFrame[Any], fitted: Any, actual: Any) -> Any:
    """Return the exogenous columns of the steps up to the last one that came; raise StageError where one is missing before it."""
    xp, horizon = tools.xp, actual.shape[1]
    future, where = future_values(tools, given, fitted, horizon)
    until = horizon - xp.argmax(~xp.isnan(actual[:, ::-1]), axis=1)
    wanted = (xp.arange(horizon)[None, :] < xp.where(xp.isnan(actual).all(axis=1), 0, until)[:, None]) & (
        fitted.forecaster.status_ != INVALID
    )[:, None]
    missing = to_host(wanted & xp.isnan(future).any(axis=2))
    if missing.any():
        series, step = (int(place) for place in np.argwhere(missing)[0])
        msg = (
            f"Forecast's errors needs {', '.join(fitted.exogenous)} of every step up to the last one that is compared, got "
            f"{int(missing.sum())} without, at {where(series, step)} for one. Add those rows."
        )
        raise StageError(msg)
    return xp.nan_to_num(future)
