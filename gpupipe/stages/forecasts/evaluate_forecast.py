"""Measures how good forecasts are: by method, by step, by series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.answers import answers
from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ArtefactError, ColumnError, StageError, UsageError, listing, nearest
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node
from gpupipe.core.options import settle
from gpupipe.core.present import text_of
from gpupipe.core.schema import Field, Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages.forecasts._evaluation_cards import evaluation_cards
from gpupipe.stages.forecasts._measures import METRICS, ForecastRows, Measures, bands_in, key_columns, metric_columns
from gpupipe.stages.forecasts._tables import ordered


@dataclass(frozen=True)
class Told(TaskStage):
    """Gives what was measured as a table.

    Parameters
    ----------
    of
        What was measured.
    by
        ``"method"``, ``"step"`` (of each method) or ``"series"`` (of each method).
    """

    takes: ClassVar[tuple[type[Node], ...]] = ()

    of: Any
    by: str

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        text, whole = Field(nw.String(), nullable=False), Field(nw.Int64(), nullable=False)
        keys = {name: Field(self.of.series.schema[name], nullable=False) for name in self.of.keys}
        first = {"method": {}, "step": {"step": whole}, "series": keys}[self.by]
        counted = {"series": whole} if self.by == "method" else {}
        numbers = {name: Field(nw.Float64()) for name in self.of.metrics}
        return Schema(tuple({**({} if self.by == "method" else first), "method": text, **counted, **numbers}.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the table."""
        of = self.of
        values = {"method": of.by_method, "step": of.by_step, "series": of.by_series}[self.by]
        flat = values.reshape(-1, len(of.metrics))
        each = len(flat) // len(of.methods)
        columns: dict[str, Any] = {name: np.ma.masked_invalid(flat[:, place]) for place, name in enumerate(of.metrics)}
        beside = None
        if self.by == "method":
            columns["series"] = of.n_series
        elif self.by == "step":
            columns["step"] = np.tile(of.steps, len(of.methods))
        elif of.keys:
            beside = tools.adopted(plain_table(of.series.to_arrow()).take(pa.array(np.tile(np.arange(each), len(of.methods)))))
        made = tools.frame({"method": np.repeat(np.array(of.methods, dtype=object), each), **columns}, beside)
        return ordered(self.plan(), made)


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Holding):
    """Accuracies of forecasts.

    Parameters
    ----------
    metrics, methods
        Names.
    series, keys
        A frame of the series' keys, and its columns; where a table has one series, it has no key, and the frame has a row.
    steps
        [n_steps] ascending.
    by_method, by_step, by_series
        [n_methods, n_metrics], [n_methods, n_steps, n_metrics], [n_methods, n_series, n_metrics].
    n_series
        [n_methods] of how many series there are forecasts.
    statuses
        [n_methods, n_statuses] how many series have each status, in the last window.
    pictures
        [n_pictures, 5, n_steps] the step, what came, the forecast, the ends of its interval; of the series that `pictured` names.
    """

    word: ClassVar[str] = "comparison"

    metrics: tuple[str, ...]
    methods: tuple[str, ...]
    keys: tuple[str, ...]
    series: Any
    steps: Any
    by_method: Any
    by_step: Any
    by_series: Any
    n_series: Any
    statuses: Any
    pictures: Any
    pictured: tuple[str, ...]

    @answers()
    def scores(self, by: str = "method") -> Told:
        """Return the accuracies by method, by step or by series."""
        if by not in ("method", "step", "series"):
            msg = f"by={by!r}: EvaluateForecast has scores by 'method', 'step' or 'series'."
            raise UsageError(msg)
        return Told(self, by)

    @cached_property
    def values(self) -> dict[str, dict[str, float]]:
        """The accuracies of each method, by name."""
        return {name: dict(zip(self.metrics, map(float, row), strict=True)) for name, row in zip(self.methods, self.by_method, strict=True)}

    def check(self) -> None:
        """Raise ArtefactError unless the parts fit one another."""
        n, k = len(self.methods), len(self.metrics)
        columns = tuple(self.series.columns) if self.keys else self.keys
        shapes = {
            "by_method": (n, k),
            "by_step": (n, len(self.steps), k),
            "by_series": (n, len(self.series), k),
            "n_series": (n,),
            "statuses": (n, 5),
            "pictures": (len(self.pictured), 5, len(self.steps)),
        }
        wrong = [name for name, shape in shapes.items() if getattr(self, name).shape != shape]
        wrong += ["keys"] if columns != self.keys or not k else []
        if wrong:
            msg = f"Expected accuracies of {n} methods, got others in {listing(wrong)}. Save the evaluation again."
            raise ArtefactError(msg)

    def describe(self) -> Mapping[str, Any]:
        """Return the best accuracy of each kind, and a card of all."""
        facts = {"methods": ", ".join(self.methods), "series": len(self.series)}
        for place, name in enumerate(self.metrics):
            if not name.startswith("coverage") and np.isfinite(self.by_method[:, place]).any():
                best = int(np.nanargmin(self.by_method[:, place]))
                facts[f"lowest {name}"] = f"{self.by_method[best, place]:.4g} ({self.methods[best]})"
        return {"facts": facts, "cards": evaluation_cards(self)}


@dataclass(frozen=True, init=False)
class EvaluateForecast(TaskStage):
    """Measures forecasts against what came; what it gives answers with ``scores(by="method")``, ``"step"`` or ``"series"``.

    It takes what `Backtest` makes, or ``fitted.errors(test)`` of a fitted `Forecast`; the seasonal naive is among the methods of both.
    A metric is worked out for each series and window first, and these count the same: ``mase`` (in units of the seasonal naive's error
    within what came before), ``smape`` (0 to 200), ``rmse``, ``mae``, ``coverage`` (the share that lies within the interval, of each
    level), ``pinball`` (mean loss over the ends of all intervals as quantiles). What has no value is left out, and counted in ``series``.

    Parameters
    ----------
    metrics
        One name or several.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import Backtest
    >>> from gpupipe.forecasts import Mean
    >>> rows = pl.DataFrame({"day": range(6), "sales": [5.0, 1.0, 6.0, 2.0, 4.0, 3.0]})
    >>> made = Backtest(Mean(), horizon=2, season_length=2, time="day", target="sales").apply(rows)
    >>> found = EvaluateForecast(["mae", "mase"]).apply(made)
    >>> found.scores().apply().rows()
    [('Mean', 1, 0.5, 0.5), ('SeasonalNaive', 1, 1.5, 1.5)]
    """

    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = Evaluation

    metrics: tuple[str, ...]

    def __init__(self, metrics: str | Sequence[str] = METRICS) -> None:
        names = as_columns(metrics, "EvaluateForecast's metrics")
        for name in names:
            if name not in METRICS:
                msg = f"There is no metric {name!r} of forecasts.{nearest(name, METRICS)} The metrics are {listing(METRICS)}."
                raise UsageError(msg)
        settle(self, metrics=names)

    def names(self, schema: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the metrics by the names of their columns; without intervals, those of intervals are left out."""
        return metric_columns(self.metrics, bands_in(schema))

    def plan(self, *specs: Any) -> Evaluation:
        """Return the evaluation of nothing.

        Raise ColumnError where the table is none of forecasts, or has no interval that a metric is of.
        """
        needed = ("window", "method", "step", "actual", "forecast", "error", "scaled_error", "smape", "status")
        lacking = [name for name in needed if name not in specs[0]]
        if lacking:
            msg = f"EvaluateForecast takes what Backtest or fitted.errors(test) makes, got a table without {listing(lacking)}."
            raise ColumnError(msg)
        if twice := [name for name in key_columns(specs[0]) if name in self.names(specs[0])]:
            msg = f"EvaluateForecast makes column {listing(twice)}, and a key is called so. Rename it before."
            raise ColumnError(msg)
        specs[0].require_numeric(["window", "step", "actual", "forecast", "error", "scaled_error", "smape"], "EvaluateForecast")
        names = self.names(specs[0])
        found = {name: specs[0][name].dtype for name in key_columns(specs[0])}
        keys = {name: text_of(dtype) for name, dtype in found.items()} or {"series": nw.Int64()}
        series = nw.from_dict({name: [] for name in keys}, keys, backend="pyarrow")
        k, none = len(names), np.zeros(0, dtype=np.int64)
        empty = (np.zeros((0, k)), np.zeros((0, 0, k)), np.zeros((0, 0, k)), none, np.zeros((0, 5), dtype=np.int64), np.zeros((0, 5, 0)))
        return Evaluation(names, (), tuple(found), series, none, *empty, ())

    def solve(self, tools: Tools, *inputs: Any) -> Evaluation:
        """Return the accuracies."""
        frame = inputs[0]
        if not len(frame):
            msg = "EvaluateForecast expects rows, got none: there is nothing to be compared."
            raise StageError(msg)
        rows = ForecastRows.of(tools, frame)
        found = Measures(rows, self.names(dict(frame.schema.items())))
        pictures, pictured = found.pictures()
        return Evaluation(
            found.names,
            rows.methods,
            rows.keys,
            rows.series,
            rows.steps,
            found.by_method(),
            found.by_step(),
            found.by_series(),
            found.n_series(),
            rows.statuses(),
            pictures,
            pictured,
        )
