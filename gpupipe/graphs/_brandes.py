"""Brandes' algorithm for a block of sources at once.

What is known of vertex v from source s stands at place ``v * k + s`` of flat arrays. A level of the search is one product: of the matrix of
edges with a dense block, which costs every edge but little for each, or, where few edges go out of the level, with a sparse one that has
the level alone. Going back, the same products bring together what lies behind each vertex.
"""

from __future__ import annotations

from typing import Any

from gpupipe.graphs._libraries import sparse
from gpupipe.graphs.graph import Graph

_BLOCK_BYTES = 1 << 28  # of one array
_FEW, _MANY, _DEEP = 64, 512, 32  # sources of a block, and of one in a graph of so many levels that each has little to do
_SPARSE_COST = 16  # how many dense multiplications one of a sparse product takes


def dependencies(graph: Graph, sources: Any, *, endpoints: bool) -> Any:
    """Return for each vertex the sum, over sources other than itself, of the shares of shortest paths that lead through it."""
    xp, n = graph.xp, graph.n_vertices
    most = max(1, _BLOCK_BYTES // (8 * max(n, 1)))
    total = xp.zeros(n)
    at, size = 0, min(most, _FEW)
    while at < len(sources):
        block = _Block(graph, sources[at : at + size])
        total += block.run(endpoints=endpoints)
        at += size
        size = min(most, _MANY if block.n_levels > _DEEP else _FEW)
    return total


class _Block:
    """Some sources, and what is known from each."""

    def __init__(self, graph: Graph, sources: Any) -> None:
        xp = graph.xp
        self.graph, self.xp, self.k = graph.unweighted, xp, len(sources)
        n_places = graph.n_vertices * self.k
        self.degrees = xp.diff(graph.out_rows.offsets), xp.diff(graph.in_rows.offsets)
        self.starts = sources.astype(xp.int64) * self.k + xp.arange(self.k)
        self.distance = xp.full(n_places, -1, xp.int32)
        self.paths = xp.zeros(n_places)  # how many shortest ones there are from the source
        self.distance[self.starts] = 0
        self.paths[self.starts] = 1.0
        self.n_levels = 0

    def run(self, *, endpoints: bool) -> Any:
        """Return the sum over the sources."""
        xp, k = self.xp, self.k
        levels = self._levels()
        self.n_levels = len(levels)
        behind = xp.zeros(len(self.paths))  # the dependencies
        for number in range(len(levels) - 1, 0, -1):
            level = levels[number]
            share = (1 + behind[level]) / self.paths[level]
            places, sums = self._product(level, share, forwards=False)
            nearer = self.distance[places] == number - 1
            places, sums = places[nearer], sums[nearer]
            behind[places] += self.paths[places] * sums
        if endpoints:
            reached = xp.concatenate([self.starts[:0], *levels[1:]])
            behind[reached] += 1
            behind[self.starts] = xp.bincount(reached % k, minlength=k)
        else:
            behind[self.starts] = 0
        return behind.reshape(-1, k).sum(axis=1)

    def _levels(self) -> list[Any]:
        """Return the places at each distance, and count the paths to them."""
        levels = [self.starts]
        while len(levels[-1]):
            places, sums = self._product(levels[-1], self.paths[levels[-1]], forwards=True)
            fresh = self.distance[places] < 0
            places = places[fresh]
            self.paths[places] = sums[fresh]
            self.distance[places] = len(levels)
            levels.append(places)
        return levels[:-1]

    def _product(self, places: Any, values: Any, *, forwards: bool) -> tuple[Any, Any]:
        """Return the places that edges lead to from given ones, or come from if not forwards, and there the sums of values above 0."""
        xp, k, graph = self.xp, self.k, self.graph
        vertices = places // k
        n_edges = int(self.degrees[0 if forwards else 1][vertices].sum())
        along, against = (graph.pull, graph.push) if forwards else (graph.push, graph.pull)
        if n_edges * _SPARSE_COST > graph.n_stored * k:
            dense = xp.zeros((graph.n_vertices, k))
            dense.reshape(-1)[places] = values
            product = (along @ dense).reshape(-1)
            met = xp.flatnonzero(product)
            return met, product[met]
        level = sparse(xp).csr_matrix((values, (places % k, vertices)), shape=(k, graph.n_vertices))
        found = (level @ against).tocoo()
        return found.col.astype(xp.int64) * k + found.row, found.data
