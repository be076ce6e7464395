"""Communities by label propagation: each vertex takes the label that is most frequent around it, all at once, again and again."""

from __future__ import annotations

from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.graphs._communities import most_frequent
from gpupipe.graphs._convergence import Iterated
from gpupipe.graphs.graph import Graph


def label_propagation(graph: Graph, iterations: int) -> Iterated:
    """Return labels after a number of synchronous rounds; a vertex's label is that of a vertex, at first its own.

    In a round each vertex takes the most frequent label of its neighbours, the smallest of equals. In a directed graph those its edges go
    to and those they come from count, one that is both counts twice. A vertex without neighbours keeps its label. `residuals` has how many
    labels changed in each round; when none does, no later round can change any, and it ends.

    Raises
    ------
    UsageError
        `iterations` is below 1.

    Source
    ------
    Community detection (CDLP) of LDBC Graphalytics 1.0, after Raghavan, Albert and Kumara (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2, 3, 4, 5, 2]), np.array([1, 2, 0, 4, 5, 3, 3]), directed=False)
    >>> label_propagation(graph, 10).values
    array([0, 0, 0, 2, 2, 2], dtype=int32)
    """
    if iterations < 1:
        raise UsageError(f"iterations={iterations!r}: expected 1 or more.")
    xp, n = graph.xp, graph.n_vertices
    vertices, others = graph.source, graph.destination
    if graph.directed:
        vertices, others = xp.concatenate([vertices, graph.destination]), xp.concatenate([others, graph.source])
    labels = xp.arange(n, dtype=graph.source.dtype)
    changes: list[float] = []
    for _ in range(iterations):
        changed, label = most_frequent(vertices, labels[others], n, n)
        after: Any = labels.copy()
        after[changed] = label
        changes.append(float((after != labels).sum()))
        labels = after
        if not changes[-1]:
            break
    return Iterated(labels, tuple(changes), converged=not changes[-1])
