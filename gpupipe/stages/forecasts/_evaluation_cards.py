"""What a report shows of forecasts' accuracies: methods side by side, error by step, statuses, and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gpupipe.forecasts import STATUSES
from gpupipe.stages.forecasts._cards import band, curve
from gpupipe.stages.forecasts._measures import ranking


def evaluation_cards(of: Any) -> list[Mapping[str, Any]]:
    """Return the card of an evaluation."""
    if not len(of.methods):
        return []
    metric = ranking(of.metrics)
    name = of.metrics[metric]
    order = np.argsort(of.by_method[:, metric], kind="stable")
    rows = [[of.methods[place], int(of.n_series[place]), *map(_rounded, of.by_method[place])] for place in order]
    parts: list[Mapping[str, Any]] = [{"kind": "table", "title": "Accuracies", "columns": ["method", "series", *of.metrics], "rows": rows}]
    parts.append(
        {
            "kind": "lines",
            "title": f"{name} by step",
            "x": "step",
            "y": name,
            "curves": [curve(of.methods[place], of.steps.tolist(), of.by_step[place, :, metric]) for place in order],
        }
    )
    for title, (steps, actual, forecast, low, high) in zip(of.pictured, of.pictures, strict=True):
        curves = [curve("what came", steps.tolist(), actual), curve("forecast", steps.tolist(), forecast)]
        bands = [band("narrowest interval", steps.tolist(), low, high)] if np.isfinite(low).any() else []
        parts.append({"kind": "lines", "title": title, "x": "step", "y": "value", "curves": curves, "bands": bands})
    wrong = [
        [method, STATUSES[code], int(count)]
        for method, row in zip(of.methods, of.statuses, strict=True)
        for code, count in enumerate(row)
        if count
    ]
    parts.append({"kind": "table", "title": "Statuses in the last window", "columns": ["method", "status", "series"], "rows": wrong})
    return [{"section": "Forecasts", "title": f"Forecasts of {len(of.series):,} series by {len(of.methods)} methods", "parts": parts}]


def _rounded(value: float) -> float | None:
    """Return a number of four digits for a page; None for NaN."""
    return float(f"{value:.4g}") if np.isfinite(value) else None
