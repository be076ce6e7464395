"""Betweenness: on how many shortest paths a vertex lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.graphs import _cugraph
from gpupipe.graphs._arrays import require_ids
from gpupipe.graphs._brandes import dependencies
from gpupipe.graphs._chance import hashed_vertices
from gpupipe.graphs.graph import Graph


def betweenness(
    graph: Graph, k: int | None = None, *, normalized: bool = True, endpoints: bool = False, seed: int = 0, sources: Any | None = None
) -> Any:
    """Return for each vertex the sum, over pairs of others, of the share of shortest paths between them that lead through it.

    Paths are counted in edges, along their direction.

    Parameters
    ----------
    k
        Count the paths from so many vertices alone, chosen by a hash of their ids, and bring the sums to the size of all. A chosen vertex
        is no end of its own, so its sum is brought there from one source less; with ``k=1`` it is NaN.
    normalized
        Divide by the number of pairs; otherwise an undirected pair counts once.
    endpoints
        A path's ends lie on it.
    sources
        The vertices to count from, instead of `k`.

    Raises
    ------
    UsageError
        `k` is below 1 or above the number of vertices, or sources are given as well.
    StageError
        A source is no vertex.

    Source
    ------
    Brandes, "A faster algorithm for betweenness centrality" (2001); sampled as in NetworkX from 3.5 on. On a device
    cuGraph's `betweenness_centrality`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2]), np.array([1, 2, 3]), directed=False)
    >>> betweenness(graph).round(3)
    array([0.   , 0.667, 0.667, 0.   ])
    >>> betweenness(graph, normalized=False)
    array([0., 2., 2., 0.])
    """
    xp, n = graph.xp, graph.n_vertices
    if k is not None and (sources is not None or not 1 <= k <= n):
        raise UsageError(f"k={k!r}: expected 1 to {n}, the number of vertices, and no sources= beside it.")
    if k is not None:
        sources = hashed_vertices(xp, n, k, seed)
    elif sources is not None:
        require_ids(sources, n, "Betweenness, sources")
    n_others = n if endpoints else n - 1
    if n_others < 2:
        return xp.zeros(n)
    n_sources = n if sources is None else len(sources)
    # What it divides by is other where one source, or all vertices but one, are counted from.
    if xp is not np and graph.n_stored and (sources is None or endpoints or 1 < n_sources < n_others):
        return _cugraph.betweenness(graph, sources, normalized=normalized, endpoints=endpoints)
    total = dependencies(graph, xp.arange(n) if sources is None else sources, endpoints=endpoints)
    if sources is None:
        return total * _scale(n_others, n_others, graph, normalized=normalized)
    found = total * _scale(len(sources), n_others, graph, normalized=normalized)
    if not endpoints:
        found[sources] = total[sources] * _scale(len(sources) - 1, n_others, graph, normalized=normalized)
    return found


def _scale(n_sources: int, n_others: int, graph: Graph, *, normalized: bool) -> float:
    """Return what sums from so many sources are multiplied by."""
    if n_sources == 0:
        return float("nan")
    if normalized:
        return 1 / (n_sources * (n_others - 1))
    return n_others / (n_sources * (1 if graph.directed else 2))
