"""The parameters that were fitted to each series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.node import Node
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._tables import ordered, rows_of, status_words

OF_A_SERIES = ("alpha_", "slope_", "seasonal_", "n_observed_", "sse_", "sigma_", "loglik_", "aicc_")
ORDERS = ("p", "d", "q", "seasonal_p", "seasonal_d", "seasonal_q")


@dataclass(frozen=True)
class Parameters(TaskStage):
    """Gives a row for each series: its status and the reason, and what the forecaster fitted.

    Parameters
    ----------
    of
        What was fitted.
    """

    takes: ClassVar[tuple[type[Node], ...]] = ()

    of: Any

    def plan(self, *specs: Any) -> Schema:
        """Return the columns, which are those of the forecaster as it was fitted to nothing."""
        found = {name: Field(nw.Float64()) for name, _ in numbers_of(self.of.forecaster)}
        texts = {name: Field(nw.String(), nullable=False) for name in texts_of(self.of.forecaster)}
        made = {**texts, **found}
        return Schema((*self.of.labels(made)[:-1], *made.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the parameters."""
        fitted = self.of.adopted(tools)
        forecaster = fitted.forecaster
        numbers = {name: to_host(values).astype(np.float64) for name, values in numbers_of(forecaster)}
        at = np.arange(len(fitted.starts))
        return ordered(self.plan(), rows_of(tools, fitted.starts, None, (at, at), numbers, texts_of(forecaster)))


def texts_of(forecaster: Any) -> dict[str, Any]:
    """Return what a forecaster says of each series in words."""
    made = {"status": status_words(forecaster.status_), "reason": pa.array(forecaster.reasons_, pa.large_string())}
    return {**made, **({"form": pa.array(forecaster.forms_, pa.large_string())} if hasattr(forecaster, "forms_") else {})}


def numbers_of(forecaster: Any) -> Iterator[tuple[str, Any]]:
    """Yield the numbers that a forecaster has of each series, by the names of their columns.

    Examples
    --------
    >>> from gpupipe.forecasts import ARIMA
    >>> [name for name, _ in numbers_of(ARIMA((2, 1, 0), errors="ignore").fit([[1.0, 2.0]]))][:4]
    ['ar_1', 'ar_2', 'constant', 'mean']
    """
    for place, name in enumerate(ORDERS if hasattr(forecaster, "orders_") else ()):
        yield name, forecaster.orders_[:, place]
    for name, values in getattr(forecaster, "params_", {}).items():
        if values.ndim == 1:
            yield name, values
        else:
            for place in range(values.shape[1]):
                yield f"{name}_{place + 1}", values[:, place]
    for name in OF_A_SERIES:
        if hasattr(forecaster, name):
            yield name.removesuffix("_"), getattr(forecaster, name)
