"""Labels spread over a graph: what is near a label is likely to have it."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError


def spread_labels(
    edges: tuple[Any, Any, Any], labels: Any, n_classes: int, *, iterations: int = 1000, tol: float = 1e-6
) -> tuple[Any, int]:
    """Return how likely each vertex has each class, [n_vertices, n_classes], and after how many rounds nothing changed.

    In a round each vertex takes the mean of its neighbours' shares, weighed by the edges, and those with a label have it again. A vertex
    that no label reaches has no share of any class.

    Parameters
    ----------
    edges
        Sources, destinations and weights, [n_edges] each, of an undirected graph in both directions; weights from 0 on.
    labels
        [n_vertices] numbers of classes, -1 where there is none.

    Raises
    ------
    UsageError
        No vertex has a label, or a weight is below 0.

    Source
    ------
    Zhu and Ghahramani (2002), "Learning from labeled and unlabeled data with label propagation", CMU-CALD-02-107.

    Examples
    --------
    >>> import numpy as np
    >>> edges = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1]), np.array([1.0, 1.0, 3.0, 3.0])
    >>> shares, _ = spread_labels(edges, np.array([0, -1, 1]), 2)
    >>> shares.tolist()
    [[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]]
    """
    source, destination, weights = edges
    xp = array_module(labels)
    known = labels >= 0
    if not bool(known.any()) or not bool((weights >= 0).all()):
        raise UsageError("spread_labels expects one label or more and weights from 0 on, got none or a weight below. Label some vertices.")
    n = len(labels)
    clamped = xp.zeros((n, n_classes))
    clamped[known, labels[known]] = 1
    totals = xp.bincount(source, weights=weights, minlength=n)
    shares = clamped.copy()
    number = 0
    while number < iterations:
        number += 1
        taken = [xp.bincount(source, weights=weights * shares[destination, each], minlength=n) for each in range(n_classes)]
        made = xp.stack(taken, axis=1) / xp.maximum(totals, 1e-300)[:, None]
        made /= xp.maximum(made.sum(axis=1, keepdims=True), 1e-300)
        made[known] = clamped[known]
        change = float(xp.abs(made - shares).sum())
        shares = made
        if change < tol:
            break
    return shares, number
