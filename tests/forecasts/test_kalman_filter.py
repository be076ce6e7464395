"""The Kalman filter and smoother against statsmodels, with any of a value's components missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.statespace.kalman_smoother import KalmanSmoother

from gpupipe.core.errors import UsageError
from gpupipe.forecasts import KalmanFilter

TREND = KalmanFilter([[1.0, 1.0], [0.0, 1.0]], [[0.1, 0.02], [0.02, 0.05]], [[1.0, 0.0]], [[1.0]], [1.0, 0.0], [[4.0, 0.1], [0.1, 2.0]])


def dense(n_components: int) -> KalmanFilter:
    """Return a model of three states whose matrices have no zeros."""
    chance = np.random.default_rng(0)
    noise, error = chance.normal(size=(3, 3)), chance.normal(size=(n_components, n_components))
    design = chance.normal(size=(n_components, 3))
    return KalmanFilter(0.4 * chance.normal(size=(3, 3)), noise @ noise.T, design, error @ error.T, chance.normal(size=3), 3 * np.eye(3))


def peer(model: KalmanFilter, values: np.ndarray) -> Any:
    """Return statsmodels' results for one series [n_times, n_components]."""
    n_states, n_components = len(model.A), len(model.H)
    smoother = KalmanSmoother(k_endog=n_components, k_states=n_states, k_posdef=n_states)
    smoother.bind(np.asfortranarray(values.T.copy()))
    smoother["selection"] = np.eye(n_states)
    for name, matrix in (("transition", model.A), ("state_cov", model.Q), ("design", model.H), ("obs_cov", model.R)):
        smoother[name] = np.asarray(matrix)
    smoother.initialize_known(np.asarray(model.initial_mean), np.asarray(model.initial_covariance))
    smoother.tolerance = 0
    return smoother.smooth()


@pytest.fixture(params=[1, 2, 3])
def case(request: pytest.FixtureRequest) -> tuple[KalmanFilter, np.ndarray]:
    """Return a model and series with missing values, of as many components."""
    chance = np.random.default_rng(3)
    values = chance.normal(size=(3, 40, request.param))
    values[0, 5, 0], values[0, 12:15], values[1, :3], values[1, 38:] = np.nan, np.nan, np.nan, np.nan
    return TREND if request.param == 1 else dense(request.param), values


def test_as_statsmodels(case: tuple[KalmanFilter, np.ndarray]) -> None:
    model, values = case
    filtered, smoothed, loglike = model.filter(values), model.smooth(values), model.loglike(values)
    for place in range(3):
        known = peer(model, values[place])
        near = {"rtol": 1e-12, "atol": 1e-12}
        np.testing.assert_allclose(filtered.mean[place], known.filtered_state.T, **near)
        np.testing.assert_allclose(filtered.covariance[place], known.filtered_state_cov.transpose(2, 0, 1), **near)
        np.testing.assert_allclose(smoothed.mean[place], known.smoothed_state.T, **near)
        np.testing.assert_allclose(smoothed.covariance[place], known.smoothed_state_cov.transpose(2, 0, 1), **near)
        np.testing.assert_allclose([filtered.loglike[place], smoothed.loglike[place], loglike[place]], known.llf, **near)


def test_forecasts_are_values_that_are_missing(case: tuple[KalmanFilter, np.ndarray]) -> None:
    model, values = case
    ahead = model.forecast(values, 5, level=[95])
    longer = np.concatenate((values, np.full((3, 5, values.shape[2]), np.nan)), axis=1)
    for place in range(3):
        known = peer(model, longer[place])
        spread = np.asarray(model.H) @ known.predicted_state_cov[:, :, 40:45].transpose(2, 0, 1) @ np.asarray(model.H).T + model.R
        mean, upper = ahead.mean[place].reshape(5, -1), ahead.upper[95][place].reshape(5, -1)
        np.testing.assert_allclose(mean, (np.asarray(model.H) @ known.predicted_state[:, 40:45]).T, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(upper - mean, 1.959963984540054 * np.sqrt(np.diagonal(spread, axis1=1, axis2=2)), rtol=1e-11)


def test_models_of_each_series_and_of_each_time() -> None:
    chance = np.random.default_rng(6)
    values = chance.normal(size=(4, 30))
    values[2, 10:12] = np.nan
    noises = np.asarray(TREND.Q) * chance.uniform(0.5, 2.0, (4, 1, 1))
    each = KalmanFilter(TREND.A, noises, TREND.H, TREND.R, chance.normal(size=(4, 2)), TREND.initial_covariance)
    together = each.smooth(values)
    for place in range(4):
        alone = KalmanFilter(TREND.A, noises[place], TREND.H, TREND.R, each.initial_mean[place], TREND.initial_covariance)
        np.testing.assert_allclose(together.mean[place], alone.smooth(values[place]).mean[0], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(together.covariance[place], alone.smooth(values[place]).covariance[0], rtol=1e-12, atol=1e-12)
    timed = KalmanFilter(
        *(np.tile(one, (1, 34, 1, 1)) for one in (TREND.A, TREND.Q, TREND.H, TREND.R)), [1.0, 0.0], TREND.initial_covariance
    )
    np.testing.assert_allclose(timed.smooth(values).mean, TREND.smooth(values).mean, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(timed.forecast(values, 4).mean, TREND.forecast(values, 4).mean, rtol=1e-12)
    with pytest.raises(UsageError, match=r"A must be \[2, 2\], .* got shape \(1, 34, 2, 2\)"):
        timed.forecast(values, 5)


def test_simulated_series_are_of_the_model() -> None:
    model = dense(2)
    states, values = model.simulate(3000, 6, seed=1)
    filtered = model.filter(values)
    error = states[:, -1] - filtered.mean[:, -1]
    np.testing.assert_allclose(np.cov(error.T), filtered.covariance[0, -1], atol=0.25)
    again, _ = model.simulate(3000, 6, seed=1)
    np.testing.assert_array_equal(states, again)
    np.testing.assert_allclose(states[:, 0].mean(axis=0), model.initial_mean, atol=0.15)


def test_a_bad_series_changes_nothing_for_the_others() -> None:
    values = np.random.default_rng(2).normal(size=(5, 20))
    values[1, 7], values[3] = np.inf, np.nan
    mixed, alone = TREND.smooth(values), TREND.smooth(values[[0, 2, 4]])
    assert mixed.status.tolist() == [0, 4, 0, 4, 0]
    np.testing.assert_allclose(mixed.mean[[0, 2, 4]], alone.mean, rtol=1e-12)
    np.testing.assert_allclose(mixed.loglike[[0, 2, 4]], alone.loglike, rtol=1e-12)
    assert np.isnan(mixed.mean[1]).all()
    assert np.isnan(mixed.loglike[1])
    assert np.isnan(TREND.forecast(values, 2).mean[1]).all()
    assert mixed.loglike[3] == 0


@pytest.mark.parametrize(
    ("changes", "values", "message"),
    [
        ({"Q": [[1.0]]}, np.zeros((2, 5)), r"Q must be \[2, 2\], \[2, 2, 2\] \(one per series\)"),
        ({"R": np.ones((3, 1, 1))}, np.zeros((2, 5)), r"R must be \[1, 1\], .*got shape \(3, 1, 1\)"),
        ({"A": [[np.nan, 0.0], [0.0, 1.0]]}, np.zeros((2, 5)), r"A holds missing or infinite numbers"),
        ({"initial_mean": [0.0]}, np.zeros((2, 5)), r"initial_mean must be"),
        ({}, np.zeros((2, 5, 3)), r"Y must be \[n_series, n_times, 1\] for an H of 1 rows, got shape \(2, 5, 3\)"),
        ({}, np.array([["a"]]), r"Y must hold numbers"),
    ],
)
def test_what_cannot_be(changes: dict[str, Any], values: np.ndarray, message: str) -> None:
    model = KalmanFilter(**{**TREND.get_params(), **changes})
    with pytest.raises(UsageError, match=message):
        model.filter(values)


def test_a_horizon_of_nothing() -> None:
    with pytest.raises(UsageError, match=r"horizon must be a whole number from 1 on, got 0"):
        TREND.forecast(np.zeros((2, 5)), 0)
