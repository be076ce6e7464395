"""Autocorrelations and partial autocorrelations of a batch of series."""

from __future__ import annotations

from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.forecasts._arrays import array_library
from gpupipe.forecasts._batch import as_numbers
from gpupipe.forecasts._forecaster import whole_number
from gpupipe.forecasts._seasonality import autocorrelations


def acf(Y: Any, n_lags: int) -> Any:
    """Return the autocorrelations [n_series, n_lags + 1] of series [n_series, n_times] without missing values, lag 0 first.

    Examples
    --------
    >>> acf([[1.0, 2.0, 3.0, 4.0]], 1)
    array([[1.  , 0.25]])
    """
    xp = array_library(Y)
    series = as_numbers(Y, "Y", xp)
    n_lags = whole_number(n_lags, "n_lags", 1)
    if series.ndim != 2 or series.shape[1] <= n_lags or not bool(xp.isfinite(series).all()):
        msg = f"Y must be [n_series, n_times] with more than {n_lags} times and no missing value, got shape {tuple(series.shape)}."
        raise UsageError(msg)
    return autocorrelations(series.T, xp.full(len(series), series.shape[1]), n_lags, xp).T


def pacf(Y: Any, n_lags: int) -> Any:
    """Return the partial autocorrelations [n_series, n_lags + 1], by Yule and Walker's equations; that of lag 0 is 1.

    Source: the recursion of Levinson and Durbin; P. J. Brockwell, R. A. Davis, "Time Series: Theory and Methods" (1991), section 8.2.

    Examples
    --------
    >>> pacf([[1.0, 2.0, 3.0, 4.0]], 1)
    array([[1.  , 0.25]])
    """
    xp = array_library(Y)
    known = acf(Y, n_lags).T
    made, coefficients, variance = [known[0]], list[Any](), xp.ones_like(known[0])
    for lag in range(1, len(known)):
        rest = known[lag]
        for step, coefficient in enumerate(coefficients):
            rest = rest - coefficient * known[lag - 1 - step]
        last = rest / xp.where(variance > 0, variance, 1.0)
        coefficients = [one - last * other for one, other in zip(coefficients, coefficients[::-1], strict=True)] + [last]
        variance = variance * (1 - last * last)
        made.append(last)
    return xp.stack(made, axis=1)
