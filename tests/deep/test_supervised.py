"""Networks that learn from arrays; with scikit-learn's logistic regression as the network that has one layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402

from gpupipe.core.errors import StageError  # noqa: E402
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


class Odd(nn.Module):
    """A layer that gives something else than three scores."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.layer = kind, nn.Linear(5 if kind == "takes" else 4, 5 if kind == "many" else 3)

    def forward(self, x: Any) -> Any:
        made = self.layer(x)
        return {"pair": (made, 1), "named": {"scores": made}, "mean": made.mean(0), "steps": made[:, None]}.get(self.kind, made)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("many", r"gives \(2, 5\) for 2 samples; expected a score for each of the 3 classes: \(2, 3\). .*name all of them"),
        ("mean", r"gives \(3,\) for 2 samples"),
        ("steps", r"gives \(2, 1, 3\)"),
        ("pair", "returns a tuple; expected a tensor"),
        ("named", "returns a dict; expected a tensor"),
        ("takes", r"does not take a batch of samples of shape \(4,\).*Say shape="),
    ],
)
def test_a_network_that_gives_something_else_is_told_before_it_learns(kind: str, said: str) -> None:
    """Five scores for three classes would be learnt from, and name a class that is not there."""
    with pytest.raises(StageError, match=said):
        learn(Network(Odd, kind=kind), X, Y, n_classes=3, training=Training(1, device="cpu"))


def test_numbers_are_one_each_and_a_batch_of_one_is_explained() -> None:
    with pytest.raises(StageError, match=r"gives \(2, 3\) for 2 samples; expected a number for each"):
        learn(LINEAR, X, X[:, 0], loss="mse", training=Training(1, device="cpu"))
    network = Network(lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)))
    with pytest.raises(StageError, match="last batch of an epoch has one sample"):
        learn(network, X[:9], Y[:9], n_classes=3, training=Training(1, 4, device="cpu"))


def test_validation_is_drawn_by_the_seed() -> None:
    one, two, other = (
        learn(LINEAR, X, Y, n_classes=3, validation=0.2, training=Training(2, device="cpu", seed=seed)) for seed in (0, 0, 1)
    )
    assert one.confused.sum() == one.n_validated == 30 and one.n_learnt == 120
    assert one.confused.tolist() == two.confused.tolist() != other.confused.tolist()
    assert one.history.column("accuracy")[one.history.best - 1] == pytest.approx(np.trace(one.confused) / 30)
