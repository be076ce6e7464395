"""Core numbers: how far into the dense parts of a graph a vertex lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.graphs import _cugraph
from gpupipe.graphs._arrays import positions_of_ranges
from gpupipe.graphs._libraries import networkit
from gpupipe.graphs._networkit import in_networkit
from gpupipe.graphs.graph import Graph


def core_number(graph: Graph) -> Any:
    """Return for each vertex the largest k for which it is in the k-core (see `k_core`) of the undirected simple view.

    Vertices are peeled off, all of the smallest degree at once, again and again. Where that takes many rounds of few vertices, as on long
    chains, NetworKit does the rest, one vertex after the other.

    Source
    ------
    Batagelj and Zaveršnik, "An O(m) algorithm for cores decomposition of networks" (2003); NetworKit's `CoreDecomposition`; on
    a device cuGraph's `core_number`.

    Examples
    --------
    >>> from gpupipe.graphs import from_edges
    >>> core_number(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=False))
    array([2, 2, 2, 1])
    """
    simple = graph.simple
    if graph.xp is not np and simple.n_stored:
        return _cugraph.core_number(simple)
    # A round costs some array calls, a vertex of NetworKit's little, but an edge of its graph much.
    return within_rounds(simple, 256 + simple.n_stored // 2000)


def within_rounds(simple: Graph, most_rounds: int) -> Any:
    """Return the core numbers of a simple graph; what so many rounds have not reached, NetworKit does."""
    core, left, k = _peeled(simple, most_rounds)
    if len(left):
        # The vertices of higher cores are all among those left, so their cores are the same without the others.
        core[left] = np.maximum(_by_networkit(simple.subgraph(left)), k)
    return core


def _peeled(simple: Graph, most_rounds: int) -> tuple[Any, Any, int]:
    """Return the core numbers, the vertices, in ascending order, that have none yet after so many rounds, and how far it came."""
    xp = simple.xp
    offsets, neighbours, _ = simple.out_rows
    degree = xp.diff(offsets)
    one = degree.dtype.type(1)  # of the degrees' own dtype, of which a subtraction in place is quick
    core = xp.zeros(simple.n_vertices, xp.int64)
    alive = degree > 0
    left, k, n_rounds = xp.flatnonzero(alive), 0, 0
    mark = xp.empty(simple.n_vertices, xp.int64)
    while len(left):
        k = int(degree[left].min())
        peeled = left[degree[left] <= k]
        while len(peeled):
            core[peeled] = k
            alive[peeled] = False
            starts = offsets[peeled]
            met = neighbours[positions_of_ranges(starts, offsets[peeled + 1] - starts)]
            met = met[alive[met]]
            xp.subtract.at(degree, met, one)
            met = met[degree[met] <= k]
            # Each vertex once: the one of its places that is left when all have written theirs.
            places = xp.arange(len(met))
            mark[met] = places
            peeled = met[mark[met] == places]
            n_rounds += 1
            if n_rounds >= most_rounds:
                return core, left[alive[left]], k
        left = left[alive[left]]
    return core, left, k


def _by_networkit(graph: Graph) -> Any:
    """Return the core numbers of a simple graph, found by NetworKit."""
    if not graph.n_stored:
        return np.zeros(graph.n_vertices, np.int64)
    found = networkit().centrality.CoreDecomposition(in_networkit(graph, "CoreNumber"))
    found.run()
    return np.asarray(found.scores(asarray=True)).astype(np.int64)
