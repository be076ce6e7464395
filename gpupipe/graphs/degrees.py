"""Degrees: how many edges a vertex has, and their weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpupipe.graphs._arrays import sums_of
from gpupipe.graphs.graph import Graph


@dataclass(frozen=True, eq=False)
class Degrees:
    """Edges of each vertex: into it, out of it, and both, and their weights where there are any; of an undirected graph all three are one.

    Parameters
    ----------
    in_degree, out_degree, degree
        int64.
    weighted_in_degree, weighted_out_degree, weighted_degree
        float64, or None without weights.
    """

    in_degree: Any
    out_degree: Any
    degree: Any
    weighted_in_degree: Any | None
    weighted_out_degree: Any | None
    weighted_degree: Any | None


def degrees(graph: Graph) -> Degrees:
    """Return the degrees of each vertex. A loop goes out and in: in an undirected graph it counts twice.

    Raises
    ------
    StageError
        A weight is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> found = degrees(from_edges(np.array([0, 0]), np.array([1, 0]), directed=True))
    >>> found.in_degree, found.out_degree, found.degree
    (array([1, 1]), array([2, 0]), array([3, 1]))
    >>> degrees(from_edges(np.array([0, 0]), np.array([1, 0]), directed=False)).degree
    array([3, 1])
    """
    graph.require_no_negative("Degrees")
    xp, n, weight = graph.xp, graph.n_vertices, graph.weight
    ends = graph.source, graph.destination
    if not graph.directed:
        # Both directions are stored, so out is all there is; a loop is stored once and counts twice.
        at_loops = graph.source[graph.source == graph.destination]
        count = xp.bincount(graph.source, minlength=n) + xp.bincount(at_loops, minlength=n)
        if weight is None:
            return Degrees(count, count, count, None, None, None)
        loops = weight[graph.source == graph.destination]
        total = sums_of(graph.source, weight, n) + sums_of(at_loops, loops, n)
        return Degrees(count, count, count, total, total, total)
    out_degree, in_degree = (xp.bincount(end, minlength=n) for end in ends)
    if weight is None:
        return Degrees(in_degree, out_degree, in_degree + out_degree, None, None, None)
    weight_out, weight_in = (sums_of(end, weight, n) for end in ends)
    return Degrees(in_degree, out_degree, in_degree + out_degree, weight_in, weight_out, weight_in + weight_out)
