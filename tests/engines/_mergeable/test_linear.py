"""Least squares from parts: coefficients, rank, singular values and iterations of scikit-learn's own fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge

ESTIMATORS = [
    LinearRegression(),
    LinearRegression(fit_intercept=False),
    LinearRegression(positive=True),
    Ridge(0.5),
    Ridge(2.0, fit_intercept=False, solver="svd"),
    Ridge(solver="lsqr", tol=1e-12),
    Ridge(positive=True, tol=1e-10),
    Lasso(0.05),
    ElasticNet(0.05, fit_intercept=False),
    Lasso(0.05, selection="random", random_state=3),
    ElasticNet(0.02, l1_ratio=0.2, precompute=True, positive=True),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@given(data=st.data())
def test_cut_anyhow_it_is_the_fit_of_the_whole(
    check: Any, estimator: Any, features: Any, numbers: Any, weights: Any, cuts: Any, data: Any
) -> None:
    weight = data.draw(st.sampled_from([None, weights]))
    check(estimator, (features, numbers, weight), data.draw(cuts), rtol=1e-7, methods="predict")


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(), Lasso(0.01, tol=1e-8)], ids=repr)
def test_a_large_mean_takes_no_digits(check: Any, estimator: Any, far: Any, numbers: Any) -> None:
    fitted = check(estimator, (far, numbers, None), ([1, 50, 50], 0), rtol=1e-7, loose=("dual_gap_", "intercept_"))
    near = type(estimator)(**estimator.get_params()).fit(far - 1e6, numbers)
    np.testing.assert_allclose(fitted.coef_, near.coef_, rtol=1e-8)
    np.testing.assert_allclose(fitted.predict(far), near.predict(far - 1e6), rtol=1e-6)


def test_features_that_repeat_one_another_have_the_rank_and_the_shortest_coefficients(check: Any, features: Any, numbers: Any) -> None:
    repeated = np.column_stack([features, features[:, 0] * 2, np.ones(len(features))])
    fitted = check(LinearRegression(), (repeated, numbers, None), ([3, 80], 1), rtol=1e-9, methods="predict", loose=("singular_",))
    assert fitted.rank_ == 4


def test_fewer_rows_than_features(check: Any, features: Any, numbers: Any) -> None:
    few = (features[:3], numbers[:3], None)
    assert check(LinearRegression(), few, ([1], 0), rtol=1e-9, methods="predict", loose=("singular_",)).singular_.shape == (3,)
    check(Ridge(), few, ([1, 1, 2], 0), rtol=1e-9, methods="predict")


def test_nearly_dependent_features_keep_what_a_matrix_of_squares_would_lose(check: Any) -> None:
    generator = np.random.default_rng(5)
    one, two = generator.normal(size=(2, 100))
    pair = np.column_stack([one, one + 1e-10 * two])
    fitted = check(LinearRegression(tol=1e-14), (pair, 3 * one + 1e-10 * two, None), ([10, 40], 0), rtol=1e-4, loose=("intercept_",))
    assert fitted.rank_ == 2


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(), Lasso(0.05)], ids=repr)
def test_float32_features_give_float32_coefficients(check: Any, estimator: Any, features: Any, numbers: Any) -> None:
    check(estimator, (features.astype(np.float32), numbers, None), ([7, 70], 0), rtol=1e-5, methods="predict", loose=("dual_gap_",))


def test_numbers_of_other_kinds_are_targets_too(check: Any, features: Any, labels: Any) -> None:
    check(Ridge(), (features, labels["booleans"], None), ([7, 70], 0))
    check(Ridge(), (features, labels["integers"], None), ([7, 70], 0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": np.nan}, "Input X contains NaN"),
        ({"features": np.inf}, "Input X contains infinity"),
        ({"target": np.nan}, "Input y contains NaN"),
        ({"weight": -1.0}, "Negative values in data passed to `sample_weight`"),
        ({"weight": np.nan}, "Input sample_weight contains NaN"),
    ],
)
def test_broken_data_is_refused_in_the_words_of_the_estimator(
    scattered: Any, features: Any, numbers: Any, weights: Any, change: dict[str, float], words: str
) -> None:
    table = {"features": features.copy(), "target": numbers.copy(), "weight": weights.copy()}
    for name, value in change.items():
        table[name][77] = value
    with pytest.raises(ValueError, match=words):
        LinearRegression().fit(table["features"], table["target"], sample_weight=table["weight"])
    with pytest.raises(ValueError, match=words):
        scattered(LinearRegression(), tuple(table.values()), [10, 50], 0)


def test_no_rows_no_weight_and_no_numbers_are_refused(scattered: Any, features: Any, numbers: Any) -> None:
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        scattered(Ridge(), (features[:0], numbers[:0], None), [0], 0)
    with pytest.raises(ValueError, match="at least one non-zero"):
        scattered(Ridge(), (features, numbers, np.zeros(len(numbers))), [5], 0)
    with pytest.raises(ValueError, match="could not convert string to float"):
        scattered(Ridge(), (features, np.array(["a"] * len(numbers)), None), [5], 0)
    with pytest.raises(ValueError, match="'alpha' parameter of Ridge must be"):
        scattered(Ridge(alpha=-1.0), (features, numbers, None), [5], 0)
