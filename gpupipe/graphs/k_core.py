"""The k-core: what is left when vertices with fewer than k neighbours go, again and again."""

from __future__ import annotations

from gpupipe.core.errors import UsageError
from gpupipe.graphs.core_number import core_number
from gpupipe.graphs.graph import Graph


def k_core(graph: Graph, k: int) -> Graph:
    """Return the largest part of the undirected simple view whose vertices all have k neighbours in it; the others stay, without edges.

    Raises
    ------
    UsageError
        `k` is negative.
    UnsupportedError
        The arrays are on a device, and cuGraph is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> k_core(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=False), 2).edges()[:2]
    (array([0, 0, 1], dtype=int32), array([1, 2, 2], dtype=int32))
    """
    if k < 0:
        raise UsageError(f"k={k!r}: expected 0 or more.")
    simple = graph.simple
    inside = core_number(graph) >= k
    kept = inside[simple.source] & inside[simple.destination]
    return Graph(graph.n_vertices, simple.source[kept], simple.destination[kept], directed=False)
