"""What both kinds of components share."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.graphs import _cugraph
from gpupipe.graphs._arrays import smallest_of
from gpupipe.graphs._libraries import csgraph
from gpupipe.graphs.graph import Graph


def components(graph: Graph, connection: str) -> Any:
    """Return for each vertex the smallest one of its component."""
    if not graph.n_stored:
        return graph.xp.arange(graph.n_vertices, dtype=graph.source.dtype)
    if graph.xp is not np:
        return _cugraph.components(graph, connection)
    # Stored both ways, an undirected graph's strong components are its components, and they need no second matrix.
    kind = connection if graph.directed else "strong"
    n_labels, labels = csgraph().connected_components(graph.push, directed=True, connection=kind)
    return smallest_of(labels, n_labels).astype(graph.source.dtype)
