"""Measures of error against scikit-learn's and against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error

from gpupipe.core.errors import UsageError
from gpupipe.forecasts import coverage, mae, mase, naive_error, pinball, rmse, smape

CHANCE = np.random.default_rng(0)
ACTUAL, FORECAST = CHANCE.normal(size=(3, 7)), CHANCE.normal(size=(3, 7))


def test_as_scikit_learn() -> None:
    for axis, pairs in ((1, zip(ACTUAL, FORECAST, strict=True)), (0, zip(ACTUAL.T, FORECAST.T, strict=True))):
        made = [mae(ACTUAL, FORECAST, axis), rmse(ACTUAL, FORECAST, axis), pinball(ACTUAL, FORECAST, 0.9, axis)]
        for place, (actual, forecast) in enumerate(pairs):
            assert made[0][place] == pytest.approx(mean_absolute_error(actual, forecast))
            assert made[1][place] == pytest.approx(root_mean_squared_error(actual, forecast))
            assert made[2][place] == pytest.approx(mean_pinball_loss(actual, forecast, alpha=0.9))
    assert mae(ACTUAL, FORECAST, None) == pytest.approx(mean_absolute_error(ACTUAL, FORECAST))


def test_scaled_and_symmetric_errors() -> None:
    history = np.array([[1.0, 3.0, 2.0, 6.0], [5.0, 5.0, 5.0, 5.0]])
    actual, forecast = np.array([[4.0, 8.0], [5.0, 6.0]]), np.array([[2.0, 9.0], [5.0, 5.0]])
    np.testing.assert_allclose(mase(actual, forecast, history), [1.5 / (7 / 3), np.nan])
    np.testing.assert_allclose(mase(actual, forecast, history, 2), [1.5 / 2, np.nan])
    assert np.isnan(mase(actual, forecast, history, 4)).all()
    np.testing.assert_allclose(smape(actual, forecast), [(200 * 2 / 6 + 200 / 17) / 2, 100 / 11])
    np.testing.assert_array_equal(coverage(actual, forecast, forecast + 1), [0.0, 1.0])


def test_missing_values_are_passed_over() -> None:
    actual = ACTUAL.copy()
    actual[0, 3], actual[1] = np.nan, np.nan
    kept = np.arange(7) != 3
    for measure in (mae, rmse, smape, lambda a, f: pinball(a, f, 0.2), lambda a, f: coverage(a, f - 1, f + 1)):
        assert measure(actual, FORECAST)[0] == pytest.approx(measure(ACTUAL[:1, kept], FORECAST[:1, kept])[0])
        assert np.isnan(measure(actual, FORECAST)[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mae(ACTUAL, FORECAST[:, 1:]), r"Both must be \[n_series, horizon\], got shapes \(3, 7\) and \(3, 6\)"),
        (lambda: mae(ACTUAL[0], FORECAST[0]), r"Both must be \[n_series, horizon\]"),
        (lambda: mae(np.array([["a"]]), FORECAST), r"actual must hold numbers"),
        (lambda: pinball(ACTUAL, FORECAST, 95), r"quantile must lie between 0 and 1, got 95"),
        (lambda: mase(ACTUAL, FORECAST, ACTUAL[:2]), r"history must be \[3, n_times\]"),
        (lambda: mase(ACTUAL, FORECAST, ACTUAL, 0), r"season_length must be a whole number from 1 on"),
    ],
)
def test_what_cannot_be(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_the_error_of_the_seasonal_naive_is_what_mase_counts_in() -> None:
    history = np.array([[1.0, 5.0, 2.0, 7.0, np.nan, 8.0], [3.0, 3.0, 3.0, 3.0, 3.0, 3.0]])
    np.testing.assert_allclose(naive_error(history, 2), [(1 + 2 + 1) / 3, np.nan])
    actual, forecast = np.array([[4.0], [4.0]]), np.array([[1.0], [1.0]])
    np.testing.assert_allclose(mase(actual, forecast, history, 2), 3 / naive_error(history, 2))
