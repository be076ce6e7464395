"""Fitted forecasters as arrays and text: made again, they say the same; what is damaged is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpupipe.core.errors import ArtefactError
from gpupipe.forecasts import ARIMA, AutoARIMA, AutoHoltWinters, Drift, HoltWinters, Mean, Naive, SeasonalNaive, Theta
from gpupipe.forecasts._forecaster import Forecaster
from gpupipe.forecasts.kept import from_arrays, to_arrays

FORECASTERS: list[Forecaster] = [
    HoltWinters(12, damped=True),
    HoltWinters(12, seasonal="mul", n_paths=100),
    AutoHoltWinters(12, n_paths=100),
    ARIMA((1, 1, 1), (0, 1, 1), 12),
    AutoARIMA(max_p=1, max_q=1),
    Naive(),
    SeasonalNaive(12),
    Drift(),
    Mean(),
    Theta(12),
]


def batch(monthly: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Return series of which some begin late, end early, have gaps, or cannot be fitted."""
    good = monthly[:5].copy()
    good[1, :9], good[2, 42:], good[3, [20, 21, 30]] = np.nan, np.nan, np.nan
    return np.concatenate([good, bad])


@pytest.mark.parametrize("model", FORECASTERS, ids=lambda model: type(model).__name__)
def test_what_is_made_again_says_the_same(model: Any, monthly: np.ndarray, bad: np.ndarray, quiet: Any) -> None:
    series = batch(monthly, bad)
    fitted = quiet(model, series)
    text, arrays = to_arrays(fitted)
    again: Any = from_arrays(text, [array.copy() for array in arrays], series)
    for one in ("fitted_", "residuals_", "sigma_", "status_"):
        np.testing.assert_array_equal(getattr(again, one), getattr(fitted, one))
    assert again.reasons_ == fitted.reasons_
    assert again.get_params() == fitted.get_params()
    left, right = (one.forecast(14, level=(80,)) for one in (fitted, again))
    np.testing.assert_array_equal(left.mean, right.mean)
    np.testing.assert_array_equal(left.upper[80], right.upper[80])
    if hasattr(fitted, "components"):
        for name, values in fitted.components().items():
            np.testing.assert_array_equal(again.components()[name], values)
    assert to_arrays(again)[0] == text


def test_exogenous_columns_are_kept(monthly: np.ndarray) -> None:
    columns = np.random.default_rng(0).normal(size=(*monthly.shape, 2))
    fitted = ARIMA((1, 0, 0), errors="ignore").fit(monthly, columns)
    again = from_arrays(*to_arrays(fitted), monthly, columns)
    np.testing.assert_array_equal(fitted.forecast(3, columns[:, :3]).mean, again.forecast(3, columns[:, :3]).mean)


def test_what_is_damaged_is_refused(monthly: np.ndarray) -> None:
    text, arrays = to_arrays(HoltWinters(12).fit(monthly))
    for given, parts, series, match in [
        ("{", arrays, monthly, "damaged: JSONDecodeError"),
        (text, arrays[:4], monthly, "damaged: IndexError"),
        (text, [array[:1] for array in arrays], monthly, "damaged|Expected"),
        (text, arrays, monthly[:2], "damaged|Expected a forecaster of 2 series"),
        (text.replace("holt_winters:HoltWinters", "accuracy:mae"), arrays, monthly, "damaged: ValueError: accuracy:mae is no class"),
        (text.replace("holt_winters:HoltWinters", "_arrays:sys"), arrays, monthly, "damaged: ValueError"),
        (text.replace("holt_winters:HoltWinters", "..os:path"), arrays, monthly, "damaged: "),
        ('{"made": "_batch:Batch", "of": {}}', arrays, monthly, "Expected a forecaster of .* series, got Batch"),
        ("[1, 2]", arrays, monthly, "Expected a forecaster of .* series, got list"),
    ]:
        with pytest.raises(ArtefactError, match=match):
            from_arrays(given, parts, series)


def test_a_forecaster_that_holds_something_else_cannot_be_kept(monthly: np.ndarray) -> None:
    fitted: Any = Naive().fit(monthly)
    fitted.remark_ = {1, 2}
    with pytest.raises(ArtefactError, match="A fitted Naive holds a set, which cannot be kept"):
        to_arrays(fitted)
