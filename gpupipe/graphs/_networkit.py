"""Graphs in NetworKit's form, and its threads and seed set for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.graphs._arrays import offsets_of
from gpupipe.graphs._libraries import networkit, sparse
from gpupipe.graphs.graph import Graph


def in_networkit(graph: Graph, step: str) -> Any:
    """Return an undirected graph in NetworKit's form; its weights, where there are any, as they are.

    Raises
    ------
    UnsupportedError
        The arrays are on a device.
    """
    graph.require_host(step)
    # Edges in one direction alone: NetworKit adds the other one, and would keep both as parallel edges. As rows they are there at once,
    # while a list of pairs is put in edge by edge.
    source, destination, weight = graph.edges()
    values = np.ones(len(source)) if weight is None else weight.astype(np.float64, copy=False)
    matrix = sparse(np).csr_matrix((values, destination, offsets_of(source, graph.n_vertices)), shape=(graph.n_vertices,) * 2)
    return networkit().GraphFromCsr(matrix, directed=False, weighted=weight is not None)


@contextmanager
def threads_and_seed(n_threads: int, seed: int) -> Iterator[None]:
    """Set NetworKit's threads, and its seed, which is the same for each; the threads are as before afterwards.

    Raises
    ------
    UsageError
        The number of threads is below 1, or the seed negative.
    """
    if n_threads < 1:
        raise UsageError(f"n_threads={n_threads!r}: expected 1 or more.")
    if seed < 0:
        raise UsageError(f"seed={seed!r}: expected 0 or more.")
    library = networkit()
    before = library.getMaxNumberOfThreads()
    library.setNumberOfThreads(n_threads)
    library.setSeed(seed, False)
    try:
        yield
    finally:
        library.setNumberOfThreads(before)
