"""The metrics of clusters against scikit-learn's: good clusters and bad, single rows, one cluster alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics.cluster import expected_mutual_information

from gpupipe.core import metrics as names
from gpupipe.core.errors import StageError
from gpupipe.kernels import scores_clusters
from gpupipe.kernels.scores_clusters import Contingency, contingency, score_features, score_groups
from tests.cluster_scores import OF_FEATURES, OF_GROUPS

RANDOM = np.random.default_rng(3)
N_ROWS = 400
GROUPS = RANDOM.integers(0, 5, N_ROWS)
CLUSTERS = {
    "alike": np.where(RANDOM.random(N_ROWS) < 0.8, (GROUPS + 1) % 5, RANDOM.integers(0, 5, N_ROWS)),
    "the same under other names": (GROUPS + 2) % 5,
    "by chance": RANDOM.integers(0, 7, N_ROWS),
    "one": np.zeros(N_ROWS, dtype=int),
    "a row each": np.arange(N_ROWS),
}


def by_chance(table: Contingency) -> float:
    matrix = csr_matrix((table.counts, (table.groups, table.clusters)))
    return float(expected_mutual_information(matrix, int(table.counts.sum())))


@pytest.mark.parametrize("clusters", list(CLUSTERS))
@pytest.mark.parametrize("metric", names.OF_CLUSTERS)
def test_against_groups(metric: str, clusters: str) -> None:
    for truth, guess in ((GROUPS, CLUSTERS[clusters]), (CLUSTERS[clusters], GROUPS), (CLUSTERS[clusters], CLUSTERS[clusters])):
        made = score_groups(metric, contingency(truth, guess), by_chance)
        assert made == pytest.approx(OF_GROUPS[metric](truth, guess), rel=1e-9, abs=1e-12)


def test_a_contingency_holds_the_pairs_that_have_rows() -> None:
    table = contingency(np.array([0, 2, 2, 1]), np.array([1, 0, 0, 1]))
    assert list(zip(table.groups, table.clusters, table.counts, strict=True)) == [(0, 1, 1), (1, 1, 1), (2, 0, 2)]
    assert (table.of_groups.tolist(), table.of_clusters.tolist()) == ([1, 1, 2], [2, 2])


def blobs(n_features: int) -> tuple[Any, Any]:
    """Return rows around four centres, and which of them each row is of; the last centre has one row alone."""
    labels = np.append(RANDOM.integers(0, 3, N_ROWS - 1), 3)
    return RANDOM.normal(size=(4, n_features))[labels] * 3 + RANDOM.normal(size=(N_ROWS, n_features)) + 100, labels


@pytest.mark.parametrize("n_features", [1, 6])
@pytest.mark.parametrize("metric", names.OF_FEATURES)
def test_among_features(metric: str, n_features: int) -> None:
    features, labels = blobs(n_features)
    assert score_features(metric, features, labels) == pytest.approx(OF_FEATURES[metric](features, labels), rel=1e-7)
    assert score_features(metric, features.astype(np.float32), labels) == pytest.approx(OF_FEATURES[metric](features, labels), rel=1e-4)


@pytest.mark.parametrize("metric", names.OF_FEATURES)
def test_rows_that_are_the_same(metric: str) -> None:
    features, labels = np.array([[1.0], [1.0], [5.0], [5.0]]), np.array([0, 0, 1, 1])
    for rows in (features, np.ones_like(features)):
        assert score_features(metric, rows, labels) == pytest.approx(OF_FEATURES[metric](rows, labels))


def test_silhouettes_of_a_few_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = blobs(3)
    whole = score_features("silhouette", features, labels)
    monkeypatch.setattr(scores_clusters, "_TILE_BYTES", 8 * N_ROWS * 7)
    assert score_features("silhouette", features, labels) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("metric", names.OF_FEATURES)
def test_what_has_no_score(metric: str) -> None:
    features = RANDOM.normal(size=(5, 2))
    for labels in (np.zeros(5, dtype=int), np.arange(5)):
        with pytest.raises(StageError, match=rf"^{metric} cannot be computed on these 5 rows: it needs from 2 to 4 clusters, got \d"):
            score_features(metric, features, labels)
    features[3, 1] = np.nan
    with pytest.raises(StageError, match=f"^{metric} cannot be computed on these 5 rows: a feature is missing"):
        score_features(metric, features, np.array([0, 1, 0, 1, 0]))
