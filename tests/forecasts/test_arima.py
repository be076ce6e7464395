"""ARIMA against statsmodels: likelihoods, forecasts and intervals at the same parameters, and the heights of the maxima."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.arima_process import ArmaProcess
from statsmodels.tsa.statespace.sarimax import SARIMAX

from gpupipe.core.errors import UsageError
from gpupipe.forecasts import ARIMA, coverage, mae
from gpupipe.forecasts._polynomials import autocovariances, from_partial, to_partial

Fit = Callable[..., Any]
MODELS = [
    ((1, 1, 1), (0, 0, 0), False),
    ((2, 0, 1), (0, 0, 0), True),
    ((1, 1, 0), (1, 0, 1), True),
    ((0, 1, 1), (0, 1, 1), False),
    ((0, 2, 2), (0, 0, 0), False),
    ((3, 0, 0), (0, 0, 0), False),
]


@pytest.fixture(scope="module")
def regressors() -> np.ndarray:
    """Return two columns of 106 steps."""
    return np.random.default_rng(5).normal(size=(106, 2))


@pytest.fixture(scope="module")
def walks(regressors: np.ndarray) -> np.ndarray:
    """Return two series of 100 steps that the columns move."""
    chance = np.random.default_rng(1)
    return np.cumsum(chance.normal(size=(2, 100)), axis=1) + 3 * np.sin(np.arange(100) * np.pi / 2) + regressors[:100] @ [1.0, 2.0]


def peer(series: np.ndarray, model: Any, exog: Any, **options: Any) -> SARIMAX:
    """Return statsmodels' model."""
    order, seasonal, constant = model
    period = 4 if any(seasonal) else 0
    return SARIMAX(series, exog=exog, order=order, seasonal_order=(*seasonal, period), trend="c" if constant else None, **options)


def parameters(fitted: ARIMA, place: int) -> list[float]:
    """Return a series' parameters in statsmodels' order."""
    names = ("beta", "ar", "ma", "seasonal_ar", "seasonal_ma")
    constant = [fitted.params_["constant"][place]] if fitted.include_constant else []
    return [*constant, *np.concatenate([fitted.params_[name][place] for name in names]), fitted.sigma_[place] ** 2]


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("with_columns", [False, True])
def test_likelihood_forecasts_and_intervals(
    model: Any, gaps: bool, with_columns: bool, walks: np.ndarray, regressors: np.ndarray, quiet: Fit
) -> None:
    series = walks.copy()
    if gaps:
        series[:, [30, 31, 60, 97]] = np.nan
    past, future = (regressors[:100], regressors[100:]) if with_columns else (None, None)
    fitted = quiet(ARIMA(model[0], model[1], 4, include_constant=model[2]), series, past)
    ahead = fitted.forecast(6, future, level=[95])
    for place in range(2):
        # statsmodels' diffuse start is a large variance, so it is near, not equal; without differences both are exact
        near = 1e-9 if model[0][1] + model[1][1] == 0 else 5e-4
        smoothed = peer(series[place], model, past).smooth(parameters(fitted, place))
        assert fitted.loglik_[place] == pytest.approx(smoothed.llf, abs=near)
        band = smoothed.get_forecast(6, exog=future)
        np.testing.assert_allclose(ahead.mean[place], band.predicted_mean, rtol=near)
        np.testing.assert_allclose(ahead.upper[95][place], band.conf_int()[:, 1], rtol=near)
        np.testing.assert_allclose(fitted.fitted_[place, 30:], smoothed.fittedvalues[30:], rtol=near, atol=near)
        if not gaps and not with_columns:
            exact = peer(series[place], model, past, simple_differencing=True)
            assert fitted.loglik_[place] == pytest.approx(exact.loglike(parameters(fitted, place)), abs=1e-5)


def test_a_value_that_nothing_is_known_about_is_no_part_of_the_likelihood() -> None:
    series = np.cumsum(np.random.default_rng(8).normal(size=40))
    series[[1, 17, 18]] = np.nan  # of a seasonal walk each season is one by itself: the second one begins a cycle later
    model = ARIMA((0, 0, 0), (0, 1, 0), 4).fit(series)
    steps = [np.diff(part[~np.isnan(part)]) for part in (series[place::4] for place in range(4))]
    spans = [np.diff(np.flatnonzero(~np.isnan(series[place::4]))) for place in range(4)]
    squares, spans = np.concatenate(steps) ** 2, np.concatenate(spans)
    variance = (squares / spans).mean()
    loglik = -0.5 * (len(squares) * (np.log(2 * np.pi * variance) + 1) + np.log(spans).sum())
    assert model.n_observed_.tolist() == [len(squares)]
    assert model.sigma_[0] ** 2 == pytest.approx(variance, rel=1e-6)
    assert model.loglik_[0] == pytest.approx(loglik, abs=1e-5)
    np.testing.assert_allclose(model.forecast(4).mean[0], series[36:], rtol=1e-6)


def test_maxima_are_no_lower_than_statsmodels(quiet: Fit) -> None:
    chance = np.random.default_rng(0)
    series = np.cumsum(chance.normal(size=(8, 80)) + 0.5 * np.roll(chance.normal(size=(8, 80)), 1, axis=1), axis=1)
    for model in (((1, 1, 1), (0, 0, 0), False), ((0, 1, 1), (0, 1, 1), False)):
        fitted = quiet(ARIMA(model[0], model[1], 4), series)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peers = [peer(row, model, None, simple_differencing=True).fit(disp=0).llf for row in series]
        gains = fitted.loglik_ - np.array(peers)
        assert (gains > -1e-6).sum() >= 7, gains
        assert gains.min() > -0.5, gains


def test_partial_autocorrelations_and_autocovariances() -> None:
    chance = np.random.default_rng(2)
    partial = chance.uniform(-0.9, 0.9, (4, 5))
    ar = from_partial(partial, np)
    np.testing.assert_allclose(to_partial(ar, np), partial, rtol=1e-10)
    for place in range(5):
        process = ArmaProcess([1.0, *-ar[:, place]], [1.0])
        assert process.isstationary
        np.testing.assert_allclose(autocovariances(ar, 9, np)[:, place], process.acovf(9), rtol=1e-8)


def test_intervals_hold_what_they_say() -> None:
    chance, n_series, n_times = np.random.default_rng(4), 4000, 100
    errors = chance.normal(0, 2.0, (n_series, n_times + 112))
    differences = np.zeros_like(errors)
    for time in range(1, errors.shape[1]):
        differences[:, time] = 0.6 * differences[:, time - 1] + errors[:, time] + 0.4 * errors[:, time - 1]
    values = np.cumsum(differences[:, 100:], axis=1)
    model = ARIMA((1, 1, 1), parameters={"ar": [0.6], "ma": [0.4], "sigma2": 4.0}).fit(values[:, :n_times])
    ahead = model.forecast(12, level=(80, 95))
    for one, low, high in ((80, 0.78, 0.82), (95, 0.94, 0.96)):
        assert low <= coverage(values[:, n_times:], ahead.lower[one], ahead.upper[one], axis=None) <= high


def test_columns_of_each_series_and_shared_ones(walks: np.ndarray, regressors: np.ndarray) -> None:
    shared = ARIMA((1, 0, 0)).fit(walks, regressors[:100])
    apart = ARIMA((1, 0, 0)).fit(walks, np.stack([regressors[:100]] * 2))
    np.testing.assert_array_equal(shared.params_["beta"], apart.params_["beta"])
    np.testing.assert_allclose(shared.params_["beta"], [[1.0, 2.0]] * 2, atol=0.5)
    later = np.concatenate((np.full((2, 7), np.nan), walks[:, 7:]), axis=1)
    np.testing.assert_allclose(
        ARIMA((1, 0, 0)).fit(later, regressors[:100]).params_["beta"], ARIMA((1, 0, 0)).fit(walks[:, 7:], regressors[7:100]).params_["beta"]
    )


def test_columns_that_cannot_be_used(walks: np.ndarray, regressors: np.ndarray, quiet: Fit) -> None:
    past = regressors[:100]
    model = ARIMA((1, 0, 0), include_constant=True)
    with pytest.raises(UsageError, match=r"X must be \[n_times, n_columns\] .* n_times=100; got shape \(99, 2\)"):
        model.fit(walks, past[1:])
    with pytest.raises(UsageError, match=r"Column 1 of X is constant once differenced, or a sum of the columns before it and the constant"):
        model.fit(walks, np.column_stack((past[:, 0], np.full(100, 3.0))))
    with pytest.raises(UsageError, match=r"Column 1 of X"):
        ARIMA((1, 1, 0)).fit(walks, np.column_stack((past[:, 0], 2 * past[:, 0] + 1)))
    with pytest.raises(UsageError, match=r"X holds missing or infinite values, the first in row 4"):
        model.fit(walks, np.where(np.arange(100)[:, None] == 4, np.nan, past))
    each = np.stack([past, np.column_stack((past[:, 0], past[:, 0]))])
    fitted = quiet(model, walks, each)
    assert fitted.status_.tolist() == [0, 4]
    fitted = model.fit(walks, past)
    for future, message in (
        (None, r"The fit had 2 exogenous columns; their next 3 values are needed"),
        (regressors[100:102], r"n_times=3; got shape \(2, 2\)"),
        (regressors[100:103, :1], r"X must have the 2 columns of the fit, got 1"),
        (np.full((3, 2), np.nan), r"X holds missing or infinite future values"),
        (np.array([["a", "b"]] * 3), r"X must hold numbers"),
    ):
        with pytest.raises(UsageError, match=message):
            fitted.forecast(3, future)
    with pytest.raises(UsageError, match=r"The fit had no exogenous columns"):
        model.fit(walks).forecast(3, regressors[100:103])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": (1, 1)}, r"order must be three whole numbers, as \(1, 1, 1\), got \(1, 1\)"),
        ({"order": (1, -1, 0)}, r"each of order must be a whole number from 0 on, got -1"),
        ({"seasonal_order": (1, 0, 0)}, r"season_length must be a whole number from 2 on, got 1"),
        ({"parameters": {"ar": 0.5, "ma": 0.1}}, r"parameters must name all of 'ar'"),
        ({"parameters": {"ar": 1.1}}, r"parameters\['ar'\] must be of a stationary"),
    ],
)
def test_parameters_that_are_none(options: dict[str, Any], message: str, walks: np.ndarray) -> None:
    with pytest.raises(UsageError, match=message):
        ARIMA(**options).fit(walks)


def test_what_is_too_short_gets_a_simpler_model(walks: np.ndarray, quiet: Fit) -> None:
    given = np.full((4, 60), np.nan)
    for place, length in enumerate((30, 8, 4, 2)):
        given[place, :length] = walks[0, :length]
    model = quiet(ARIMA((1, 1, 1), (1, 1, 1), 12), given)
    assert model.status_.tolist() == [0, 2, 2, 3]
    assert [reason.rpartition(" ")[2] for reason in model.reasons_[1:]] == ["part", "alone", "forecast"]
    assert np.isfinite(model.forecast(3, level=80).upper[80]).all()


def test_real_batches_with_columns(shared_data: Path, quiet: Fit) -> None:
    def table(name: str) -> np.ndarray:
        with (shared_data / "series/cuml_ts" / name).open() as file:
            return np.array([[float(value) if value else np.nan for value in row[1:]] for row in list(csv.reader(file))[1:]])

    series = table("endog_hourly_earnings_by_industry_missing_exog.csv").T
    columns = table("exog_hourly_earnings_by_industry_missing_exog.csv").reshape(len(series[0]), len(series), 2).transpose(1, 0, 2)
    model = quiet(ARIMA((1, 1, 1)), series[:, :-4], columns[:, :-4])
    plain = quiet(ARIMA((1, 1, 1)), series[:, :-4])
    assert set(model.status_.tolist()) <= {0, 1}
    assert (model.loglik_ > plain.loglik_ - 1e-4).all()  # a column more cannot lower a maximum
    assert (model.loglik_ > plain.loglik_ + 3).sum() > 7  # these series were made with the columns
    ahead = model.forecast(4, columns[:, -4:]).mean
    assert mae(series[:, -4:], ahead, axis=None) < 1.0
