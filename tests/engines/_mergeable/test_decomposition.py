"""Components and singular values from parts, with scikit-learn's signs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA, TruncatedSVD

FITS = [
    PCA(),
    PCA(2),
    PCA(0.95, svd_solver="full"),
    PCA(3, whiten=True),
    PCA(svd_solver="arpack"),
    PCA(1),
    TruncatedSVD(2, algorithm="arpack"),
    TruncatedSVD(3, algorithm="arpack", random_state=0),
]


@pytest.mark.parametrize("estimator", FITS, ids=repr)
@given(data=st.data())
def test_cut_anyhow_it_is_the_fit_of_the_whole(check: Any, estimator: Any, features: Any, cuts: Any, data: Any) -> None:
    check(estimator, (features, None, None), data.draw(cuts), rtol=1e-9, methods="transform", loose=("n_components_",))


@pytest.mark.parametrize("estimator", [PCA(2, svd_solver="full"), TruncatedSVD(2, algorithm="arpack")], ids=repr)
def test_a_large_mean_takes_no_digits(check: Any, estimator: Any, far: Any) -> None:
    check(estimator, (far, None, None), ([1, 40, 40, 90], 2), rtol=1e-6)


def test_the_exact_decomposition_is_what_a_random_one_comes_near(check: Any, features: Any) -> None:
    check(PCA(2, svd_solver="randomized", random_state=0), (features, None, None), ([30], 0), rtol=1e-6)
    check(TruncatedSVD(2, random_state=0, n_iter=20), (features, None, None), ([30], 0), rtol=1e-6)


def test_small_components_are_not_lost_in_rounding(check: Any) -> None:
    table = np.random.default_rng(0).normal(size=(200, 3)) * np.array([1.0, 1e-5, 1e-10])
    fitted = check(PCA(svd_solver="full"), (table, None, None), ([50, 100], 0), rtol=1e-12)
    np.testing.assert_allclose(fitted.singular_values_, PCA(svd_solver="full").fit(table).singular_values_, rtol=1e-4)


def test_float32_and_fewer_rows_than_features(check: Any, features: Any) -> None:
    check(PCA(2), (features.astype(np.float32), None, None), ([30], 0), rtol=1e-4)
    check(PCA(2, svd_solver="full"), (features[:3], None, None), ([1], 0), rtol=1e-9, loose=("noise_variance_",))


@pytest.mark.parametrize("estimator", [PCA(5), PCA(4, svd_solver="arpack"), TruncatedSVD(4, algorithm="arpack"), TruncatedSVD(5)], ids=repr)
def test_more_components_than_there_are_is_refused(scattered: Any, estimator: Any, features: Any) -> None:
    with pytest.raises(ValueError, match="n_components|0 < k < min"):
        estimator.fit(features)
    with pytest.raises(ValueError, match="n_components|0 < k < min"):
        scattered(estimator, (features, None, None), [10], 0)


def test_what_scikit_learn_refuses_is_refused(scattered: Any, features: Any, weights: Any) -> None:
    with pytest.raises(ValueError, match="Input X contains NaN"):
        scattered(PCA(), (np.where(features > 20, np.nan, features), None, None), [10], 0)
    with pytest.raises(ValueError, match=r"1 feature\(s\).* minimum of 2 is required by TruncatedSVD"):
        scattered(TruncatedSVD(1), (features[:, :1], None, None), [10], 0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'sample_weight'"):
        scattered(PCA(), (features, None, weights), [10], 0)
