"""The line through the ends, worked out by hand."""

from __future__ import annotations

import numpy as np

from gpupipe.forecasts import Drift


def test_by_hand() -> None:
    model = Drift().fit([[1.0, 4.0, np.nan, 2.0, 9.0]])
    np.testing.assert_array_equal(model.fitted_, [[np.nan, 3.0, 6.0, 8.0, 4.0]])
    sigma = np.sqrt((1.0 + 36.0 + 25.0) / 2)
    ahead = model.forecast(3, level=[95])
    np.testing.assert_allclose(ahead.mean, [[11.0, 13.0, 15.0]])
    steps = np.array([1, 2, 3])
    np.testing.assert_allclose(ahead.upper[95][0] - ahead.mean[0], 1.959963984540054 * sigma * np.sqrt(steps * (1 + steps / 4)))
