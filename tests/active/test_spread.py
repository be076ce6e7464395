"""Spread labels, held to scikit-learn's label propagation on the same graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.semi_supervised import LabelPropagation

from gpupipe.active._arrays import on_host
from gpupipe.active.spread import spread_labels
from gpupipe.core.errors import UsageError


def test_shares_are_scikit_learns(xp: Any) -> None:
    chance = np.random.default_rng(0)
    weights = np.triu((chance.random((40, 40)) < 0.15) * chance.random((40, 40)), 1)
    weights += weights.T + np.eye(40)
    labels = np.where(chance.random(40) < 0.2, chance.integers(0, 3, 40), -1)
    labels[:3] = [0, 1, 2]
    theirs = LabelPropagation(kernel=lambda *_: weights, max_iter=10_000, tol=1e-9).fit(np.zeros((40, 1)), labels)
    source, destination = np.nonzero(weights)
    edges = tuple(xp.asarray(each) for each in (source, destination, weights[source, destination]))
    shares, _ = spread_labels(edges, xp.asarray(labels), 3, iterations=10_000, tol=1e-9)
    np.testing.assert_allclose(on_host(shares), theirs.label_distributions_, atol=1e-6)


def test_what_no_label_reaches_has_none() -> None:
    shares, _ = spread_labels((np.array([0, 1, 2, 3]), np.array([1, 0, 3, 2]), np.ones(4)), np.array([0, -1, -1, -1]), 1)
    assert shares.sum(axis=1).tolist() == [1, 1, 0, 0]
    with pytest.raises(UsageError, match="one label or more"):
        spread_labels((np.array([0]), np.array([1]), np.ones(1)), np.array([-1, -1]), 1)
