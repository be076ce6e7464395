"""Scalers from parts, missing values among the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

EXTREMES = [MinMaxScaler(), MinMaxScaler((-1, 2), clip=True), MaxAbsScaler()]
STANDARD = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(with_mean=False, with_std=False),
]


@pytest.fixture(scope="module")
def holes(features: Any) -> Any:
    """Return features with missing values, more of them in one column than in the other."""
    missing = np.random.default_rng(0).random(features.shape) < np.array([0.0, 0.1, 0.3, 0.5])
    return np.where(missing, np.nan, features)


@pytest.mark.parametrize("estimator", [*EXTREMES, *STANDARD], ids=repr)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(data=st.data())
def test_cut_anyhow_it_is_the_fit_of_the_whole(
    check: Any, estimator: Any, features: Any, holes: Any, dtype: Any, cuts: Any, data: Any
) -> None:
    table = data.draw(st.sampled_from([features, holes])).astype(dtype)
    check(estimator, (table, None, None), data.draw(cuts), rtol=1e-12, methods="" if estimator.copy is False else "transform")


@pytest.mark.parametrize("estimator", STANDARD[:3], ids=repr)
@given(data=st.data())
def test_weights_count(check: Any, estimator: Any, holes: Any, weights: Any, cuts: Any, data: Any) -> None:
    check(estimator, (holes, None, weights), data.draw(cuts), rtol=1e-12)


@pytest.mark.parametrize("estimator", [*EXTREMES, STANDARD[0]], ids=repr)
def test_a_large_mean_and_a_feature_that_does_not_vary(check: Any, estimator: Any, far: Any) -> None:
    check(estimator, (np.column_stack([far, np.full(len(far), 0.1)]), None, None), ([1, 40, 40, 90], 2), rtol=1e-9)


def test_infinity_and_no_rows_are_refused(scattered: Any, features: Any) -> None:
    for estimator in (StandardScaler(), MaxAbsScaler()):
        with pytest.raises(ValueError, match="Input X contains infinity"):
            scattered(estimator, (np.where(features > 20, np.inf, features), None, None), [10], 0)
        with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
            scattered(estimator, (features[:0], None, None), [0], 0)
