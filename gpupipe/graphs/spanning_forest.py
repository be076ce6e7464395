"""The spanning forest of least weight: as many edges as can be without a circle, and the lightest that will do."""

from __future__ import annotations

import numpy as np

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
        The arrays are on a device, where cuGraph has it.

    Source
    ------
    SciPy's `minimum_spanning_tree`, on the ranks of edges.

    Examples
    --------
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([1.0, 3.0, 2.0]), directed=False)
    >>> spanning_forest(graph).edges()
    (array([0, 0], dtype=int32), array([1, 2], dtype=int32), array([1., 2.]))
    """
    graph = undirected_view(graph, view, "SpanningForest")
    graph.require_host("SpanningForest")
    upward = np.flatnonzero(graph.source < graph.destination)
    # Edges are in the order of their vertices, so a stable sort by weight ranks them without equals. None is 0, which would be no edge.
    weight = np.zeros(len(upward)) if graph.weight is None else graph.weight[upward]
    rank = np.empty(len(upward))
    rank[np.argsort(-weight if maximum else weight, kind="stable")] = np.arange(1.0, len(upward) + 1)
    shape = (graph.n_vertices, graph.n_vertices)
    matrix = sparse(np).csr_matrix((rank, (graph.source[upward], graph.destination[upward])), shape=shape)
    chosen = np.zeros(len(upward) + 1, bool)
    if graph.n_vertices:
        chosen[csgraph().minimum_spanning_tree(matrix).data.astype(np.int64)] = True
    of_rank = chosen[rank.astype(np.int64)]
    return _only(graph, upward[of_rank])


def _only(graph: Graph, upward: np.ndarray) -> Graph:
    """Return the graph of some of its edges, given in one direction."""
    source, destination = graph.source[upward], graph.destination[upward]
    weight = None if graph.weight is None else np.concatenate([graph.weight[upward]] * 2)
    both = np.concatenate([source, destination]), np.concatenate([destination, source])
    order = np.lexsort(both[::-1])
    return Graph(graph.n_vertices, both[0][order], both[1][order], None if weight is None else weight[order], directed=False)
