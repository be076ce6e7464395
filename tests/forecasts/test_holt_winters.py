"""Holt-Winters against R's ets (published results) and statsmodels, and its intervals against simulated truth."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.exponential_smoothing.initialization import _initialization_heuristic
from statsmodels.tsa.holtwinters import ExponentialSmoothing

from gpupipe.core.errors import UsageError
from gpupipe.forecasts import HoltWinters, coverage
from gpupipe.forecasts._batch import aligned
from gpupipe.forecasts._holt_winters_fit import STARTS, _Fit, _start
from gpupipe.forecasts._initial import first_states
from gpupipe.forecasts._smoothing import Form, States

Fit = Callable[..., Any]
SEASONS = {"N": None, "A": "add", "M": "mul"}


def column(path: Path, name: str) -> np.ndarray:
    """Return a column of numbers."""
    with path.open() as file:
        return np.array([float(row[name]) for row in csv.DictReader(file)])


def test_with_rs_parameters_come_rs_numbers(shared_data: Path) -> None:
    folder = shared_data / "peer_statsmodels"
    series = column(folder / "austourists.csv", "value")
    known = json.loads((folder / "r_ets_results.json").read_text())
    tried = 0

    def one(name: str) -> float:
        return float(np.ravel(by_r[name])[0])

    for damped in (True, False):
        for letters, by_r in known[str(damped).upper()].items():
            if letters[1] == "M" or (damped and letters[1] == "N") or not by_r:  # R has no ets of some forms
                continue
            trend, seasonal = letters[1] == "A", SEASONS[letters[2]]
            first = np.ravel(by_r["initstate"])
            given: dict[str, Any] = {"alpha": one("alpha"), "level": first[0]}
            if trend:
                given |= {"beta_star": one("beta") / one("alpha"), "trend": first[1]}
            if seasonal:
                given |= {"gamma": one("gamma"), "season": first[:trend:-1]}  # R's newest comes first
            if damped:
                given["phi"] = one("phi")
            model = HoltWinters(4 if seasonal else 1, "add" if trend else None, seasonal, damped, parameters=given).fit(series)
            np.testing.assert_allclose(model.fitted_[0], by_r["fitted"], rtol=2e-6, err_msg=letters)
            near = 5e-4 if seasonal == "mul" else 2e-6  # where errors and season are multiplied, R gives means of paths
            np.testing.assert_allclose(model.forecast(4).mean[0], by_r["forecast"], rtol=near, err_msg=f"{damped} {letters}")
            np.testing.assert_allclose(model.level_[0], np.ravel(by_r["states"][-1])[0], rtol=2e-6, err_msg=letters)
            np.testing.assert_allclose(
                model.components()["level"][0], np.ravel([np.ravel(row)[0] for row in by_r["states"]])[1:], rtol=2e-6
            )
            tried += 1
    assert tried == 15


@pytest.mark.parametrize("period", [3, 4, 7, 12])
def test_first_states_are_statsmodels(period: int, monthly: np.ndarray) -> None:
    for seasonal in ("add", "mul"):
        form = Form(trend=True, seasonal=seasonal, damped=False, season_length=period, estimated=False)
        batch, _ = aligned(monthly[:, :41])
        level, trend, season = first_states(batch, form)
        for place in range(2):
            wanted = _initialization_heuristic(monthly[place, :41], trend="add", seasonal=seasonal, seasonal_periods=period)
            np.testing.assert_allclose(level[place], wanted[0], rtol=1e-12)
            np.testing.assert_allclose(trend[place], wanted[1], rtol=1e-10)
            np.testing.assert_allclose(season[:, place], wanted[2], rtol=1e-9)


@pytest.mark.parametrize("seasonal", [None, "add", "mul"])
@pytest.mark.parametrize("damped", [True, False])
def test_derivatives_are_those_of_the_sum_of_squares(seasonal: str | None, damped: bool, monthly: np.ndarray) -> None:
    given = monthly[:4] / 60
    given[1, 20:23], given[2, 40:] = np.nan, np.nan
    batch, _ = aligned(given)
    form = Form(trend=True, seasonal=seasonal, damped=damped, season_length=5 if seasonal else 1, estimated=True)
    fit = _Fit(batch, form, States({}, *first_states(batch, form)), batch.seen.astype(float))
    theta = _start(form, fit.first, STARTS[0], batch)
    direction = fit.evaluate(theta)[2]
    for row in range(len(theta)):
        up, down = theta.copy(), theta.copy()
        up[row] += 1e-6
        down[row] -= 1e-6
        by_difference = (fit.evaluate(up)[0] - fit.evaluate(down)[0]) / 2e-6
        np.testing.assert_allclose(-2 * direction[row], by_difference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("seasonal", "damped", "initial"),
    [("add", False, "heuristic"), ("add", True, "estimated"), ("mul", False, "heuristic"), ("mul", False, "estimated")],
)
def test_no_worse_than_statsmodels(seasonal: str, damped: bool, initial: str, monthly: np.ndarray, quiet: Fit) -> None:
    model = quiet(HoltWinters(12, seasonal=seasonal, damped=damped, initial=initial), monthly)
    for place in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            method = {"trend": "add", "seasonal": seasonal, "damped_trend": damped, "seasonal_periods": 12}
            method |= {"bounds": {"damping_trend": (0.8, 0.98)}} if damped else {}
            peer = ExponentialSmoothing(monthly[place], initialization_method=initial, **method).fit()
        assert model.sse_[place] <= peer.sse * 1.01
        assert model.sse_[place] == pytest.approx((model.residuals_[place] ** 2).sum())


def test_forecasts_and_variances_are_those_of_ets(monthly: np.ndarray) -> None:
    model = HoltWinters(12, damped=True).fit(monthly[:2])
    ahead = model.forecast(30, level=[95])
    for place in range(2):
        known = {name: float(values[place]) for name, values in model.params_.items() if name != "season"}
        peer = ETSModel(
            pd.Series(monthly[place]),
            error="add",
            trend="add",
            damped_trend=True,
            seasonal="add",
            seasonal_periods=12,
            initialization_method="known",
            initial_level=known["level"],
            initial_trend=known["trend"],
            initial_seasonal=model.params_["season"][place],
        )
        given = [known["alpha"], known["alpha"] * known["beta_star"], known["gamma"], known["phi"]]
        smoothed = peer.smooth(np.array([*given, known["level"], known["trend"], *model.params_["season"][place][::-1]]))
        np.testing.assert_allclose(ahead.mean[place], smoothed.forecast(30), rtol=1e-9)
        band = smoothed.get_prediction(len(monthly[place]), len(monthly[place]) + 29)
        deviation = np.sqrt(band.forecast_variance)
        np.testing.assert_allclose((ahead.upper[95] - ahead.mean)[place], 1.959963984540054 * deviation, rtol=1e-6)
        assert model.loglik_[place] == pytest.approx(smoothed.llf)


@pytest.mark.parametrize("seasonal", ["add", "mul"])
def test_intervals_hold_what_they_say(seasonal: str) -> None:
    chance, n_series, n_times = np.random.default_rng(3), 1000, 120
    given = {"alpha": 0.4, "beta_star": 0.05, "gamma": 0.3, "level": 50.0, "trend": 0.3}
    given["season"] = [0.8, 1.1, 1.3, 0.8] if seasonal == "mul" else [-8.0, 2.0, 6.0, 0.0]
    level, trend = np.full(n_series, 50.0), np.full(n_series, 0.3)
    season, values = [np.full(n_series, one) for one in given["season"]], np.empty((n_series, n_times + 12))
    for time in range(n_times + 12):
        error, now, summed = chance.normal(0, 0.5, n_series), season[time % 4], level + trend
        ratio = seasonal == "mul"
        values[:, time] = (summed * now if ratio else summed + now) + error
        level = summed + 0.4 * (error / now if ratio else error)
        trend = trend + 0.02 * (error / now if ratio else error)
        season[time % 4] = now + 0.3 * (error / summed if ratio else error)
    model = HoltWinters(4, seasonal=seasonal, parameters=given, n_paths=1500).fit(values[:, :n_times])
    ahead = model.forecast(12, level=(80, 95))
    for one, low, high in ((80, 0.78, 0.82), (95, 0.94, 0.96)):
        assert low <= coverage(values[:, n_times:], ahead.lower[one], ahead.upper[one], axis=None) <= high


def test_what_is_too_short_gets_a_simpler_form(monthly: np.ndarray, quiet: Fit) -> None:
    given = np.full((4, 49), np.nan)
    for place, length in enumerate((24, 23, 4, 2)):
        given[place, 5 : 5 + length] = monthly[0, :length]
    model = quiet(HoltWinters(12), given)
    assert model.status_.tolist() == [0, 2, 2, 3]
    assert model.reasons_[1:] == [
        "it has fewer than two cycles: fitted without a season",
        "it has fewer than 5 values: fitted with a level alone",
        "it has fewer than 3 values: their mean is forecast",
    ]
    plain = quiet(HoltWinters(1, seasonal=None), given[1]).forecast(5).mean
    np.testing.assert_allclose(model.forecast(5).mean[1], plain[0], rtol=1e-12)
    assert model.forecast(2).mean[3].tolist() == [monthly[0, :2].mean()] * 2


def test_a_multiplicative_season_needs_values_above_zero(monthly: np.ndarray, quiet: Fit) -> None:
    given = monthly[:2].copy()
    given[1, 30] = 0.0
    model = quiet(HoltWinters(12, seasonal="mul"), given)
    assert model.status_[1] == 4
    assert "not above zero" in model.reasons_[1]
    assert np.isnan(model.forecast(2).mean[1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"season_length": 1}, r"season_length must be a whole number from 2 on, got 1"),
        ({"season_length": 12.0}, r"season_length must be a whole number from 2 on, got 12\.0"),
        ({"season_length": 4, "trend": "mul"}, r"trend must be one of 'add', None, got 'mul'"),
        ({"season_length": 4, "seasonal": "multiplicative"}, r"seasonal must be one of 'add', 'mul', None, got 'multiplicative'"),
        ({"season_length": 4, "trend": None, "damped": True}, r"damped=True needs a trend"),
        ({"season_length": 4, "initial": "heuristics"}, r"Did you mean 'heuristic'\?"),
        ({"season_length": 4, "parameters": {"alpha": 0.1}}, r"parameters must name all of 'alpha', 'beta_star', 'gamma', 'level'"),
    ],
)
def test_parameters_that_are_none(options: dict[str, Any], message: str, monthly: np.ndarray) -> None:
    with pytest.raises(UsageError, match=message):
        HoltWinters(**options).fit(monthly)


def test_real_batches_of_unequal_lengths(shared_data: Path, quiet: Fit) -> None:
    path = shared_data / "series/cuml_ts/hourly_earnings_by_industry_missing.csv"
    with path.open() as file:
        rows = [[float(value) if value else np.nan for value in row[1:]] for row in list(csv.reader(file))[1:]]
    series = np.array(rows).T
    model = quiet(HoltWinters(4, damped=True), series[:, :-4])
    assert np.isfinite(model.forecast(4).mean).all()
    errors = np.nanmean(np.abs(model.forecast(4).mean - series[:, -4:]) / series[:, -4:])
    assert errors < 0.05


def test_more_paths_than_memory_has_room_for_are_refused(monthly: np.ndarray) -> None:
    with pytest.raises(UsageError, match="n_paths must be at most 1,000,000, got 2,000,000"):
        HoltWinters(12, seasonal="mul", n_paths=2_000_000).fit(monthly)
