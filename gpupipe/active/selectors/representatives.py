"""Cluster representatives: a typical row of each large cluster that has no label, for the first rounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.active._arrays import on_host
from gpupipe.core.errors import UsageError

NEIGHBOURS = 20
_ROUNDS = 30


def representatives(embeddings: Any, n_rows: int, *, labelled: Any = None, seed: int = 0) -> Any:
    """Return the places of typical rows, as int64: of the largest clusters without a label, the row with the nearest neighbours.

    K-means makes as many clusters as rows are labelled and wanted together. Of each cluster, the largest without a label first, the densest
    row is taken: least mean distance to its 20 nearest in the cluster. Were clusters fewer than wanted, each gives a further row.

    Parameters
    ----------
    embeddings
        [n_rows, n_features].
    labelled
        [n_rows], true where a row has a label.
    seed
        Of k-means++, which draws from the rows in their order: sort them by hash first where that is not to matter.

    Raises
    ------
    UsageError
        The number is below 1.

    Source
    ------
    Hacohen, Dekel and Weinshall (2022), arXiv 2202.02794, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0], [0.1], [0.2], [9.0], [9.1]])
    >>> representatives(rows, 2).tolist()
    [1, 3]
    """
    values = np.asarray(on_host(embeddings), dtype=np.float64)
    known = np.zeros(len(values), bool) if labelled is None else np.asarray(on_host(labelled), bool)
    if n_rows < 1:
        raise UsageError(f"Expected a budget of 1 row or more, got {n_rows}. Nothing is chosen with less.")
    open_rows = int((~known).sum())
    wanted = min(n_rows, open_rows)
    clusters = _clustered(values, min(len(values), int(known.sum()) + wanted), seed)
    sizes = np.bincount(clusters)
    labels = np.bincount(clusters[known], minlength=len(sizes))
    order = np.lexsort([-sizes, labels])  # those with the fewest labels first, of equals the largest
    picked: list[int] = []
    taken = known.copy()
    while len(picked) < wanted:
        for cluster in order:
            inside = np.flatnonzero((clusters == cluster) & ~taken)
            if len(inside) and len(picked) < wanted:
                picked.append(int(inside[_densest(values[inside])]))
                taken[picked[-1]] = True
    return np.array(picked, dtype=np.int64)


def _densest(rows: Any) -> int:
    """Return the place of the row with the least mean distance to its nearest neighbours."""
    k = min(NEIGHBOURS, len(rows) - 1)
    if k < 1:
        return 0
    squares = (rows * rows).sum(axis=1)
    means = np.empty(len(rows))
    for at in range(0, len(rows), 1024):
        part = rows[at : at + 1024]
        distances = np.sqrt(np.maximum(squares[at : at + 1024, None] + squares - 2 * part @ rows.T, 0))
        means[at : at + 1024] = np.partition(distances, k, axis=1)[:, : k + 1].sum(axis=1) / k  # a row's distance to itself is 0
    return int(np.argmin(means))


def _clustered(rows: Any, n_clusters: int, seed: int) -> Any:
    """Return the cluster of each row by Lloyd's rounds from k-means++ seeds."""
    chance = np.random.default_rng(seed)
    squares = (rows * rows).sum(axis=1)
    centers = np.empty((n_clusters, rows.shape[1]))
    nearest = np.full(len(rows), np.inf)
    place = int(np.argmin(((rows - rows.mean(axis=0)) ** 2).sum(axis=1)))
    for number in range(n_clusters):
        centers[number] = rows[place]
        np.minimum(nearest, np.maximum(squares - 2 * rows @ rows[place] + squares[place], 0), out=nearest)
        total = np.cumsum(nearest)
        place = min(int(np.searchsorted(total, chance.random() * total[-1], side="right")), len(rows) - 1)
    assigned = np.zeros(len(rows), np.int64)
    for _ in range(_ROUNDS):
        found = np.argmin((centers * centers).sum(axis=1) - 2 * rows @ centers.T, axis=1)
        if (found == assigned).all():
            break
        assigned = found
        sums = np.zeros_like(centers)
        np.add.at(sums, assigned, rows)
        counts = np.bincount(assigned, minlength=n_clusters)
        centers[counts > 0] = sums[counts > 0] / counts[counts > 0, None]
    return assigned
