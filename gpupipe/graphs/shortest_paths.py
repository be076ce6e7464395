"""Shortest paths by weight, from one vertex to all."""

from __future__ import annotations

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.graphs import _cugraph
from gpupipe.graphs._arrays import require_ids
from gpupipe.graphs._libraries import csgraph
from gpupipe.graphs.bfs import NONE, Distances, smallest_sources
from gpupipe.graphs.graph import Graph


def shortest_paths(graph: Graph, source: int, cutoff: float | None = None, *, predecessors: bool = False) -> Distances:
    """Return the least total weight of a path from a vertex to each other one, along the edges' direction; without weights each counts 1.

    The predecessor of a vertex is the smallest one whose distance and the weight of its edge make up the vertex's own. Where only edges of
    weight 0 do, it is one of those on the way from the source.

    Parameters
    ----------
    source
        A vertex.
    cutoff
        Vertices further away are not reached.
    predecessors
        Whether to tell them.

    Raises
    ------
    UsageError
        `cutoff` is negative or NaN.
    StageError
        The source is no vertex; a weight is negative.
    UnsupportedError
        The arrays are on a device, and cuGraph is not installed.

    Source
    ------
    SciPy's Dijkstra; on a device cuGraph's `sssp`.

    Examples
    --------
    >>> from gpupipe.graphs import from_edges
    >>> weight = np.array([1.0, 4.0, 2.0])
    >>> graph = from_edges(np.array([0, 0, 1]), np.array([1, 2, 2]), weight, n_vertices=4, directed=True)
    >>> found = shortest_paths(graph, 0, predecessors=True)
    >>> found.distance, found.predecessor
    (array([ 0.,  1.,  3., inf]), array([-1,  0,  1, -1], dtype=int32))
    """
    require_ids(graph.xp.asarray([source]), graph.n_vertices, "ShortestPaths, source")
    if cutoff is not None and not cutoff >= 0:
        raise UsageError(f"cutoff={cutoff!r}: expected a distance of 0 or more.")
    graph.require_no_negative("ShortestPaths")
    xp = graph.xp
    if xp is not np:
        distance, tree = _cugraph.distances(graph, int(source), cutoff)
    else:
        limit = np.inf if cutoff is None else cutoff
        found = csgraph().dijkstra(graph.push, indices=int(source), limit=limit, return_predecessors=predecessors)
        distance, tree = found if predecessors else (found, None)
    if not predecessors:
        return Distances(distance, None)
    before = distance[graph.source]
    # Infinite is no distance, and an edge of weight 0 could lead back and forth: the tree of the search says which way.
    weight = xp.ones(graph.n_stored) if graph.weight is None else graph.weight
    on_a_path = xp.isfinite(before) & (before + weight == distance[graph.destination]) & (weight > 0)
    predecessor = smallest_sources(graph, on_a_path)
    by_tree = (predecessor == NONE) & (tree >= 0)
    predecessor[by_tree] = tree[by_tree]
    predecessor[source] = NONE
    return Distances(distance, predecessor)
