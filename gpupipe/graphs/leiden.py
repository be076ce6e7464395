"""Communities by Leiden's method: Louvain's with a refinement, so that every community is connected."""

from __future__ import annotations

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.graphs import _cugraph
from gpupipe.graphs._communities import Communities, partition_modularity, renumbered, require_resolution, split_into_connected
from gpupipe.graphs._libraries import networkit
from gpupipe.graphs._networkit import in_networkit, threads_and_seed
from gpupipe.graphs.graph import Graph, undirected_view


def leiden(
    graph: Graph, resolution: float = 1.0, *, seed: int = 0, iterations: int = 10, view: str | None = None, n_threads: int = 1
) -> Communities:
    """Return connected communities of high modularity.

    Parameters
    ----------
    resolution
        More of it makes smaller communities (see `modularity`).
    seed
        On one thread it decides every choice; on several, results may differ from run to run.
    iterations
        At most so many rounds, each from the communities of the one before.
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
    Traag, Waltman and van Eck (2019): NetworKit's `ParallelLeiden`; on a device cuGraph's `leiden`. The modularity is computed here.

    Examples
    --------
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2, 3, 4, 5, 2]), np.array([1, 2, 0, 4, 5, 3, 3]), directed=False)
    >>> leiden(graph).community
    array([0, 0, 0, 1, 1, 1])
    """
    graph = undirected_view(graph, view, "Leiden")
    graph.require_no_negative("Leiden")
    require_resolution(resolution)
    if iterations < 1:
        raise UsageError(f"iterations={iterations!r}: expected 1 or more.")
    if not float(graph.out_weight.sum()):
        return Communities(graph.xp.arange(graph.n_vertices), 0.0)
    if graph.xp is not np:
        labels = _cugraph.leiden(graph, resolution, seed)
    else:
        with threads_and_seed(n_threads, seed):
            found = networkit().community.ParallelLeiden(in_networkit(graph, "Leiden"), iterations=iterations, gamma=resolution)
            found.run()
            labels = np.asarray(found.getPartition().getVector())
    # What falls apart only loses by being one community; several threads at once have been seen to leave some.
    community = renumbered(split_into_connected(graph, labels))
    return Communities(community, partition_modularity(graph, community, resolution))
