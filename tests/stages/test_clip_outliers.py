from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError


def test_as_numpys_quantiles_say() -> None:
    values = np.random.default_rng(0).standard_cauchy(300)
    low, high = np.quantile(values, [0.25, 0.75])
    made = gp.ClipOutliers("x", low=0.25, high=0.75, widen=1.5).fit_plain(pl.DataFrame({"x": values})).apply(pl.DataFrame({"x": values}))
    np.testing.assert_array_equal(made["x"], np.clip(values, low - 1.5 * (high - low), high + 1.5 * (high - low)))


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^ClipOutliers expects quantiles 0 <= low < high <= 1 and widen >= 0, got low=0\.5, high=0\.5"):
        gp.ClipOutliers("x", low=0.5, high=0.5)
