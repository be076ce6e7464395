"""Compares strategies by what a metric came to for what was spent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.active._arrays import on_host
from gpupipe.active.curve import area_under, cost_to
from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools

SHARES = (90, 95, 98, 99)
_POINTS = 60


@dataclass(frozen=True)
class LearningCurve(TaskStage):
    """Compares strategies: a row for each, with the area under its curve and what was spent to come near what all labels would give.

    The report shows a line for each strategy, the median of its seeds, with a band from the lowest to the highest. One strategy must be
    chance, at equal cost: without it nobody sees what choosing is worth.

    Parameters
    ----------
    strategy, seed, cost, metric
        The columns: who, which repetition, what was spent, and what it came to on a hold-out.
    full
        The metric where everything is labelled; the best that was reached unless given. Of one that is not above 0 there are no shares,
        and costs to them are missing.
    chance
        What chance is called.

    Examples
    --------
    >>> import polars as pl
    >>> rows = [("random", 0, 10, 0.5), ("random", 0, 30, 0.9), ("margin", 0, 10, 0.5), ("margin", 0, 30, 1.0)]
    >>> table = pl.DataFrame(rows, schema=["strategy", "seed", "cost", "metric"], orient="row")
    >>> LearningCurve().apply(table).select("strategy", "area", "cost_to_90").rows()
    [('margin', 0.75, 26.0), ('random', 0.7, 30.0)]
    """

    strategy: str = "strategy"
    seed: str = "seed"
    cost: str = "cost"
    metric: str = "metric"
    full: float | None = None
    chance: str = "random"

    def __post_init__(self) -> None:
        if self.full is not None and not math.isfinite(self.full):
            raise UsageError(f"LearningCurve expects full, the metric with all labels, as a number, got {self.full}.")

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns."""
        return [[self.strategy, self.seed, self.cost, self.metric]]

    def plan(self, *specs: Any) -> Schema:
        """Return the columns of the comparison.

        Raise ColumnError for a column that is not there, DtypeError for costs and metrics that are no numbers.
        """
        specs[0].require([self.strategy, self.seed])
        specs[0].require_numeric([self.cost, self.metric], "LearningCurve")
        numbers = {name: nw.Float64() for name in ("area", "best", *(f"cost_to_{share}" for share in SHARES))}
        return Schema.of_names({"strategy": nw.String(), "seeds": nw.Int64(), **numbers})

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the comparison."""
        curves = self._curves(tools, inputs[0])
        if self.chance not in curves:
            msg = (
                f"LearningCurve expects the arm of chance, {self.chance!r}, beside the others, got {sorted(curves)}. Run it at equal cost."
            )
            raise StageError(msg)
        full = self.full if self.full is not None else max(float(np.nanmax(metrics)) for seeds in curves.values() for _, metrics in seeds)
        budget = min(float(costs[-1]) for seeds in curves.values() for costs, _ in seeds)
        rows: dict[str, list[Any]] = {name: [] for name in self.plan(Schema.of_names(inputs[0].schema))}
        for name in sorted(curves, key=lambda one: (one == self.chance, one)):
            seeds = curves[name]
            rows["strategy"].append(name)
            rows["seeds"].append(len(seeds))
            rows["area"].append(float(np.median([area_under(costs, metrics, budget) for costs, metrics in seeds])))
            rows["best"].append(float(np.median([np.nanmax(metrics) for _, metrics in seeds])))
            for share in SHARES:
                spent = [cost_to(costs, metrics, full * share / 100) if full > 0 else None for costs, metrics in seeds]
                whole = None not in spent
                rows[f"cost_to_{share}"].append(float(np.median(np.array(spent, float))) if whole else float("nan"))
        self._show(tools, curves, rows, full, budget)
        return self._table(tools, rows)

    def _curves(self, tools: Tools, frame: nw.DataFrame[Any]) -> dict[str, list[tuple[Any, Any]]]:
        """Return costs and metrics of each strategy's seeds, in the order of cost."""
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        costs, metrics = (on_host(tools.array(frame, name)).astype(float).tolist() for name in (self.cost, self.metric))
        arms = zip(frame[self.strategy].to_list(), frame[self.seed].to_list(), strict=True)
        for (who, seed), cost, metric in zip(arms, costs, metrics, strict=True):
            if not math.isnan(metric):  # as it is before there is a model
                found.setdefault((str(who), str(seed)), []).append((cost, metric))
        if not found:
            raise StageError("LearningCurve expects a metric in one row or more, got none. Let the runs evaluate a hold-out.")
        curves: dict[str, list[tuple[Any, Any]]] = {}
        for (who, _), points in sorted(found.items()):
            spent, reached = np.array(sorted(points)).T
            curves.setdefault(who, []).append((spent, reached))
        return curves

    def _table(self, tools: Tools, rows: Mapping[str, list[Any]]) -> nw.DataFrame[Any]:
        """Return rows as a table; what was never reached is missing."""
        columns = {name: pa.array(list(map(_known, values))) for name, values in rows.items()}
        types = {"strategy": pa.large_string(), "seeds": pa.int64()}
        made: nw.DataFrame[Any] = tools.adopted(
            pa.table({name: column.cast(types.get(name, pa.float64())) for name, column in columns.items()})
        )
        return made

    def _show(self, tools: Tools, curves: Mapping[str, Any], rows: Mapping[str, list[Any]], full: float, budget: float) -> None:
        """Show the curves with their bands, and the comparison."""
        lines: list[Any] = []
        bands: list[Any] = []
        for name in rows["strategy"]:
            seeds = curves[name]
            at = np.linspace(max(costs[0] for costs, _ in seeds), min(costs[-1] for costs, _ in seeds), _POINTS)
            heights = np.array([np.interp(at, costs, metrics) for costs, metrics in seeds])
            x = at.tolist()
            lines.append({"label": name, "x": x, "y": np.median(heights, axis=0).tolist()})
            ends = {"low": heights.min(axis=0).tolist(), "high": heights.max(axis=0).tolist()}
            bands.append({"label": f"{name}, all seeds", "of": name, "x": x, **ends})
        drawn = {
            "kind": "lines",
            "title": f"{self.metric} over {self.cost}",
            "x": self.cost,
            "y": self.metric,
            "curves": lines,
            "bands": bands,
        }
        shown = [list(map(_rounded, row)) for row in zip(*rows.values(), strict=True)]
        names = [name.replace("_", " ") + (" %" if name.startswith("cost_to") else "") for name in rows]
        told = f"Area: the mean of {self.metric} up to a cost of {budget:g}. Costs to shares of {full:.4g}, "
        told += "the best that was reached." if self.full is None else "what all labels give."
        if full <= 0:
            told += " Shares of what is not above 0 say nothing, so no costs to them are told."
        parts: list[Mapping[str, Any]] = [
            drawn,
            {"kind": "text", "text": told},
            {"kind": "table", "title": "", "columns": names, "rows": shown},
        ]
        tools.show("What labels were worth", *parts)


def _known(value: Any) -> Any:
    """Return a value, None for NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _rounded(value: Any) -> Any:
    """Return a value as the report's table has it."""
    if isinstance(value, float):
        return "not reached" if math.isnan(value) else round(value, 4)
    return value
