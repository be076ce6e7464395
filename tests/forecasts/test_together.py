"""Forecasters of parts of a batch, put together: what they answer is what the forecaster of the whole answers."""

from __future__ import annotations

import numpy as np
import pytest

from gpupipe.core.errors import UsageError
from gpupipe.forecasts import ARIMA, AutoHoltWinters, HoltWinters, SeasonalNaive, Theta
from gpupipe.forecasts.kept import from_arrays, to_arrays
from gpupipe.forecasts.together import Part, together

CHANCE = np.random.default_rng(3)
SERIES = np.cumsum(CHANCE.normal(size=(7, 48)), axis=1) + 60
SERIES[2, 40:], SERIES[4, 5:9], SERIES[5] = np.nan, np.nan, 3.0


@pytest.mark.parametrize(
    "model",
    [
        HoltWinters(6, errors="ignore"),
        AutoHoltWinters(6, n_paths=100, errors="ignore"),
        ARIMA((1, 1, 1), errors="ignore"),
        SeasonalNaive(6, errors="ignore"),
        Theta(6, errors="ignore"),
    ],
)
def test_parts_answer_as_the_whole(model: HoltWinters) -> None:
    def fitted(values: np.ndarray) -> HoltWinters:
        return type(model)(**model.get_params()).fit(values)

    whole = fitted(SERIES)
    places = ([6, 0, 2], [1], [5, 4, 3])
    parts = [Part(*to_arrays(fitted(SERIES[some, : 40 if some == [2] else 48])), np.array(some)) for some in places]
    made = from_arrays(*together(parts, 48), SERIES)
    expected, found = (one.forecast(8, level=(80,)) for one in (whole, made))
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.upper[80], expected.upper[80])
    np.testing.assert_array_equal(made.fitted_, whole.fitted_)
    assert made.reasons_ == whole.reasons_
    again = from_arrays(*to_arrays(made), SERIES)  # it is kept as any other
    np.testing.assert_array_equal(again.forecast(8).mean, expected.mean)


def test_other_parameters_are_refused() -> None:
    parts = [Part(*to_arrays(SeasonalNaive(length).fit(SERIES[[place]])), np.array([place])) for place, length in enumerate((4, 6))]
    with pytest.raises(UsageError, match="with the same parameters, got 4 and others"):
        together(parts, 48)


def test_a_longer_neighbour_changes_nothing() -> None:
    """What lies behind the end of a series among longer ones is no part of it: of its regressors, of its first guess."""
    explain = CHANCE.normal(size=(7, 48, 1))
    for model in (ARIMA((2, 0, 1), include_constant=True), ARIMA((1, 1, 0))):
        whole = type(model)(**model.get_params()).fit(SERIES[:3], explain[:3])
        alone = type(model)(**model.get_params()).fit(SERIES[2:3, :40], explain[2:3, :40])
        for name, values in alone.params_.items():
            np.testing.assert_array_equal(values[0], whole.params_[name][2], err_msg=name)
