"""The clustering coefficient: how many of the edges that there could be between a vertex's neighbours are there."""

from __future__ import annotations

from typing import Any

from gpupipe.graphs._arrays import pair_keys
from gpupipe.graphs._triangles import Upwards, opposite_sums, upwards
from gpupipe.graphs.graph import Graph
from gpupipe.graphs.triangles import triangles


def clustering(graph: Graph) -> Any:
    """Return for each vertex the number of edges from one of its neighbours to another over ``d * (d - 1)``, 0 where d is below 2.

    Neighbours are those of the undirected simple view, and d is their number. In a directed graph an edge counts in its direction; in an
    undirected one it counts as two.

    Source
    ------
    The local clustering coefficient of LDBC Graphalytics 1.0; of undirected graphs, as in NetworkX.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> clustering(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=False))
    array([1.        , 1.        , 0.33333333, 0.        ])
    >>> clustering(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=True))
    array([0.5       , 0.5       , 0.16666667, 0.        ])
    """
    xp = graph.xp
    if graph.directed:
        up = upwards(graph.simple)
        n_edges = opposite_sums(up, _multiplicities(graph, up))
    else:
        n_edges = 2 * triangles(graph)
    degree = xp.diff(graph.simple.out_rows.offsets).astype(xp.float64)
    return n_edges / xp.maximum(degree * (degree - 1), 1)


def _multiplicities(graph: Graph, up: Upwards) -> Any:
    """Return for each edge of the simple view in how many directions it is in the graph: 1 or 2."""
    xp, n = graph.xp, graph.n_vertices
    keys = pair_keys(graph.source, graph.destination, n)
    lower, upper = up.vertices[up.lower], up.vertices[up.upper]
    found = xp.zeros(len(lower), xp.int8)
    for wanted in (pair_keys(lower, upper, n), pair_keys(upper, lower, n)):
        at = xp.searchsorted(keys, wanted)
        found += keys[xp.minimum(at, len(keys) - 1)] == wanted
    return found
