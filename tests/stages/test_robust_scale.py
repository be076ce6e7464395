from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import RobustScaler

import gpupipe as gp
from gpupipe.core.errors import UsageError


def test_as_scikit_learn_does() -> None:
    rows = np.random.default_rng(0).standard_cauchy((1001, 3))
    rows[:, 1] = np.round(rows[:, 1])
    rows[:, 2] = 3
    scaler = RobustScaler(quantile_range=(10, 80)).fit(rows)
    fitted = gp.RobustScale(["a", "b", "c"], low=0.1, high=0.8).fit_plain(pl.DataFrame(rows, schema=["a", "b", "c"]))
    assert fitted.centers == tuple(scaler.center_)
    np.testing.assert_allclose(fitted.distances, scaler.scale_, rtol=1e-15)


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^RobustScale expects quantiles 0 <= low < high <= 1, got low=25, high=75\.$"):
        gp.RobustScale("x", low=25, high=75)
