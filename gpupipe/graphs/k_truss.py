"""The k-truss: what is left when edges in fewer than k - 2 triangles go, again and again."""

from __future__ import annotations

from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.graphs._arrays import array_module, id_dtype, pair_keys, pairs_of, sums_of_ranges
from gpupipe.graphs._triangles import Upwards, upwards
from gpupipe.graphs.graph import Graph

_HELD = 1 << 23  # triangles that are held; with more of them the edges that are left are gone through anew


def k_truss(graph: Graph, k: int) -> Graph:
    """Return the largest part of the undirected simple view whose edges all are in k - 2 triangles of it; vertices stay, without edges.

    Raises
    ------
    UsageError
        `k` is below 2.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> k_truss(from_edges(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3]), directed=False), 3).edges()[:2]
    (array([0, 0, 1], dtype=int32), array([1, 2, 2], dtype=int32))
    """
    if k < 2:
        raise UsageError(f"k={k!r}: expected 2 or more; a 2-truss has every edge.")
    simple = graph.simple
    return simple if k == 2 else _as_graph(_peeled(upwards(simple), k - 2), simple)


def _peeled(up: Upwards, least: int) -> Upwards:
    """Return the edges that are left when those in fewer triangles than the least have gone."""
    while True:
        support, held = _support(up)
        alive = support >= least
        if bool(alive.all()):
            return up
        if held is not None:
            return up.where(_alive_at_the_end(held, support, least))
        up = up.where(alive)


def _support(up: Upwards) -> tuple[Any, Any | None]:
    """Return in how many triangles each edge is, and the edges of each triangle where they are few enough to be held."""
    xp, n_edges = array_module(up.lower), len(up.lower)
    support = xp.zeros(n_edges, xp.int64)
    held: list[Any] | None = []
    n_held = 0
    dtype = id_dtype(0, n_edges)
    for looked in up.wedges(xp.arange(1, n_edges + 1, dtype=dtype)):  # what is found is an edge's position and one
        met = looked.found > 0
        number = sums_of_ranges(met, looked.counts)
        triple = [xp.repeat(looked.questions, number), looked.positions[met], looked.found[met] - 1]
        for edge in triple[1:]:
            support += xp.bincount(edge, minlength=n_edges)
        support[looked.questions] += number
        n_held += len(triple[0])
        held = None if held is None or n_held > _HELD else [*held, xp.stack([edge.astype(dtype) for edge in triple])]
    return support, (xp.concatenate(held, axis=1) if held else held)


def _alive_at_the_end(triples: Any, support: Any, least: int) -> Any:
    """Return which edges are left, from the edges of each triangle."""
    xp = array_module(support)
    alive = support >= least
    while True:
        broken = ~alive[triples].all(axis=0)
        if not bool(broken.any()):
            return alive
        support = support - xp.bincount(triples[:, broken].reshape(-1), minlength=len(support))
        triples = triples[:, ~broken]
        alive = support >= least


def _as_graph(up: Upwards, simple: Graph) -> Graph:
    """Return the edges that are left as a graph of the same vertices."""
    xp, n = simple.xp, simple.n_vertices
    source, destination = up.vertices[up.lower], up.vertices[up.upper]
    keys = xp.concatenate([pair_keys(source, destination, n), pair_keys(destination, source, n)])
    keys.sort()
    return Graph(n, *pairs_of(keys, n, simple.source.dtype), directed=False)
