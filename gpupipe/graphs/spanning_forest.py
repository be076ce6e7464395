"""The spanning forest of least weight: as many edges as can be without a circle, and the lightest that will do."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.graphs import _cugraph
from gpupipe.graphs._arrays import pair_keys
from gpupipe.graphs._libraries import csgraph, sparse
from gpupipe.graphs.graph import Graph, undirected_view


def spanning_forest(graph: Graph, *, maximum: bool = False, view: str | None = None) -> Graph:
    """Return the edges that join what is joined in the graph, without a circle and of the least total weight; all vertices stay.

    Of edges with equal weights the one of the smaller vertices is taken, so that there is one answer. Weights may be negative; without
    weights all are equal.

    Parameters
    ----------
    maximum
        Of the largest total weight instead.
    view
        ``"undirected"`` for the undirected simple view.

    Raises
    ------
    UsageError
        The graph is directed and no view is asked for.
    UnsupportedError
        The arrays are on a device, and cuGraph is not installed.

    Source
    ------
    SciPy's `minimum_spanning_tree`, on a device cuGraph's, on the ranks of edges.

    Examples
    --------
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([1.0, 3.0, 2.0]), directed=False)
    >>> spanning_forest(graph).edges()
    (array([0, 0], dtype=int32), array([1, 2], dtype=int32), array([1., 2.]))
    """
    graph = undirected_view(graph, view, "SpanningForest")
    xp = graph.xp
    upward = xp.flatnonzero(graph.source < graph.destination)
    if not len(upward):
        return _only(graph, upward)
    # Edges are in the order of their vertices, so a stable sort by weight ranks them without equals. None is 0, which would be no edge.
    weight = xp.zeros(len(upward)) if graph.weight is None else graph.weight[upward]
    rank = xp.empty(len(upward))
    rank[xp.argsort(-weight if maximum else weight, kind="stable")] = xp.arange(1.0, len(upward) + 1)
    return _only(graph, upward[_lightest(graph, upward, rank) if xp is np else _cugraph.spanning_edges(graph, upward, rank)])


def _lightest(graph: Graph, upward: Any, rank: Any) -> Any:
    """Return which of the edges at `upward` are in the forest of least rank."""
    ends, shape = (graph.source[upward], graph.destination[upward]), (graph.n_vertices, graph.n_vertices)
    chosen = np.zeros(len(upward) + 1, bool)
    chosen[csgraph().minimum_spanning_tree(sparse(np).csr_matrix((rank, ends), shape=shape)).data.astype(np.int64)] = True
    return chosen[rank.astype(np.int64)]


def _only(graph: Graph, upward: Any) -> Graph:
    """Return the graph of some of its edges, given in one direction."""
    xp, n = graph.xp, graph.n_vertices
    source, destination = graph.source[upward], graph.destination[upward]
    weight = None if graph.weight is None else xp.concatenate([graph.weight[upward]] * 2)
    both = xp.concatenate([source, destination]), xp.concatenate([destination, source])
    order = xp.argsort(pair_keys(*both, n))
    return Graph(n, both[0][order], both[1][order], None if weight is None else weight[order], directed=False)
