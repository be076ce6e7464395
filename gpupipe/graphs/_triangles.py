"""All triangles of a graph, each once, a block at a time.

Vertices are put in the order of their degree and each edge goes from the smaller to the larger end; so no vertex has many edges that go out
of it. For an edge a-b, the further out-neighbours c of a are looked up among the out-neighbours of b.

Source: Schank and Wagner, "Finding, counting and listing all triangles in large graphs" (2005), the algorithm "forward".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from gpupipe.graphs._arrays import array_module, offsets_of, pair_keys, pairs_of, sums_of, sums_of_ranges
from gpupipe.graphs._lookups import Looked, lookups
from gpupipe.graphs.graph import Graph, Rows


class Upwards(NamedTuple):
    """The edges of a simple graph, each once, from the end of smaller degree to the other.

    Parameters
    ----------
    rows
        By vertices in the order of degree.
    lower, upper
        The ends of each edge, in that order.
    vertices
        Which vertex of the graph each of that order is.
    """

    rows: Rows
    lower: Any
    upper: Any
    vertices: Any

    def wedges(self, values: Any) -> Iterator[Looked]:
        """Yield pairs of edges a-b, a-c in blocks, looked up whether b-c is an edge: a question is an edge a-b by its position."""
        after = array_module(self.lower).arange(1, len(self.lower) + 1)
        yield from lookups(self.rows, self.upper, after, self.rows.offsets[self.lower + 1] - after, values)

    def where(self, kept: Any) -> Upwards:
        """Return some of the edges, in the same order of vertices."""
        lower, upper = self.lower[kept], self.upper[kept]
        return Upwards(Rows(offsets_of(lower, len(self.vertices)), upper, None), lower, upper, self.vertices)


def upwards(simple: Graph) -> Upwards:
    """Return the edges of an undirected simple graph, each once."""
    xp, n = simple.xp, simple.n_vertices
    dtype = simple.source.dtype
    vertices = xp.argsort(xp.diff(simple.out_rows.offsets), kind="stable")
    order = xp.empty(n, dtype)
    order[vertices] = xp.arange(n, dtype=dtype)
    lower, upper = order[simple.source], order[simple.destination]
    kept = lower < upper
    keys = pair_keys(lower[kept], upper[kept], n)
    keys.sort()
    lower, upper = pairs_of(keys, n, dtype)
    return Upwards(Rows(offsets_of(lower, n), upper, None), lower, upper, vertices)


def corner_sums(up: Upwards) -> Any:
    """Return for each vertex of the graph the number of triangles that it is a corner of, int64."""
    xp, n = array_module(up.lower), len(up.vertices)
    of_edge = xp.zeros(len(up.lower), xp.int64)
    total = xp.zeros(n, xp.int64)
    for looked in up.wedges(xp.ones(len(up.lower), bool)):
        of_edge[looked.questions] = sums_of_ranges(looked.found, looked.counts)
        total += xp.bincount(looked.ends[looked.found], minlength=n)
    for corner in (up.lower, up.upper):
        total += sums_of(corner, of_edge, n).astype(xp.int64)
    return in_order_of_graph(up, total)


def opposite_sums(up: Upwards, weights: Any) -> Any:
    """Return for each vertex of the graph the sum of the weights, whole numbers above 0, of the edges opposite to it in its triangles."""
    xp, n = array_module(up.lower), len(up.vertices)
    of_lower, of_upper = xp.zeros(len(up.lower), xp.int64), xp.zeros(len(up.lower), xp.int64)
    total = xp.zeros(n, xp.int64)
    for looked in up.wedges(weights):
        met = looked.found > 0
        of_lower[looked.questions] = sums_of_ranges(looked.found, looked.counts)
        of_upper[looked.questions] = sums_of_ranges(weights[looked.positions] * met, looked.counts)
        between = xp.repeat(weights[looked.questions], looked.counts)[met]
        total += sums_of(looked.ends[met], between, n).astype(xp.int64)
    for corner, sums in ((up.lower, of_lower), (up.upper, of_upper)):
        total += sums_of(corner, sums, n).astype(xp.int64)
    return in_order_of_graph(up, total)


def in_order_of_graph(up: Upwards, values: Any) -> Any:
    """Return values of vertices in the order of degree as those of the graph's vertices."""
    found = array_module(values).empty_like(values)
    found[up.vertices] = values
    return found
