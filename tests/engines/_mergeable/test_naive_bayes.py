"""Naive Bayes from parts: the same counts, hence the same probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

KINDS = ["strings", "objects", "integers", "booleans"]
GAUSSIAN = [GaussianNB(), GaussianNB(var_smoothing=1e-3)]
COUNTING = [
    MultinomialNB(),
    MultinomialNB(alpha=[0.5, 1.0, 2.0, 0.1], fit_prior=False),
    ComplementNB(norm=True),
    BernoulliNB(),
    BernoulliNB(binarize=2.0),
    CategoricalNB(),
    CategoricalNB(min_categories=9),
]


@pytest.fixture(scope="module")
def counts(features: Any) -> Any:
    """Return whole numbers from zero up, some of them seldom."""
    return np.random.default_rng(0).poisson([0.5, 1.0, 2.0, 0.1], features.shape).astype(np.float64)


@pytest.mark.parametrize("estimator", GAUSSIAN, ids=repr)
@given(data=st.data())
def test_cut_anyhow_gaussian_is_the_fit_of_the_whole(
    check: Any, estimator: Any, features: Any, far: Any, labels: Any, weights: Any, cuts: Any, data: Any
) -> None:
    table = data.draw(st.sampled_from([features, far]))
    target, weight = labels[data.draw(st.sampled_from(KINDS))], data.draw(st.sampled_from([None, weights]))
    check(estimator, (table, target, weight), data.draw(cuts), rtol=1e-8, methods="predict predict_proba")


@pytest.mark.parametrize("estimator", COUNTING, ids=repr)
@given(data=st.data())
def test_cut_anyhow_counts_are_those_of_the_whole(
    check: Any, estimator: Any, counts: Any, labels: Any, weights: Any, cuts: Any, data: Any
) -> None:
    target, weight = labels[data.draw(st.sampled_from(KINDS))], data.draw(st.sampled_from([None, weights]))
    check(estimator, (counts, target, weight), data.draw(cuts), rtol=1e-13, methods="predict predict_proba")


@pytest.mark.parametrize("estimator", [GaussianNB(), MultinomialNB(), CategoricalNB()], ids=repr)
def test_float32_one_class_and_a_class_of_no_weight(check: Any, estimator: Any, counts: Any, labels: Any) -> None:
    check(estimator, (counts.astype(np.float32), labels["strings"], None), ([5], 0), rtol=1e-5)
    check(estimator, (counts, np.zeros(len(counts), int), None), ([5], 0))
    weightless = (labels["strings"] == "yes").astype(float)
    if not isinstance(estimator, GaussianNB):
        check(estimator, (counts, labels["strings"], weightless), ([5], 0), loose=("class_log_prior_",))
    else:
        check(estimator, (counts, labels["strings"], weightless), ([5], 0))


def test_given_priors_are_taken_and_checked(check: Any, scattered: Any, features: Any, labels: Any) -> None:
    table = (features, labels["strings"], None)
    check(GaussianNB(priors=[0.3, 0.7]), table, ([5], 0), methods="predict_proba")
    for priors, words in (([0.3, 0.3, 0.4], "match number"), ([0.3, 0.3], "sum of the priors"), ([1.5, -0.5], "non-negative")):
        with pytest.raises(ValueError, match=words):
            scattered(GaussianNB(priors=priors), table, [5], 0)


def test_what_scikit_learn_refuses_is_refused(scattered: Any, features: Any, numbers: Any, labels: Any) -> None:
    with pytest.raises(ValueError, match=r"Negative values in data passed to MultinomialNB \(input X\)"):
        scattered(MultinomialNB(), (features, labels["strings"], None), [5], 0)
    with pytest.raises(ValueError, match=r"Negative values in data passed to CategoricalNB \(input X\)"):
        scattered(CategoricalNB(), (features, labels["strings"], None), [5], 0)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        scattered(GaussianNB(), (features, numbers, None), [5], 0)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        scattered(BernoulliNB(), (np.where(features > 20, np.nan, features), labels["strings"], None), [5], 0)
    with pytest.raises(ValueError, match="requires y to be passed"):
        scattered(GaussianNB(), (features, None, None), [5], 0)
