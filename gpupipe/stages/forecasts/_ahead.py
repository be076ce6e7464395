"""Forecasts of the steps after each series' last value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import PlanError, StageError
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._forecaster import INVALID, whole_number
from gpupipe.stages.forecasts._future import future_values
from gpupipe.stages.forecasts._tables import band_names, levels_of, ordered, rows_of, status_words


@dataclass(frozen=True)
class Ahead(TaskStage):
    """Gives the forecasts of the next steps after each series' last value; it takes a table of the exogenous columns, where there are some.

    Parameters
    ----------
    of
        What was fitted.
    horizon
        How many steps.
    level
        Intervals, in per cent.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table,)
    optional: ClassVar[int] = 1

    of: Any
    horizon: int
    level: tuple[float, ...]

    def __post_init__(self) -> None:
        whole_number(self.horizon, "horizon", 1)
        object.__setattr__(self, "level", levels_of(self.level))

    def plan(self, *specs: Any) -> Schema:
        """Return the columns; raise PlanError where a future is missing, or is not wanted."""
        columns = self.of.columns
        if columns.exogenous and not specs:
            told = ", ".join(columns.exogenous)
            msg = f"Forecast was fitted with {told}: their next values are needed. Give a table: fitted.forecast(future, horizon=...)."
            raise PlanError(msg)
        if specs and not columns.exogenous:
            msg = (
                "Forecast was fitted without exogenous columns, so its forecast takes no table. Leave it out, or fit with exogenous=[...]."
            )
            raise PlanError(msg)
        for schema in specs:
            columns.check(schema, "Forecast's future", target=False)
            self.of.require_same(schema)
        return self._schema()

    def _schema(self) -> Schema:
        """Return the columns."""
        made = {name: Field(nw.Float64()) for name in ("forecast", *band_names(self.level))}
        whole = {"step": Field(nw.Int64(), nullable=False), **made, "status": Field(nw.String(), nullable=False)}
        return Schema((*self.of.labels(whole), *whole.items()))

    def columns(self, *schemas: Schema) -> list[list[str]]:
        """Return the columns of the future."""
        columns = self.of.columns
        return [[*columns.by, columns.time, *columns.exogenous] for _ in schemas]

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the forecasts."""
        fitted, horizon = self.of.adopted(tools), self.horizon
        forecaster, ends = fitted.forecaster, fitted.ends
        future = None
        if inputs:
            future, where = future_values(tools, inputs[0], fitted, horizon)
            bad = np.isnan(to_host(future)).any(axis=2) & (to_host(forecaster.status_) != INVALID)[:, None]
            if bad.any():
                first = [int(place) for place in np.argwhere(bad)[0]]
                msg = (
                    f"Forecast needs {', '.join(fitted.columns.exogenous)} of the next {horizon} steps of every series, got "
                    f"{int(bad.sum())} without, at {where(*first)} for one. Add those rows to the future, or take a shorter horizon."
                )
                raise StageError(msg)
            future = tools.xp.nan_to_num(future)  # of series that are not forecast
        made = forecaster.forecast(horizon, future, self.level)
        numbers = {"forecast": made.mean}
        for level in self.level:
            lower, upper = band_names([level])
            numbers |= {lower: made.lower[level], upper: made.upper[level]}
        series = np.repeat(np.arange(len(ends)), horizon)
        steps = np.tile(np.arange(1, horizon + 1), len(ends))
        flat = {"step": steps, **{name: values.reshape(-1) for name, values in numbers.items()}}
        texts = {"status": status_words(to_host(made.status)[series])}
        table = rows_of(tools, fitted.starts, fitted.grid, (series, ends[series] + steps), flat, texts)
        return ordered(self._schema(), table)
