"""Forecasts of many series at once: arrays in, arrays out, on NumPy or CuPy, without any pipeline."""

from gpupipe.forecasts._forecaster import STATUSES, Forecast, ForecastWarning
from gpupipe.forecasts.accuracy import coverage, mae, mase, naive_error, pinball, rmse, smape
from gpupipe.forecasts.arima import ARIMA
from gpupipe.forecasts.auto_arima import AutoARIMA
from gpupipe.forecasts.auto_holt_winters import AutoHoltWinters
from gpupipe.forecasts.correlation import acf, pacf
from gpupipe.forecasts.deep_forecaster import DeepForecaster
from gpupipe.forecasts.drift import Drift
from gpupipe.forecasts.holt_winters import HoltWinters
from gpupipe.forecasts.kalman_filter import KalmanFilter
from gpupipe.forecasts.mean import Mean
from gpupipe.forecasts.naive import Naive
from gpupipe.forecasts.seasonal_naive import SeasonalNaive
from gpupipe.forecasts.theta import Theta

__all__ = [
    "ARIMA",
    "STATUSES",
    "AutoARIMA",
    "AutoHoltWinters",
    "DeepForecaster",
    "Drift",
    "Forecast",
    "ForecastWarning",
    "HoltWinters",
    "KalmanFilter",
    "Mean",
    "Naive",
    "SeasonalNaive",
    "Theta",
    "acf",
    "coverage",
    "mae",
    "mase",
    "naive_error",
    "pacf",
    "pinball",
    "rmse",
    "smape",
]
