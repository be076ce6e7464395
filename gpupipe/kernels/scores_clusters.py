"""Metrics of clusters as array operations: against known groups, and among the features themselves.

The definitions are scikit-learn's (``sklearn.metrics.cluster``). Labels come as integers from 0 on, and every one of them has a row. ``xp``
is the array library: NumPy, or CuPy for arrays on a device; every function takes arrays of that library alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from gpupipe.core.errors import StageError

_TINY = float(np.finfo(np.float64).eps)
_TILE_BYTES = 256 << 20  # of distances that are held at a time


@dataclass(frozen=True, eq=False)
class Contingency:
    """How many rows each pair of a group and a cluster has: the pairs that have some, as NumPy arrays on the host.

    Parameters
    ----------
    groups, clusters, counts
        [n_pairs] each pair, and its rows.
    """

    groups: Any
    clusters: Any
    counts: Any

    @property
    def of_groups(self) -> Any:
        """The rows of each group."""
        return np.bincount(self.groups, weights=self.counts).astype(np.int64)

    @property
    def of_clusters(self) -> Any:
        """The rows of each cluster."""
        return np.bincount(self.clusters, weights=self.counts).astype(np.int64)


def contingency(truth: Any, clusters: Any, xp: Any = np) -> Contingency:
    """Return how many rows each pair of a group and a cluster has.

    Examples
    --------
    >>> contingency(np.array([0, 0, 1]), np.array([1, 1, 0])).counts.tolist()
    [2, 1]
    """
    n_clusters = int(clusters.max()) + 1
    pairs, counts = xp.unique(truth.astype(xp.int64) * n_clusters + clusters, return_counts=True)
    pair_list = np.asarray(pairs.tolist(), dtype=np.int64)
    return Contingency(pair_list // n_clusters, pair_list % n_clusters, np.asarray(counts.tolist(), dtype=np.int64))


def score_groups(metric: str, table: Contingency, expected: Callable[[Contingency], float]) -> float:
    """Return a metric of clusters against known groups.

    Parameters
    ----------
    metric
        One of `gpupipe.core.metrics.OF_CLUSTERS`.
    expected
        Returns the mutual information that chance would give, in nats; ``adjusted_mutual_info`` alone asks for it.

    Examples
    --------
    >>> score_groups("v_measure", contingency(np.array([0, 0, 1]), np.array([1, 1, 0])), lambda _: 0.0)
    1.0
    """
    if metric == "adjusted_rand":
        return _adjusted_rand(table)
    n_groups, n_clusters = len(table.of_groups), len(table.of_clusters)
    of_groups, of_clusters, shared = _entropy(table.of_groups), _entropy(table.of_clusters), _mutual_information(table)
    if metric in ("normalized_mutual_info", "adjusted_mutual_info"):
        if n_groups == n_clusters == 1:
            return 1.0
        if metric == "normalized_mutual_info":
            return shared / ((of_groups + of_clusters) / 2) if shared else 0.0
        return _adjusted_information(shared, (of_groups + of_clusters) / 2, expected(table), alone=1 in (n_groups, n_clusters))
    homogeneity = shared / of_groups if of_groups else 1.0
    completeness = shared / of_clusters if of_clusters else 1.0
    if metric == "v_measure":
        both = homogeneity + completeness
        return 2 * homogeneity * completeness / both if both else 0.0
    return homogeneity if metric == "homogeneity" else completeness


def _adjusted_rand(table: Contingency) -> float:
    """Return the Rand index adjusted for chance, from the pairs of rows that are together or apart in both."""
    n_rows, squares = int(table.counts.sum()), int((table.counts**2).sum())
    groups, clusters = int((table.of_groups**2).sum()), int((table.of_clusters**2).sum())
    together, apart = squares - n_rows, n_rows**2 - groups - clusters + squares
    split, joined = clusters - squares, groups - squares
    if not split and not joined:
        return 1.0
    return 2.0 * (apart * together - split * joined) / ((apart + split) * (split + together) + (apart + joined) * (joined + together))


def _entropy(counts: Any) -> float:
    """Return the entropy of rows dealt into groups of these counts, in nats."""
    shares = counts[counts > 0] / counts.sum()
    return 0.0 if len(shares) == 1 else float(-(shares * np.log(shares)).sum())


def _mutual_information(table: Contingency) -> float:
    """Return how much the groups tell of the clusters, in nats; what is only rounding is 0."""
    n_rows = float(table.counts.sum())
    alone = table.of_groups[table.groups] / n_rows * (table.of_clusters[table.clusters] / n_rows)
    told = table.counts / n_rows * np.log(table.counts / n_rows / alone)
    return max(0.0, float(told[np.abs(told) >= _TINY].sum()))


def _adjusted_information(shared: float, mean: float, chance: float, *, alone: bool) -> float:
    """Return the mutual information adjusted for chance."""
    if alone:  # one group, or one cluster: chance gives all there is
        return 0.0
    above, below = (min(value, -_TINY) if value < 0 else max(value, _TINY) for value in (shared - chance, mean - chance))
    return above / below


def score_features(metric: str, features: Any, labels: Any, xp: Any = np) -> float:
    """Return a metric of clusters among the features that they were made of.

    Parameters
    ----------
    metric
        One of `gpupipe.core.metrics.OF_FEATURES`.
    features
        [n_rows, n_features] without NaN.

    Raises
    ------
    StageError
        There are as many clusters as rows, or just one, or a feature is missing.

    Examples
    --------
    >>> features, labels = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1])
    >>> round(score_features("silhouette", features, labels), 4), score_features("calinski_harabasz", features, labels)
    (0.8997, 200.0)
    """
    n_rows, n_labels = len(labels), int(labels.max()) + 1
    features = features.astype(xp.float64)
    if not 1 < n_labels < n_rows:
        msg = (
            f"{metric} cannot be computed on these {n_rows} rows: it needs from 2 to {n_rows - 1} clusters, got {n_labels}. Take "
            "more rows, or another number of clusters."
        )
        raise StageError(msg)
    if not bool(xp.isfinite(features).all()):
        msg = f"{metric} cannot be computed on these {n_rows} rows: a feature is missing, NaN or infinite. Fill or drop it first."
        raise StageError(msg)
    order = xp.argsort(labels)
    features = features[order]
    counts = np.asarray(xp.bincount(labels, minlength=n_labels).tolist(), dtype=np.int64)
    ends = np.concatenate(([0], np.cumsum(counts)))
    parts = [slice(int(start), int(stop)) for start, stop in pairwise(ends)]
    made = {"silhouette": _silhouette, "davies_bouldin": _davies_bouldin, "calinski_harabasz": _calinski_harabasz}
    return made[metric](features, parts, xp)


def _silhouette(features: Any, parts: list[slice], xp: Any) -> float:
    """Return the mean over rows of how much nearer the own cluster is than the nearest other one."""
    n_rows = len(features)
    features = features - features.mean(axis=0)  # near the origin, distances lose fewer digits
    squares, sizes = (features**2).sum(axis=1), np.asarray([part.stop - part.start for part in parts], dtype=np.float64)
    at_once = max(1, _TILE_BYTES // (8 * n_rows))
    total = 0.0
    for own, part in enumerate(parts):
        if sizes[own] == 1:  # whose silhouette is 0
            continue
        for start in range(part.start, part.stop, at_once):
            rows = slice(start, min(start + at_once, part.stop))
            far = _distances(features, squares, rows, xp)
            means = xp.stack([far[:, other].sum(axis=1) for other in parts]) / xp.asarray(sizes)[:, None]
            within = means[own] * (sizes[own] / (sizes[own] - 1))
            means[own] = xp.inf
            nearest = means.min(axis=0)
            larger = xp.maximum(within, nearest)
            total += float(xp.where(larger > 0, (nearest - within) / xp.where(larger > 0, larger, 1), 0).sum())
    return total / n_rows


def _distances(features: Any, squares: Any, rows: slice, xp: Any) -> Any:
    """Return the distances [n_rows of the slice, n_rows]; a row's own is exactly 0."""
    far = squares[rows, None] + squares[None, :] - 2 * (features[rows] @ features.T)
    far = xp.sqrt(xp.maximum(far, 0))
    own = xp.arange(rows.start, rows.stop)
    far[own - rows.start, own] = 0
    return far


def _centres(features: Any, parts: list[slice], xp: Any) -> Any:
    """Return the mean of each cluster."""
    return xp.stack([features[part].mean(axis=0) for part in parts])


def _davies_bouldin(features: Any, parts: list[slice], xp: Any) -> float:
    """Return the mean over clusters of how wide they and the most alike other one are, over the distance of their centres."""
    centres = _centres(features, parts, xp)
    wide = [float(xp.sqrt(((features[part] - centre) ** 2).sum(axis=1)).mean()) for part, centre in zip(parts, centres, strict=True)]
    width = np.asarray(wide)
    points = np.asarray(centres.tolist())
    apart = np.sqrt(((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2))
    if np.allclose(width, 0) or np.allclose(apart, 0):
        return 0.0
    apart[apart == 0] = np.inf
    return float(((width[:, None] + width[None, :]) / apart).max(axis=1).mean())


def _calinski_harabasz(features: Any, parts: list[slice], xp: Any) -> float:
    """Return how far the clusters are spread over how far their rows are."""
    centres, middle = _centres(features, parts, xp), features.mean(axis=0)
    n_rows, n_labels = len(features), len(parts)
    between = sum((part.stop - part.start) * float(((centre - middle) ** 2).sum()) for part, centre in zip(parts, centres, strict=True))
    within = sum(float(((features[part] - centre) ** 2).sum()) for part, centre in zip(parts, centres, strict=True))
    return 1.0 if within == 0 else between * (n_rows - n_labels) / (within * (n_labels - 1))
