"""What a report shows of forecasters and of their errors: how series were fitted, and pictures of the best, the median and the worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gpupipe.core.arrow import plain_table
from gpupipe.forecasts import STATUSES, mae, naive_error
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._estimators import season_of

LEVEL = 80  # per cent, of the intervals in pictures
MOST_STEPS = 200  # of history in a picture
Part = Mapping[str, Any]


def facts_of(fitted: Any) -> dict[str, Any]:
    """Return what series were fitted, and how many have which status."""
    values, codes = to_host(fitted.values), to_host(fitted.forecaster.status_)
    n_steps = int(to_host(fitted.lengths).sum())
    return {
        "forecaster": type(fitted.forecaster).__name__,
        **(fitted.forecaster.facts() if hasattr(fitted.forecaster, "facts") else {}),
        "series": len(fitted.starts),
        "step": fitted.grid.text,
        "longest": values.shape[1],
        "missing values": n_steps - int((~np.isnan(values)).sum()),
        **{STATUSES[code]: int((codes == code).sum()) for code in range(len(STATUSES)) if (codes == code).any()},
    }


def cards_of(fitted: Any) -> list[Mapping[str, Any]]:
    """Return the card of a fitted forecaster: statuses with a reason of each, and three series with their forecasts."""
    forecaster, season = fitted.forecaster, season_of(fitted.forecaster)
    values = to_host(fitted.values)
    parts = [status_table({type(forecaster).__name__: to_host(forecaster.status_)}, {type(forecaster).__name__: forecaster.reasons_})]
    scaled = to_host(mae(values, to_host(forecaster.fitted_))) / to_host(naive_error(values, season))
    horizon = min(max(season, 12), MOST_STEPS)
    made = None if fitted.exogenous else forecaster.forecast(horizon, level=(LEVEL,))
    for word, series in picked(scaled):
        end = int(fitted.ends[series])
        first = max(end + 1 - min(max(3 * season, 60), MOST_STEPS), 0)
        past = (np.arange(first, end + 1) - end).tolist()
        curves = [
            curve("history", past, values[series, first : end + 1]),
            curve("fitted", past, to_host(forecaster.fitted_)[series, first : end + 1]),
        ]
        bands = []
        if made is not None:
            ahead = list(range(1, horizon + 1))
            curves.append(curve("forecast", ahead, to_host(made.mean)[series]))
            ends = (to_host(made.lower[LEVEL])[series], to_host(made.upper[LEVEL])[series])
            bands.append(band(f"{LEVEL} % interval", ahead, *ends))
        title = f"{word}: {name_of(fitted.starts, series, fitted.columns.by)} (error {scaled[series]:.3g} of the naive's)"
        parts.append(
            {"kind": "lines", "title": title, "x": "steps after the last value", "y": fitted.target, "curves": curves, "bands": bands}
        )
    parts += forecaster.parts() if hasattr(forecaster, "parts") else []  # of a training
    return [{"section": "Forecasts", "title": f"{type(forecaster).__name__} of {len(values):,} series", "parts": parts}]


def picked(errors: Any) -> list[tuple[str, int]]:
    """Return the places of the best, the median and the worst of some errors, each once, passing over what is missing.

    Examples
    --------
    >>> picked(np.array([3.0, np.nan, 1.0, 2.0, 9.0]))
    [('Best', 2), ('Median', 3), ('Worst', 4)]
    """
    order = np.argsort(errors, kind="stable")
    order = order[np.isfinite(errors[order])]
    if not len(order):
        return []
    places = {int(order[0]): "Best", int(order[(len(order) - 1) // 2]): "Median", int(order[-1]): "Worst"}
    return [(word, place) for place, word in ({int(order[0]): "Best"} | places).items()]


def status_table(codes: Mapping[str, Any], reasons: Mapping[str, Sequence[str]] | None = None) -> Part:
    """Return how many series have which status, by method, with the reason of the first."""
    rows = []
    for method, found in codes.items():
        for code in range(len(STATUSES)):
            places = np.flatnonzero(found == code)
            if len(places):
                reason = [reasons[method][int(places[0])]] if reasons else []
                rows.append([method, STATUSES[code], len(places), *reason])
    return {
        "kind": "table",
        "title": "Statuses",
        "columns": ["method", "status", "series", *(["for one"] if reasons else [])],
        "rows": rows,
    }


def name_of(starts: Any, series: int, keys: Sequence[str]) -> str:
    """Return a series' key in words."""
    row = plain_table(starts[series : series + 1].to_arrow())
    return ", ".join(f"{name}={row[name][0].as_py()}" for name in keys) or "the series"


def curve(label: str, x: Sequence[float], y: Any) -> Mapping[str, Any]:
    """Return a curve as cards have it."""
    return {"label": label, "x": list(x), "y": [None if not np.isfinite(value) else float(value) for value in y]}


def band(label: str, x: Sequence[float], low: Any, high: Any) -> Mapping[str, Any]:
    """Return a band as cards have it, where both ends are finite."""
    kept = np.isfinite(low) & np.isfinite(high)
    sides = (np.asarray(x, dtype=float)[kept], np.asarray(low)[kept], np.asarray(high)[kept])
    return {"label": label, **{name: values.tolist() for name, values in zip(("x", "low", "high"), sides, strict=True)}}
