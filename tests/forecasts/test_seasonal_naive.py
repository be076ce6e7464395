"""The last value of each season, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gpupipe.forecasts import SeasonalNaive


def test_by_hand(quiet: Callable[..., Any]) -> None:
    rows = np.array([[1.0, 5.0, 9.0, 2.0, np.nan, 7.0, 4.0], [np.nan] * 5 + [3.0, 8.0]])
    model = quiet(SeasonalNaive(3), rows)
    np.testing.assert_array_equal(model.fitted_[0], [np.nan, np.nan, np.nan, 1.0, 5.0, 9.0, 2.0])
    ahead = model.forecast(4, level=[95])
    np.testing.assert_array_equal(ahead.mean, [[5.0, 7.0, 4.0, 5.0], [8.0, 3.0, 8.0, 8.0]])
    sigma = np.sqrt((1.0 + 4.0 + 4.0) / 3)
    np.testing.assert_allclose((ahead.upper[95] - ahead.mean)[0], 1.959963984540054 * sigma * np.sqrt([1, 1, 1, 2]))
    assert model.status_.tolist() == [0, 2]
    assert "no value of some season" in model.reasons_[1]
