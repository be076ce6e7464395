"""How much memory a graph and a measure of it need, before there is one: for plans that are held to a budget."""

from __future__ import annotations

from typing import NamedTuple

from gpupipe.core.errors import UsageError, listing, nearest
from gpupipe.graphs._arrays import LARGEST_INT32


class Need(NamedTuple):
    """What a measure needs beside the graph, at its highest.

    Parameters
    ----------
    undirected, directed
        Bytes for each stored edge of such a graph.
    vertex
        Bytes for each vertex.
    fixed
        Bytes whatever the graph: blocks that it goes through at a time.
    """

    undirected: int
    directed: int
    vertex: int = 48
    fixed: int = 0


_PAIRS = Need(10, 60, 128, 16 << 20)
# As measured with int32 ids; what NetworKit holds, 27 bytes an edge, is in the numbers of core numbers and communities.
_NEEDS = {
    "degrees": Need(8, 8),
    "pagerank": Need(8, 13),
    "katz": Need(8, 13),
    "eigenvector": Need(8, 13),
    "hits": Need(8, 28),
    "bfs": Need(13, 13),
    "shortest_paths": Need(41, 41),
    "weak_components": Need(8, 16, 24),
    "strong_components": Need(8, 8, 24),
    "triangles": Need(31, 82, 128, 10 << 20),
    "clustering": Need(31, 90, 128, 10 << 20),
    "core_number": Need(25, 70),
    "k_core": Need(25, 70),
    "k_truss": Need(35, 90, 512, 192 << 20),
    "jaccard": _PAIRS,
    "overlap": _PAIRS,
    "sorensen": _PAIRS,
    "cosine": _PAIRS,
    "link_features": _PAIRS,
    "louvain": Need(45, 110),
    "leiden": Need(60, 140),
    "label_propagation": Need(49, 88, 24),
    "betweenness": Need(8, 16, 64 * 62),
    "random_walks": Need(50, 50),
    "spanning_forest": Need(31, 72),
}
_BUILD = {(False, False): 29, (False, True): 45, (True, False): 32, (True, True): 56}  # by directed, weighted: for each stored edge


def needed_bytes(n_vertices: int, n_edges: int, *, directed: bool, weighted: bool, steps: tuple[str, ...] = ()) -> int:
    """Return the most memory that is held at a time on the host to make a graph of edges and go through some measures of it.

    The edge table itself, pairs, walks and projections that are asked for are not in it. With more than 2**31 - 1 vertices or stored edges
    ids are twice as wide.

    Parameters
    ----------
    n_edges
        The edges, parallel ones included.
    steps
        Measures by the names of their functions; one after the other.

    Raises
    ------
    UsageError
        There is no such measure.

    Examples
    --------
    >>> needed_bytes(1_000_000, 100_000_000, directed=False, weighted=True) / 1e9
    9.0
    >>> needed_bytes(1_000_000, 100_000_000, directed=False, weighted=True, steps=("pagerank", "louvain")) / 1e9
    12.252
    """
    stored = n_edges if directed else 2 * n_edges
    wide = 2 if max(n_vertices, stored) > LARGEST_INT32 else 1
    held = stored * (8 * wide + 8 * weighted) + n_vertices * 4 * wide
    most = stored * _BUILD[directed, weighted] * wide
    for step in steps:
        if step not in _NEEDS:
            raise UsageError(f"There is no measure {step!r}.{nearest(step, _NEEDS)} The measures are {listing(_NEEDS, limit=30)}.")
        need = _NEEDS[step]
        most = max(most, held + (stored * (need.directed if directed else need.undirected) + n_vertices * need.vertex) * wide + need.fixed)
    return most
