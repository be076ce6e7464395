"""Breadth-first search: how many edges away each vertex is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.graphs import _cugraph
from gpupipe.graphs._arrays import array_module, positions_of_ranges, require_ids
from gpupipe.graphs.graph import Graph

NONE = -1  # no predecessor, and no distance in edges


@dataclass(frozen=True, eq=False)
class Distances:
    """How far vertices are, and from where they are reached.

    Parameters
    ----------
    distance
        In edges int32, -1 where a vertex is not reached; in weights float64, infinite there.
    predecessor
        The vertex before on a shortest path, -1 for a source and where a vertex is not reached; None where it was not asked for.
    """

    distance: Any
    predecessor: Any | None


def bfs(graph: Graph, sources: Any, max_depth: int | None = None, *, predecessors: bool = False) -> Distances:
    """Return how many edges, along their direction, each vertex is from the nearest of some sources.

    The predecessor of a vertex is the smallest one that is one edge nearer and has an edge to it.

    Parameters
    ----------
    sources
        Ids of vertices, one or more.
    max_depth
        Vertices further than so many edges are not reached.
    predecessors
        Whether to tell them.

    Raises
    ------
    UsageError
        There is no source, or `max_depth` is negative.
    StageError
        A source is no vertex.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 0, 1, 2]), np.array([2, 1, 3, 3]), n_vertices=5, directed=True)
    >>> found = bfs(graph, np.array([0]), predecessors=True)
    >>> found.distance, found.predecessor
    (array([ 0,  1,  1,  2, -1], dtype=int32), array([-1,  0,  0,  1, -1], dtype=int32))
    """
    require_ids(sources, graph.n_vertices, "BFS, sources")
    if not len(sources):
        raise UsageError("BFS expected one source or more, got none.")
    if max_depth is not None and max_depth < 0:
        raise UsageError(f"max_depth={max_depth!r}: expected 0 or more.")
    if graph.xp is not np and len(sources) == 1 and max_depth != 0 and graph.n_stored:
        distance = _cugraph.hops(graph, int(sources[0]), max_depth)
    else:
        distance = _by_levels(graph, sources, max_depth)
    return Distances(distance, _predecessors(graph, distance) if predecessors else None)


def _by_levels(graph: Graph, sources: Any, max_depth: int | None) -> Any:
    """Return how many edges each vertex is from the nearest source."""
    xp = graph.xp
    offsets, neighbours, _ = graph.out_rows
    distance = xp.full(graph.n_vertices, NONE, xp.int32)
    mark = xp.empty(graph.n_vertices, xp.int64)
    frontier = xp.unique(sources)
    distance[frontier] = depth = 0
    while len(frontier) and depth != max_depth:
        depth += 1
        starts = offsets[frontier]
        met = neighbours[positions_of_ranges(starts, offsets[frontier + 1] - starts)]
        met = met[distance[met] == NONE]
        distance[met] = depth
        # Each new vertex once: the one of its places that is left when all have written theirs.
        places = xp.arange(len(met))
        mark[met] = places
        frontier = met[mark[met] == places]
    return distance


def _predecessors(graph: Graph, distance: Any) -> Any:
    before = distance[graph.source]
    on_a_path = (before != NONE) & (distance[graph.destination] == before + 1)
    return smallest_sources(graph, on_a_path)


def smallest_sources(graph: Graph, chosen: Any) -> Any:
    """Return for each vertex the smallest source of its chosen edges, -1 where there is none."""
    xp = array_module(chosen)
    found = xp.full(graph.n_vertices, graph.n_vertices, graph.source.dtype)
    xp.minimum.at(found, graph.destination[chosen], graph.source[chosen])
    found[found == graph.n_vertices] = NONE
    return found
