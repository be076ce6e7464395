"""The mean, worked out by hand."""

from __future__ import annotations

import numpy as np

from gpupipe.forecasts import Mean


def test_by_hand() -> None:
    model = Mean().fit([[1.0, np.nan, 3.0, 5.0]])
    np.testing.assert_allclose(model.fitted_, [[3.0] * 4])
    np.testing.assert_allclose(model.sigma_, [2.0])
    ahead = model.forecast(2, level=[80])
    np.testing.assert_allclose(ahead.upper[80] - ahead.mean, [[1.2815515655446004 * 2 * np.sqrt(4 / 3)] * 2])
