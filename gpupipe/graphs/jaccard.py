"""Jaccard similarity: the share of two neighbourhoods that is common to both."""

from __future__ import annotations

from gpupipe.graphs._similarity import Measure, Pairs, PairValues
from gpupipe.graphs.graph import Graph

_MEASURE = Measure("Jaccard", lambda c, u, v: c / (u + v - c))


def jaccard(
    graph: Graph, pairs: Pairs | None = None, *, top_k: int | None = None, weighted: bool = False, max_pairs: int | None = None
) -> PairValues:
    """Return ``c / (d_u + d_v - c)`` of pairs of vertices, where d is how many neighbours a vertex has and c how many both do; 0 if c is.

    Neighbours are those of the undirected simple view; no vertex is its own.

    Parameters
    ----------
    pairs
        First and second vertices; by default all pairs, smaller vertex first, that have a neighbour in common.
    top_k
        Only so many pairs, those with the largest values, from large to small, equals by their vertices.
    weighted
        Weights of an undirected graph count: over the union: the sum of smaller weights over the sum of larger ones.
    max_pairs
        Refuse to look for pairs where there may be more of them (`Graph.n_wedges`).

    Raises
    ------
    UsageError
        `weighted` with a graph that is directed or has no weights; another option is out of its range.
    StageError
        One of the pairs is no vertex, there may be more than `max_pairs`, or a weight is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=False)
    >>> jaccard(graph, (np.array([2, 0]), np.array([0, 3]))).value.round(3)
    array([0.25, 0.5 ])
    """
    return _MEASURE.between(graph, pairs, top_k, weighted=weighted, max_pairs=max_pairs)
