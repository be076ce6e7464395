"""Forecasters as stages take them: looked at before anything is read, copied, fitted without stopping at one bad series."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.errors import PlanError, StageError, UsageError, listing
from gpupipe.forecasts import STATUSES, SeasonalNaive
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._forecaster import Forecaster


def checked(estimator: Any, stage: str) -> Forecaster:
    """Return a copy of a forecaster, unfitted, or say what came instead."""
    if (
        isinstance(estimator, type)
        or not isinstance(estimator, Forecaster)
        or not type(estimator).__module__.startswith("gpupipe.forecasts")
    ):
        got = f"the class {estimator.__name__}" if isinstance(estimator, type) else f"a {type(estimator).__name__}"
        msg = f"{stage} expects a forecaster of gpupipe.forecasts, such as HoltWinters(season_length=12), got {got}."
        raise UsageError(msg)
    return type(estimator)(**estimator.get_params())


def season_of(*estimators: Forecaster) -> int:
    """Return the longest season that forecasters are told of; 1 where there is none."""
    return max((int(getattr(one, "season_length", 1)) for one in estimators), default=1)


def takes(estimator: Forecaster, exogenous: tuple[str, ...], stage: str) -> None:
    """Raise PlanError where there are exogenous columns and the forecaster takes none."""
    if exogenous and not estimator._takes_regressors:
        msg = f"{type(estimator).__name__} takes no exogenous columns, got {listing(exogenous)}. Leave them out of {stage}, or use ARIMA."
        raise PlanError(msg)


def told_of_all(estimator: Forecaster) -> bool:
    """Whether a forecaster is told nothing of single series, nor learns from all together, so that it may be fitted to some by themselves.

    Examples
    --------
    >>> from gpupipe.forecasts import HoltWinters
    >>> given = {"alpha": [0.1, 0.2], "level": 5.0}
    >>> told_of_all(SeasonalNaive(7)), told_of_all(HoltWinters(trend=None, seasonal=None, parameters=given))
    (True, False)
    """
    return not estimator._learns_together and all(np.ndim(value) == 0 for value in (getattr(estimator, "parameters", None) or {}).values())


def fitted_to(estimator: Forecaster, values: Any, regressors: Any, tell: Any) -> Forecaster:
    """Return a fitted copy of a forecaster; a series that cannot be fitted has a status.

    Parameters
    ----------
    tell
        From the place of a series to its key in words.

    Raises
    ------
    StageError
        A series has a status, and the forecaster has ``errors="raise"``.
    """
    made = type(estimator)(**{**estimator.get_params(), "errors": "ignore"})
    made.fit(values, regressors)
    require_fitted(estimator, made, tell)
    return made


def require_fitted(asked: Forecaster, made: Forecaster, tell: Any) -> None:
    """Raise StageError where a series has a status, and the forecaster that was asked for has ``errors="raise"``; see `fitted_to`."""
    if asked.errors != "raise":
        return
    codes = to_host(made.status_)
    if codes.any():
        first = int(np.flatnonzero(codes)[0])
        counted = ", ".join(f"{int((codes == code).sum())} {STATUSES[code]}" for code in range(1, len(STATUSES)) if (codes == code).any())
        msg = (
            f"{type(made).__name__} fits every series or none (errors='raise'), and of {len(codes)} series there are {counted}. "
            f"The first is {tell(first)}: {made.reasons_[first]}. Leave these series out, or take errors='ignore'."
        )
        raise StageError(msg)


def fitted_to_nothing(estimator: Forecaster, n_columns: int) -> Forecaster:
    """Return a forecaster fitted to one series without a value, which stands for what it will be in a plan."""
    regressors = np.zeros((1, 1, n_columns)) if n_columns else None
    return fitted_to(type(estimator)(**{**estimator.get_params(), "errors": "ignore"}), np.full((1, 1), np.nan), regressors, str)


def naive_of(season_length: int) -> SeasonalNaive:
    """Return what every forecast is compared with."""
    return SeasonalNaive(season_length, errors="ignore")
