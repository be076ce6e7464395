"""Series that the tests of forecasters share."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gpupipe.forecasts import ForecastWarning


@pytest.fixture(scope="session")
def monthly() -> np.ndarray:
    """Return 12 series of 49 values with trend and season, above zero."""
    chance, times = np.random.default_rng(1), np.arange(49)
    level = 60 + np.cumsum(chance.normal(0.3, 0.5, (12, 49)), axis=1)
    season = 1 + chance.uniform(0.1, 0.3, (12, 1)) * np.sin(2 * np.pi * times / 12 + chance.uniform(0, 6, (12, 1)))
    return level * season + chance.normal(0, 1.5, (12, 49))


@pytest.fixture(scope="session")
def bad() -> np.ndarray:
    """Return series that cannot be fitted as asked: constant, missing, infinite, three values, two values, all zero."""
    rows = np.full((6, 49), np.nan)
    rows[0], rows[2], rows[5] = 7.0, np.arange(49.0), 0.0
    rows[2, 5] = np.inf
    rows[3, 30:33], rows[4, 40:42] = [1.0, 2.0, 4.0], [5.0, 6.0]
    return rows


@pytest.fixture
def quiet() -> Callable[..., Any]:
    """Return what fits a forecaster without a warning about statuses."""

    def fit(forecaster: Any, *given: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ForecastWarning)
            return forecaster.fit(*given)

    return fit
