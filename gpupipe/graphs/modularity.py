"""Modularity: how much more weight lies inside communities than chance would put there."""

from __future__ import annotations

from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.graphs._communities import partition_modularity, renumbered, require_resolution
from gpupipe.graphs.graph import Graph, undirected_view


def modularity(graph: Graph, community: Any, resolution: float = 1.0, *, view: str | None = None) -> float:
    """Return ``sum(W_c / m - resolution * (K_c / 2m)**2)`` over communities c.

    m is the weight of all edges, W_c that of edges inside c, K_c the total weighted degree of its vertices. A loop counts once in W_c and
    m, twice in K_c. Without any weight it is 0.

    Parameters
    ----------
    community
        Of each vertex, any whole number.
    view
        ``"undirected"`` for the undirected simple view.

    Raises
    ------
    UsageError
        The graph is directed and no view is asked for; there are not as many communities as vertices; `resolution` is not above 0.
    StageError
        A weight is negative.

    Source
    ------
    Newman and Girvan (2004); Reichardt and Bornholdt (2006) for the resolution. NetworkX, igraph and NetworKit have the same.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 2]), np.array([1, 3]), directed=False)
    >>> modularity(graph, np.array([5, 5, 6, 6]))
    0.5
    """
    graph = undirected_view(graph, view, "Modularity")
    graph.require_no_negative("Modularity")
    require_resolution(resolution)
    if community.shape != (graph.n_vertices,):
        raise UsageError(
            f"Modularity expected a community for each of {graph.n_vertices} vertices, got an array of shape {community.shape}."
        )
    return partition_modularity(graph, renumbered(community), resolution)
