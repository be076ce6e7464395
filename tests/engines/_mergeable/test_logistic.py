"""Logistic regression from parts: the steps of scikit-learn's L-BFGS, one pass a step."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from gpupipe.engines._mergeable.choose import mergeable

KINDS = ["strings", "objects", "integers", "booleans"]
ESTIMATORS = [
    LogisticRegression(),
    LogisticRegression(C=np.inf),
    LogisticRegression(C=0.01, fit_intercept=False),
    LogisticRegression(class_weight="balanced", tol=1e-6),
]


@pytest.fixture(scope="module")
def scaled(features: Any) -> Any:
    """Return features of one size, for which a hundred steps are enough."""
    return (features - features.mean(axis=0)) / features.std(axis=0)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@given(data=st.data())
def test_cut_anyhow_it_is_the_fit_of_the_whole(
    check: Any, estimator: Any, scaled: Any, labels: Any, weights: Any, cuts: Any, data: Any
) -> None:
    target, weight = labels[data.draw(st.sampled_from(KINDS))], data.draw(st.sampled_from([None, weights]))
    check(estimator, (scaled, target, weight), data.draw(cuts), rtol=1e-6, methods="predict predict_proba")


def test_the_optimum_has_no_slope(scattered: Any, scaled: Any, labels: Any) -> None:
    fitted = scattered(LogisticRegression(tol=1e-10, max_iter=1000), (scaled, labels["integers"], None), [5, 60], 0)
    rest = fitted.predict_proba(scaled) - (labels["integers"][:, None] == fitted.classes_)
    np.testing.assert_allclose(rest.T @ scaled + fitted.coef_, 0, atol=1e-4)
    np.testing.assert_allclose(rest.sum(axis=0), 0, atol=1e-4)


def test_weights_of_classes_are_weights_of_their_rows(check: Any, scattered: Any, scaled: Any, labels: Any) -> None:
    target = labels["strings"]
    given_weights = LogisticRegression(class_weight={"no": 30.0, "yes": 5.0}, tol=1e-3)
    fitted = check(given_weights, (scaled, target, None), ([10], 0), rtol=1e-6)
    rows = np.where(target == "no", 30.0, 5.0)
    same = scattered(LogisticRegression(tol=1e-3), (scaled, target, rows), [10], 0)
    np.testing.assert_allclose(fitted.coef_, same.coef_, rtol=1e-6)
    with pytest.raises(ValueError, match="are not in class_weight"):
        scattered(LogisticRegression(class_weight={"perhaps": 3.0}), (scaled, target, None), [10], 0)


def test_too_few_iterations_are_told_and_stop_where_scikit_learn_stops(scattered: Any, features: Any, labels: Any) -> None:
    estimator = LogisticRegression(max_iter=4)
    with pytest.warns(ConvergenceWarning, match="failed to converge after 4 iteration"):
        fitted = scattered(estimator, (features, labels["strings"], None), [10], 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = estimator.fit(features, labels["strings"])
    np.testing.assert_allclose(fitted.coef_, whole.coef_, rtol=1e-6)
    assert fitted.n_iter_ == whole.n_iter_ == 4


def test_float32_features_are_summed_as_float64(scattered: Any, scaled: Any, labels: Any) -> None:
    narrow = scaled.astype(np.float32)
    fitted = scattered(LogisticRegression(), (narrow, labels["integers"], None), [10], 0)
    wide = LogisticRegression().fit(narrow.astype(np.float64), labels["integers"])
    assert fitted.coef_.dtype == fitted.intercept_.dtype == np.float32
    np.testing.assert_allclose(fitted.coef_, wide.coef_, rtol=1e-5)


def test_each_pass_asks_for_one_more_point(scaled: Any, labels: Any) -> None:
    fit = mergeable(LogisticRegression())
    assert fit is not None
    state, done, n_passes = fit.start(4), False, 0
    while not done:
        state, done = fit.advance(state, fit.merge([fit.measure(state, scaled, labels["strings"], None)]))
        n_passes += 1
        assert done or len(state.answers) == n_passes - 1
    n_iter = fit.finish(state).n_iter_[0]
    assert n_iter + 2 <= n_passes <= 2 * n_iter + 2


def test_what_scikit_learn_refuses_is_refused(scattered: Any, scaled: Any, numbers: Any, labels: Any) -> None:
    with pytest.raises(ValueError, match="at least 2 classes in the data, but the data contains only one"):
        scattered(LogisticRegression(), (scaled, np.zeros(len(scaled), int), None), [10], 0)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        scattered(LogisticRegression(), (scaled, numbers, None), [10], 0)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        scattered(LogisticRegression(), (np.where(scaled > 1, np.nan, scaled), labels["strings"], None), [10], 0)
    with pytest.raises(ValueError, match="at least one non-zero"):
        scattered(LogisticRegression(), (scaled, labels["strings"], np.zeros(len(scaled))), [10], 0)
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
        scattered(LogisticRegression(C=-1.0), (scaled, labels["strings"], None), [10], 0)
