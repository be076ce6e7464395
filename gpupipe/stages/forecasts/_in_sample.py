"""What a forecaster made of the rows it was fitted to: one step ahead, and in parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import PlanError
from gpupipe.core.node import Node
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._tables import ordered, rows_of, status_words

PARTS = ("level", "trend", "season")


@dataclass(frozen=True)
class InSample(TaskStage):
    """Gives a row for each step from a series' first row to its last value: what was there, what was predicted of it one step before.

    Parameters
    ----------
    of
        What was fitted.
    parts
        Whether the rows have the level, the trend and the season after the step instead of the prediction.
    """

    takes: ClassVar[tuple[type[Node], ...]] = ()

    of: Any
    parts: bool = False

    def plan(self, *specs: Any) -> Schema:
        """Return the columns; raise PlanError where the forecaster has no such parts."""
        target = self.of.columns.target
        if self.parts and not hasattr(self.of.forecaster, "components"):
            msg = f"{type(self.of.forecaster).__name__} has no components. HoltWinters and AutoHoltWinters have."
            raise PlanError(msg)
        made = {name: Field(nw.Float64()) for name in (target, *(PARTS if self.parts else ("fitted", "residual")))}
        whole = {**made, "status": Field(nw.String(), nullable=False)}
        return Schema((*self.of.labels(whole), *whole.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the rows."""
        fitted = self.of.adopted(tools)
        forecaster = fitted.forecaster
        ends = fitted.ends
        series = np.repeat(np.arange(len(ends)), ends + 1)
        steps = np.arange(len(series)) - np.repeat(np.cumsum(ends + 1) - (ends + 1), ends + 1)
        matrices = {fitted.columns.target: fitted.values}
        if self.parts:
            matrices |= forecaster.components()
        else:
            matrices |= {"fitted": forecaster.fitted_, "residual": forecaster.residuals_}
        numbers = {name: to_host(matrix)[series, steps] for name, matrix in matrices.items()}
        table = rows_of(
            tools, fitted.starts, fitted.grid, (series, steps), numbers, {"status": status_words(to_host(forecaster.status_)[series])}
        )
        return ordered(self.plan(), table)
