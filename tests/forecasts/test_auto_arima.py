"""The orders that are found, on series whose orders are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.stattools import kpss as peer_kpss

from gpupipe.core.errors import UsageError
from gpupipe.forecasts import ARIMA, AutoARIMA
from gpupipe.forecasts._differencing import kpss

Fit = Callable[..., Any]


@pytest.mark.filterwarnings("ignore:The test statistic")
def test_kpss_is_statsmodels() -> None:
    chance = np.random.default_rng(0)
    rows = np.concatenate((chance.normal(size=(2, 120)), np.cumsum(chance.normal(size=(2, 120)), axis=1)))
    made = kpss(rows.T, np.full(4, 120), np)
    for row, statistic in zip(rows, made, strict=True):
        assert statistic == pytest.approx(peer_kpss(row, regression="c", nlags=int(3 * np.sqrt(120) / 13), result_object=False)[0])


def test_known_orders_are_found(quiet: Fit) -> None:
    chance = np.random.default_rng(1)
    errors = chance.normal(size=(8, 120))
    auto = np.zeros_like(errors)
    for time in range(1, 120):
        auto[:, time] = 0.7 * auto[:, time - 1] + errors[:, time]
    moving = errors[:, 1:] + 0.8 * errors[:, :-1]
    rows = np.concatenate((auto[:, 1:], np.cumsum(moving, axis=1)))
    model = quiet(AutoARIMA(max_p=1, max_q=1), rows)
    orders = model.orders_[:, :3].tolist()
    assert sum(one == [1, 0, 0] for one in orders[:8]) >= 4
    assert sum(one == [0, 1, 1] for one in orders[8:]) >= 4
    for place in (0, 8):
        p, d, q = orders[place]
        constant = bool(model.params_["mean"][place] != 0)
        alone = quiet(ARIMA((p, d, q), include_constant=constant), rows[place])
        np.testing.assert_allclose(model.forecast(3).mean[place], alone.forecast(3).mean[0], rtol=1e-6)
        others = [quiet(ARIMA(order, include_constant=d < 2), rows[place]).aicc_[0] for order in ((0, d, 0), (1, d, 1))]
        assert model.aicc_[place] <= min(others) + 1e-3


def test_a_strong_season_is_differenced(monthly: np.ndarray, quiet: Fit) -> None:
    model = quiet(AutoARIMA(12, max_p=0, max_q=1, max_seasonal_p=0, max_seasonal_q=1), monthly[:2])
    assert model.orders_[:, 4].tolist() == [1, 1]
    assert np.isfinite(model.forecast(13, level=80).upper[80]).all()


def test_columns_and_short_series(quiet: Fit) -> None:
    chance = np.random.default_rng(0)
    columns = chance.normal(size=(44, 1))
    rows = np.cumsum(chance.normal(size=(4, 40)), axis=1) + 3 * columns[:40, 0]
    rows[2, :36], rows[3, :38] = np.nan, np.nan
    model = quiet(AutoARIMA(max_p=1, max_q=1), rows, columns[:40])
    np.testing.assert_allclose(model.params_["beta"][:2, 0], 3.0, atol=0.5)
    assert model.status_.tolist() == [0, 0, 2, 3]
    ahead = model.forecast(4, columns[40:]).mean
    np.testing.assert_allclose(ahead[2:], np.nanmean(rows[2:], axis=1)[:, None] * np.ones((1, 4)))


def test_parameters_that_are_none(monthly: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"max_p must be a whole number from 0 on, got -1"):
        AutoARIMA(max_p=-1).fit(monthly)
