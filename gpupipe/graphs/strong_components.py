"""Strong components: vertices that paths join in both directions."""

from __future__ import annotations

from typing import Any

from gpupipe.graphs._components import components
from gpupipe.graphs.graph import Graph


def strong_components(graph: Graph) -> Any:
    """Return for each vertex the smallest one of its strongly connected component.

    Raises
    ------
    UnsupportedError
        The arrays are on a device, and cuGraph is not installed.

    Source
    ------
    SciPy's `connected_components`; on a device cuGraph's `strongly_connected_components`.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> strong_components(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 1, 3]), directed=True))
    array([0, 1, 1, 3], dtype=int32)
    """
    return components(graph, "strong")
