"""Communities by Louvain's method: vertices move to where modularity gains most, then communities are the vertices of a smaller graph."""

from __future__ import annotations

import numpy as np

from gpupipe.graphs import _cugraph
from gpupipe.graphs._communities import Communities, partition_modularity, renumbered, require_resolution
from gpupipe.graphs._libraries import networkit
from gpupipe.graphs._networkit import in_networkit, threads_and_seed
from gpupipe.graphs.graph import Graph, undirected_view


def louvain(graph: Graph, resolution: float = 1.0, *, seed: int = 0, view: str | None = None, n_threads: int = 1) -> Communities:
    """Return communities of high modularity.

    Parameters
    ----------
    resolution
        More of it makes smaller communities (see `modularity`).
    seed
        That of NetworKit's generator. On one thread vertices are taken in their order, so that a graph has one answer, whatever the seed;
        on several threads answers may differ from run to run.
    view
        ``"undirected"`` for the undirected simple view.
    n_threads
        As many are used.

    Raises
    ------
    UsageError
        The graph is directed and no view is asked for; an option is out of its range.
    StageError
        A weight is negative.
    UnsupportedError
        The arrays are on a device, and cuGraph is not installed.

    Source
    ------
    Blondel and others (2008); Staudt and Meyerhenke (2016) for the refinement: NetworKit's `PLM`. On a device cuGraph's `louvain`, which
    has no seed. The modularity is computed here.

    Examples
    --------
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2, 3, 4, 5, 2]), np.array([1, 2, 0, 4, 5, 3, 3]), directed=False)
    >>> found = louvain(graph)
    >>> found.community, round(found.modularity, 3)
    (array([0, 0, 0, 1, 1, 1]), 0.357)
    """
    graph = undirected_view(graph, view, "Louvain")
    graph.require_no_negative("Louvain")
    require_resolution(resolution)
    if not float(graph.out_weight.sum()):
        return Communities(graph.xp.arange(graph.n_vertices), 0.0)
    if graph.xp is not np:
        labels = _cugraph.louvain(graph, resolution)
    else:
        with threads_and_seed(n_threads, seed):
            found = networkit().community.PLM(in_networkit(graph, "Louvain"), refine=True, gamma=resolution)
            found.run()
            labels = np.asarray(found.getPartition().getVector())
    community = renumbered(labels)
    return Communities(community, partition_modularity(graph, community, resolution))
