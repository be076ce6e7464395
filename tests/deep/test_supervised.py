"""Networks that learn from arrays; with scikit-learn's logistic regression as the network that has one layer."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402

from gpupipe.deep import Training  # noqa: E402
from gpupipe.deep.network import Network  # noqa: E402
from gpupipe.deep.supervised import learn, outputs  # noqa: E402

X, Y = load_iris(return_X_y=True)
X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
LINEAR = Network(nn.Linear, in_features=4, out_features=3)


def test_one_layer_is_logistic_regression() -> None:
    """The same penalty, half of the squared weights: scikit-learn adds losses up where this takes their mean."""
    theirs = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-8, max_iter=5000).fit(X, Y)
    linear = Network(nn.Linear, in_features=4, out_features=3, bias=False)
    training = Training(400, 150, 0.1, schedule="cosine", device="cpu", optimizer_options={"weight_decay": 1 / 150})
    made = learn(linear, X, Y, n_classes=3, training=training)
    network = linear.made_of(made.names, made.weights)
    scores = outputs(network, X, "cpu", np)
    found = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(found, theirs.predict_proba(X), atol=1e-3)
    assert made.confused.size == 0 and (made.n_learnt, made.n_validated) == (150, 0)


def test_validation_is_drawn_by_the_seed() -> None:
    one, two, other = (
        learn(LINEAR, X, Y, n_classes=3, validation=0.2, training=Training(2, device="cpu", seed=seed)) for seed in (0, 0, 1)
    )
    assert one.confused.sum() == one.n_validated == 30 and one.n_learnt == 120
    assert one.confused.tolist() == two.confused.tolist() != other.confused.tolist()
    assert one.history.column("accuracy")[one.history.best - 1] == pytest.approx(np.trace(one.confused) / 30)
