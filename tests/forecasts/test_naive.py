"""The last value, and the spread of a random walk, worked out by hand."""

from __future__ import annotations

import numpy as np

from gpupipe.forecasts import Naive


def test_by_hand() -> None:
    model = Naive().fit([[np.nan, 1.0, 3.0, np.nan, 2.0, np.nan]])
    np.testing.assert_array_equal(model.fitted_, [[np.nan, np.nan, 1.0, 3.0, 3.0, np.nan]])
    sigma = np.sqrt((2.0**2 + 1.0**2) / 2)
    np.testing.assert_allclose(model.sigma_, [sigma])
    ahead = model.forecast(4, level=[80])
    np.testing.assert_array_equal(ahead.mean, [[2.0] * 4])
    np.testing.assert_allclose(ahead.upper[80] - 2.0, 1.2815515655446004 * sigma * np.sqrt([[1, 2, 3, 4]]))
    np.testing.assert_allclose(ahead.lower[80] + ahead.upper[80], [[4.0] * 4])
