"""Sorensen similarity: twice what two neighbourhoods have in common, over their sizes together."""

from __future__ import annotations

from gpupipe.graphs._similarity import Measure, Pairs, PairValues
from gpupipe.graphs.graph import Graph

_MEASURE = Measure("Sorensen", lambda c, u, v: 2 * c / (u + v))


def sorensen(
    graph: Graph, pairs: Pairs | None = None, *, top_k: int | None = None, weighted: bool = False, max_pairs: int | None = None
) -> PairValues:
    """Return ``2 * c / (d_u + d_v)`` of pairs of vertices, where d is how many neighbours a vertex has and c how many both do; 0 if c is.

    Neighbours are those of the undirected simple view; no vertex is its own.

    Parameters
    ----------
    pairs
        First and second vertices; by default all pairs, smaller vertex first, that have a neighbour in common.
    top_k
        Only so many pairs, those with the largest values, from large to small, equals by their vertices.
    weighted
        Weights of an undirected graph count: twice the sum of smaller weights over both total weights.
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
    >>> sorensen(graph, (np.array([2, 0]), np.array([0, 3]))).value.round(3)
    array([0.4  , 0.667])
    """
    return _MEASURE.between(graph, pairs, top_k, weighted=weighted, max_pairs=max_pairs)
