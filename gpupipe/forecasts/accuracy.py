"""Errors of forecasts as array functions, a number for each series; missing values are passed over.

``axis=1`` (the default) is over a series' steps, ``axis=0`` over series, a number for each step; None is one number over all. Where there
is nothing to be compared, the error is NaN.

Source: R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy", Int. J. Forecasting 22 (2006); S. Makridakis, E.
Spiliotis, V. Assimakopoulos, "The M4 competition", Int. J. Forecasting 36 (2020), for the symmetric error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.forecasts._arrays import array_library
from gpupipe.forecasts._batch import as_numbers
from gpupipe.forecasts._forecaster import whole_number


def mae(actual: Any, forecast: Any, axis: int | None = 1) -> Any:
    """Return the mean absolute error.

    Examples
    --------
    >>> mae([[1.0, 2.0]], [[2.0, 4.0]])
    array([1.5])
    """
    actual, forecast, xp = _pair(actual, forecast)
    return _mean(xp.abs(actual - forecast), axis, xp)


def rmse(actual: Any, forecast: Any, axis: int | None = 1) -> Any:
    """Return the root of the mean squared error.

    Examples
    --------
    >>> rmse([[1.0, 2.0]], [[2.0, 2.0]]).round(3)
    array([0.707])
    """
    actual, forecast, xp = _pair(actual, forecast)
    return xp.sqrt(_mean((actual - forecast) ** 2, axis, xp))


def smape(actual: Any, forecast: Any, axis: int | None = 1) -> Any:
    """Return the symmetric mean absolute percentage error, between 0 and 200; a step where both are 0 has none.

    Examples
    --------
    >>> smape([[100.0, 0.0]], [[110.0, 0.0]]).round(3)
    array([4.762])
    """
    actual, forecast, xp = _pair(actual, forecast)
    size = xp.abs(actual) + xp.abs(forecast)
    return _mean(200 * xp.abs(actual - forecast) / xp.where(size == 0, 1.0, size), axis, xp)


def mase(actual: Any, forecast: Any, history: Any, season_length: int = 1, axis: int | None = 1) -> Any:
    """Return the mean absolute error as a multiple of that of the seasonal naive forecast within the history.

    Parameters
    ----------
    history
        [n_series, n_times], what was forecast from. A series in which a season only repeats has an error of NaN.
    season_length
        Steps in a cycle of the naive forecast.

    Examples
    --------
    >>> mase([[5.0, 7.0]], [[4.0, 9.0]], [[1.0, 2.0, 4.0, 3.0]])
    array([1.125])
    """
    actual, forecast, xp = _pair(actual, forecast)
    history = as_numbers(history, "history", xp)
    if history.ndim != 2 or len(history) != len(actual):
        msg = f"history must be [{len(actual)}, n_times], a row for each series, got shape {tuple(history.shape)}."
        raise UsageError(msg)
    scale = naive_error(history, season_length)
    return _mean(xp.abs(actual - forecast) / scale[:, None], axis, xp)


def naive_error(history: Any, season_length: int = 1) -> Any:
    """Return the mean absolute error [n_series] of the seasonal naive within the history, which `mase` counts in; NaN where it is 0.

    Examples
    --------
    >>> naive_error([[1.0, 2.0, 4.0, 3.0]]).round(3)
    array([1.333])
    """
    xp = array_library(history)
    history, period = as_numbers(history, "history", xp), whole_number(season_length, "season_length", 1)
    scale = _mean(xp.abs(history[:, period:] - history[:, : max(history.shape[1] - period, 0)]), 1, xp)
    return xp.where(scale > 0, scale, xp.nan)


def coverage(actual: Any, lower: Any, upper: Any, axis: int | None = 1) -> Any:
    """Return the share of values that lie within their intervals, ends included.

    Examples
    --------
    >>> coverage([[1.0, 5.0]], [[0.0, 0.0]], [[2.0, 2.0]])
    array([0.5])
    """
    actual, lower, xp = _pair(actual, lower)
    _, upper, _ = _pair(actual, upper)
    inside = ((actual >= lower) & (actual <= upper)).astype(float)
    return _mean(xp.where(xp.isnan(actual) | xp.isnan(lower) | xp.isnan(upper), xp.nan, inside), axis, xp)


def pinball(actual: Any, forecast: Any, quantile: float, axis: int | None = 1) -> Any:
    """Return the mean pinball loss of the forecast of a quantile.

    Parameters
    ----------
    quantile
        Between 0 and 1.

    Examples
    --------
    >>> pinball([[1.0, 5.0]], [[2.0, 2.0]], 0.9)
    array([1.4])
    """
    if not 0 < quantile < 1:
        msg = f"quantile must lie between 0 and 1, got {quantile!r}."
        raise UsageError(msg)
    actual, forecast, xp = _pair(actual, forecast)
    error = actual - forecast
    return _mean(xp.where(error >= 0, quantile * error, (quantile - 1) * error), axis, xp)


def _pair(actual: Any, forecast: Any) -> tuple[Any, Any, Any]:
    xp = array_library(actual)
    actual, forecast = as_numbers(actual, "actual", xp), as_numbers(forecast, "forecast", xp)
    if actual.ndim != 2 or actual.shape != forecast.shape:
        msg = f"Both must be [n_series, horizon], got shapes {tuple(actual.shape)} and {tuple(forecast.shape)}."
        raise UsageError(msg)
    return actual, forecast, xp


def _mean(errors: Any, axis: int | None, xp: Any) -> Any:
    known = ~xp.isnan(errors)
    count = known.sum(axis=axis)
    with np.errstate(over="ignore"):
        summed = xp.where(known, errors, 0.0).sum(axis=axis)
    return xp.where(count > 0, summed / xp.maximum(count, 1), xp.nan)
