"""Where the likelihood of an ARIMA model is first looked at: usual values, and two regressions on the series' own past."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.forecasts._arima_data import Data
from gpupipe.forecasts._arrays import backward_solved, factorized, forward_solved, total
from gpupipe.forecasts._polynomials import differenced

MIXTURES = ((0.5, -0.3), (-0.5, 0.3), (0.9, -0.6), (0.2, 0.6))


def starts(data: Data) -> list[Any]:
    """Return the transformed coefficients [k, n_series] that are tried."""
    spec, xp, n_series = data.spec, data.xp, data.values.shape[1]
    made = [xp.zeros((spec.n_coefficients, n_series))]
    if not spec.n_coefficients:
        return made
    for ar, ma in MIXTURES:
        rows = xp.zeros((spec.n_coefficients, n_series))
        for place, part in enumerate(spec.parts(rows)):
            if len(part):
                part[0] = float(np.arctanh(ar if place % 2 == 0 else -ma)) * (1.0 if place < 2 else 0.5)
        made.append(rows)
    with np.errstate(all="ignore"):
        made.append(spec.transformed(by_regression(data), xp))
    return made


def by_regression(data: Data) -> Any:
    """Return coefficients [k, n_series] by least squares on past values and past errors, the latter from a long autoregression.

    Columns are left out, products of plain and seasonal coefficients as well; a missing value counts as 0.

    Source: E. J. Hannan, J. Rissanen, "Recursive estimation of mixed autoregressive-moving average order", Biometrika 69 (1982).
    """
    spec, xp = data.spec, data.xp
    values = data.values
    if data.gaps:
        values = differenced(values, spec.d, spec.seasonal_d, spec.period)
    steps = xp.arange(len(values))[:, None]
    inside = steps < xp.asarray(data.lengths - (spec.n_lost if data.gaps else 0))[None, :]
    values = xp.where(inside, values, 0.0)
    values = values - xp.where(inside, total(values, xp) / xp.maximum(inside.sum(axis=0), 1), 0.0)
    errors = xp.zeros_like(values)
    if spec.q or spec.seasonal_q:
        short = range(1, max(spec.p, spec.q, 2) + 3)
        long = [spec.period * season + lag for season in range(1, 1 + bool(spec.seasonal_q or spec.seasonal_p)) for lag in (0, 1)]
        far = sorted({lag for lag in (*short, *long) if lag < len(values) // 3})
        errors = _regressed(values, [(values, lag) for lag in far], inside, xp)[1]
    asked = [
        *((values, lag + 1) for lag in range(spec.p)),
        *((errors, lag + 1) for lag in range(spec.q)),
        *((values, spec.period * (lag + 1)) for lag in range(spec.seasonal_p)),
        *((errors, spec.period * (lag + 1)) for lag in range(spec.seasonal_q)),
    ]
    if max(lag for _, lag in asked) >= len(values):
        return xp.zeros((spec.n_coefficients, values.shape[1]))
    return _regressed(values, asked, inside, xp)[0]


def _regressed(values: Any, asked: list[tuple[Any, int]], inside: Any, xp: Any) -> tuple[Any, Any]:
    """Return the coefficients of values on rows some lags before, and the errors, with zeros before all lags are there, and after the end.

    What lies after the end of a series counts nowhere, or it would depend on the longest of its neighbours.
    """
    first = max((lag for _, lag in asked), default=0)
    rows = [xp.where(inside[first:], source[first - lag : len(values) - lag], 0.0) for source, lag in asked]
    n_rows, n_series = len(rows), values.shape[1]
    matrix, right = xp.zeros((n_rows, n_rows, n_series)), xp.zeros((n_rows, n_series))
    for place, row in enumerate(rows):
        right[place] = total(row * values[first:], xp)
        for other in range(place + 1):
            matrix[place, other] = total(row * rows[other], xp)
        matrix[place, place] += 1e-8 * matrix[place, place] + 1e-300
    factor, _ = factorized(matrix, xp)
    found = backward_solved(factor, forward_solved(factor, right))
    errors = xp.zeros_like(values)
    errors[first:] = values[first:]
    for place, row in enumerate(rows):
        errors[first:] -= found[place] * row
    return found, errors
