"""What holds of every forecaster, whatever its method."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from gpupipe.core.errors import StageError, UsageError
from gpupipe.forecasts import (
    ARIMA,
    AutoARIMA,
    AutoHoltWinters,
    Drift,
    ForecastWarning,
    HoltWinters,
    Mean,
    Naive,
    SeasonalNaive,
    Theta,
)

FORECASTERS = {
    "additive": HoltWinters(12),
    "damped, estimated": HoltWinters(12, damped=True, initial="estimated"),
    "multiplicative": HoltWinters(12, seasonal="mul", n_paths=100),
    "arima": ARIMA((1, 1, 1)),
    "seasonal arima": ARIMA((0, 1, 1), (0, 1, 1), 12),
    "arima with constant": ARIMA((2, 0, 0), include_constant=True),
    "auto arima": AutoARIMA(max_p=1, max_q=0),
    "auto holt-winters": AutoHoltWinters(12, n_paths=100),
    "naive": Naive(),
    "seasonal naive": SeasonalNaive(12),
    "drift": Drift(),
    "mean": Mean(),
    "theta": Theta(12),
}
Fit = Callable[..., Any]


@pytest.fixture(params=FORECASTERS)
def forecaster(request: pytest.FixtureRequest) -> Any:
    """Return each forecaster, unfitted."""
    return clone(FORECASTERS[request.param])


def results(fitted: Any) -> dict[str, np.ndarray]:
    """Return numbers that tell one fit from another."""
    ahead = fitted.forecast(14, level=[80])
    return {"mean": ahead.mean, "upper": ahead.upper[80], "fitted": fitted.fitted_, "sigma": fitted.sigma_}


def test_bad_series_change_nothing_for_good_ones(forecaster: Any, monthly: np.ndarray, bad: np.ndarray, quiet: Fit) -> None:
    good = monthly[:5].copy()
    good[1, :9], good[2, 42:], good[3, [20, 21, 30]] = np.nan, np.nan, np.nan  # starts later, ends earlier, has gaps
    alone = results(quiet(forecaster, good))
    mixed = quiet(clone(forecaster), np.concatenate((bad[:3], good, bad[3:])))
    assert mixed.status_.dtype == np.int8
    for name, values in results(mixed).items():
        np.testing.assert_array_equal(values[3:8], alone[name], err_msg=name)
    ahead, status = mixed.forecast(3, level=[95]), mixed.status_
    assert status[[0, 1, 2, 8, 10]].tolist() == [3, 4, 4, status[8], 3]
    assert all(bool(reason) == bool(code) for reason, code in zip(mixed.reasons_, status, strict=True))
    np.testing.assert_array_equal(ahead.mean[0], 7.0)
    np.testing.assert_array_equal(ahead.upper[95][[0, 10]], ahead.mean[[0, 10]])
    assert np.isnan(ahead.mean[[1, 2]]).all()
    assert np.isfinite(ahead.mean[[8, 9, 10]]).all()


def test_odd_series_stop_nothing(forecaster: Any, quiet: Fit) -> None:
    times, chance = np.arange(48), np.random.default_rng(0)
    odd = [np.r_[np.zeros(40), np.ones(8)], np.tile([1.0, -1.0], 24), times * 1.0, np.exp(times * 0.5), (chance.random(48) < 0.1) * 1.0]
    odd += [chance.normal(size=48) * 1e-300, np.r_[1e308, -1e308, np.ones(46)], 1e15 + times % 3]
    fitted = quiet(forecaster, np.stack(odd))
    ahead = fitted.forecast(3, level=[80])
    known = fitted.status_ != 4
    assert np.isfinite(ahead.mean[known]).all()
    assert np.isfinite(ahead.upper[80][known]).all()
    nothing = quiet(clone(forecaster), np.full((2, 5), np.nan))
    assert nothing.status_.tolist() == [4, 4]
    assert np.isnan(nothing.forecast(2, level=[80]).upper[80]).all()
    for dtype in (np.float32, np.int64):
        assert quiet(clone(forecaster), np.arange(12).astype(dtype) ** 2).forecast(1).mean.dtype == np.float64


def test_one_series_alone_is_the_same(forecaster: Any, monthly: np.ndarray, quiet: Fit) -> None:
    together = results(quiet(forecaster, monthly[:3]))
    alone = results(quiet(clone(forecaster), monthly[1]))
    for name, values in alone.items():
        np.testing.assert_allclose(values[0], together[name][1], rtol=1e-12, err_msg=name)


def test_order_and_padding_change_nothing(forecaster: Any, monthly: np.ndarray, quiet: Fit) -> None:
    plain = results(quiet(forecaster, monthly[:4]))
    padded = np.full((4, 66), np.nan)
    padded[:, 10:59] = monthly[:4][::-1]
    for name, values in results(quiet(clone(forecaster), padded)).items():
        turned = values[::-1]
        np.testing.assert_array_equal(turned[:, 10:59] if name == "fitted" else turned, plain[name], err_msg=name)


def test_units_do_not_matter(forecaster: Any, monthly: np.ndarray, quiet: Fit) -> None:
    plain = quiet(forecaster, monthly[:3])
    for unit in (2.0**-700, 2.0**900):  # powers of two scale without rounding
        scaled = results(quiet(clone(forecaster), monthly[:3] * unit))
        for name, values in results(plain).items():
            np.testing.assert_allclose(scaled[name] / unit, values, rtol=1e-9, err_msg=f"{name}, unit {unit}")


def test_input_is_untouched_and_the_estimator_pickles(forecaster: Any, monthly: np.ndarray, quiet: Fit) -> None:
    given = monthly[:2].copy()
    fitted = quiet(forecaster, given)
    np.testing.assert_array_equal(given, monthly[:2])
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.forecast(3).mean, fitted.forecast(3).mean)
    np.testing.assert_allclose(fitted.residuals_, given - fitted.fitted_)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.array([["a", "b"]]), r"Y must hold numbers .*got dtype <U1"),
        (np.array([[True, False]]), r"Y must hold numbers .*got dtype bool"),
        (np.array([[None, 1.0]]), r"Y must hold numbers .*got dtype object"),
        (np.array([[1j, 1.0]]), r"got dtype complex128"),
        (np.zeros((2, 3, 4)), r"got shape \(2, 3, 4\)"),
        (np.zeros((0, 4)), r"got shape \(0, 4\)"),
        (np.zeros((3, 0)), r"got shape \(3, 0\)"),
    ],
)
def test_input_that_is_none(forecaster: Any, given: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        forecaster.fit(given)


@pytest.mark.parametrize("horizon", [0, -1, 1.5, True, "3", None])
def test_horizons_that_are_none(forecaster: Any, horizon: Any, monthly: np.ndarray, quiet: Fit) -> None:
    with pytest.raises(UsageError, match="has not been fitted"):
        forecaster.forecast(2)
    if type(forecaster) in (Naive, ARIMA):  # the check is shared
        with pytest.raises(UsageError, match=r"horizon must be a whole number from 1 on, got"):
            quiet(forecaster, monthly[:1]).forecast(horizon)


@pytest.mark.parametrize("level", [0, 100, -5, [80, 101], ["a"], True, "95"])
def test_levels_that_are_none(level: Any, monthly: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"A level is a number between 0 and 100"):
        Naive().fit(monthly).forecast(2, level=level)


def test_statuses_are_told_once_or_raised(bad: np.ndarray, monthly: np.ndarray) -> None:
    given = np.concatenate((monthly[:1], bad[:2]))
    with pytest.warns(ForecastWarning, match=r"^Of 3 series: 1 constant or too short, 1 invalid input. The first is number 1: constant\.$"):
        Naive().fit(given)
    with pytest.raises(StageError, match=r"number 1: constant. Leave these series out"):
        Naive(errors="raise").fit(given)
    assert Naive(errors="ignore").fit(given).status_.tolist() == [0, 3, 4]
    with pytest.raises(UsageError, match=r"errors must be one of 'warn', 'raise', 'ignore', got 'rase'. Did you mean 'raise'\?"):
        Naive(errors="rase").fit(given)


def test_parameters_as_scikit_learn_wants_them() -> None:
    model = HoltWinters(12, damped=True)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(seasonal="mul") is model
    assert model.seasonal == "mul"
    with pytest.raises(UsageError, match=r"HoltWinters has no parameter 'seasonl'. Did you mean 'seasonal'\?"):
        model.set_params(seasonl=None)


def test_methods_without_regressors_say_so(monthly: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"Naive takes no exogenous columns"):
        Naive().fit(monthly, np.zeros((49, 1)))
