"""Core numbers: how far into the dense parts of a graph a vertex lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.graphs._libraries import networkit
from gpupipe.graphs._networkit import in_networkit
from gpupipe.graphs.graph import Graph


def core_number(graph: Graph) -> Any:
    """Return for each vertex the largest k for which it is in the k-core (see `k_core`) of the undirected simple view.

    Raises
    ------
    UnsupportedError
        The arrays are on a device, where cuGraph has it.

    Source
    ------
    NetworKit's `CoreDecomposition`.

    Examples
    --------
    >>> from gpupipe.graphs import from_edges
    >>> core_number(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=False))
    array([2, 2, 2, 1])
    """
    if not graph.simple.n_stored:
        return np.zeros(graph.n_vertices, np.int64)
    found = networkit().centrality.CoreDecomposition(in_networkit(graph.simple, "CoreNumber"))
    found.run()
    return np.asarray(found.scores(asarray=True)).astype(np.int64)
