"""Features of pairs of vertices that tell whether there should be an edge: what they have in common, more or less weighed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpupipe.core.errors import StageError, UsageError
from gpupipe.graphs._arrays import require_ids
from gpupipe.graphs._lookups import common_sums
from gpupipe.graphs.graph import Graph


@dataclass(frozen=True, eq=False)
class LinkFeatures:
    """Features of each pair u, v; N is the neighbours of a vertex and d their number, in the undirected simple view.

    Parameters
    ----------
    common
        How many are in both N(u) and N(v).
    jaccard
        Their share of those in either, 0 where there are none.
    adamic_adar
        The sum of ``1 / log(d)`` over them.
    resource_allocation
        The sum of ``1 / d`` over them.
    preferential
        ``d_u * d_v``.
    """

    common: Any
    jaccard: Any
    adamic_adar: Any
    resource_allocation: Any
    preferential: Any


def link_features(graph: Graph, first: Any, second: Any) -> LinkFeatures:
    """Return the features of pairs of two vertices.

    Raises
    ------
    UsageError
        There are not as many first as second vertices.
    StageError
        One of them is no vertex, or a pair is of one vertex with itself.

    Source
    ------
    Liben-Nowell and Kleinberg, "The link-prediction problem for social networks" (2007); Zhou, Lü and Zhang (2009) for resource allocation.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=False)
    >>> found = link_features(graph, np.array([0, 0]), np.array([1, 3]))
    >>> found.common, found.adamic_adar.round(3), found.preferential
    (array([1, 1]), array([0.91, 0.91]), array([4, 2]))
    """
    for ids in (first, second):
        require_ids(ids, graph.n_vertices, "LinkFeatures, pairs")
    if len(first) != len(second):
        raise UsageError(f"LinkFeatures, pairs: expected as many first as second vertices, got {len(first)} and {len(second)}.")
    n_same = int((first == second).sum())
    if n_same:
        raise StageError(f"LinkFeatures expected pairs of two vertices; {n_same} of {len(first)} are of one with itself. Filter them.")
    xp, simple = graph.xp, graph.simple
    degrees = xp.diff(simple.out_rows.offsets).astype(xp.int64)
    # A common neighbour has two neighbours at least; of others nothing is added up.
    several = xp.maximum(degrees, 2).astype(xp.float64)
    by_logarithm, by_number = 1 / xp.log(several), 1 / several
    common, adamic_adar, resource_allocation = common_sums(
        simple.out_rows,
        first,
        second,
        xp.ones(simple.n_stored, bool),
        [
            lambda looked: looked.found,
            lambda looked: looked.found * by_logarithm[looked.ends],
            lambda looked: looked.found * by_number[looked.ends],
        ],
    )
    of_first, of_second = degrees[first], degrees[second]
    jaccard = common / xp.maximum(of_first + of_second - common, 1)
    return LinkFeatures(common.astype(xp.int64), jaccard, adamic_adar, resource_allocation, of_first * of_second)
