"""Weak components: vertices that edges join, whatever their direction."""

from __future__ import annotations

from typing import Any

from gpupipe.graphs._components import components
from gpupipe.graphs.graph import Graph


def weak_components(graph: Graph) -> Any:
    """Return for each vertex the smallest one of its weakly connected component.

    Raises
    ------
    UnsupportedError
        The arrays are on a device, and cuGraph is not installed.

    Source
    ------
    SciPy's `connected_components`; on a device cuGraph's `weakly_connected_components`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> weak_components(from_edges(np.array([3, 2]), np.array([1, 0]), n_vertices=5, directed=True))
    array([0, 1, 0, 1, 4], dtype=int32)
    """
    return components(graph, "weak")
