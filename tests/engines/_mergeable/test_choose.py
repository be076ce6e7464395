"""What is fitted from parts, and what is not and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, MultiTaskLasso, Ridge
from sklearn.preprocessing import MinMaxScaler

from gpupipe.engines._mergeable.choose import mergeable, why_not_mergeable

REFUSED = [
    (MiniBatchKMeans(), "take KMeans"),
    (DBSCAN(), "no exact fit from parts is known for sklearn's DBSCAN"),
    (RandomForestClassifier(), "no exact fit from parts is known for sklearn's RandomForestClassifier"),
    (MultiTaskLasso(), "sklearn's MultiTaskLasso"),
    (Ridge(solver="saga"), "solver='saga' .* take solver='auto'"),
    (Lasso(precompute=np.eye(2)), "take precompute=False"),
    (LogisticRegression(solver="liblinear"), "penalises the intercept too"),
    (LogisticRegression(solver="saga"), "take solver='lbfgs'"),
    (LogisticRegression(solver="newton-cholesky"), "second derivatives"),
    (LogisticRegression(l1_ratio=0.5), "l1 penalty is not smooth"),
    (LogisticRegression(penalty="l1"), "l1 penalty is not smooth"),
    (PCA("mle"), "give a number or a share"),
    (KMeans(init=lambda rows, n, random_state: rows[:n]), "a function of all rows"),
]


@pytest.mark.parametrize(("estimator", "reason"), REFUSED, ids=lambda value: repr(value).partition(" at 0x")[0][:40])
def test_what_has_no_exact_way_says_why(estimator: Any, reason: str) -> None:
    assert mergeable(estimator) is None
    told = why_not_mergeable(estimator)
    assert told is not None
    with pytest.raises(ValueError, match=reason):
        raise ValueError(told)


def test_a_subclass_may_fit_otherwise() -> None:
    class Special(LinearRegression):
        """Fits in a way of its own."""

    assert mergeable(Special()) is None
    assert "Special" in str(why_not_mergeable(Special()))


def test_the_estimator_is_copied() -> None:
    estimator = PCA(2)
    fit = mergeable(estimator)
    assert fit is not None
    estimator.set_params(n_components=3)
    assert fit.estimator.n_components == 2


def test_a_fit_says_what_it_takes() -> None:
    scaler, line = mergeable(MinMaxScaler()), mergeable(LinearRegression())
    assert scaler is not None and line is not None
    assert (scaler.takes_target, scaler.takes_weight) == (False, False)
    assert (line.takes_target, line.takes_weight) == (True, True)
