"""Triangles: three vertices that are all joined."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.graphs import _cugraph
from gpupipe.graphs._triangles import corner_sums, upwards
from gpupipe.graphs.graph import Graph


def triangles(graph: Graph) -> Any:
    """Return for each vertex how many triangles it is a corner of, in the undirected simple view; a third of their sum is the total.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> triangles(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=True))
    array([1, 1, 1, 0])
    """
    simple = graph.simple
    return corner_sums(upwards(simple)) if graph.xp is np or not simple.n_stored else _cugraph.triangles(simple)


def transitivity(graph: Graph) -> float:
    """Return which share of paths of two edges, in the undirected simple view, are closed to triangles; 0 where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> transitivity(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=False))
    0.6
    """
    n_paths = graph.n_wedges
    return float(triangles(graph).sum()) / n_paths if n_paths else 0.0
