"""How alike the neighbourhoods of two vertices are: of given pairs, or of all pairs with a neighbour in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import StageError, UsageError
from gpupipe.graphs import _cugraph
from gpupipe.graphs._arrays import array_module, require_ids, sums_of
from gpupipe.graphs._libraries import sparse
from gpupipe.graphs._lookups import Looked, common_sums
from gpupipe.graphs.graph import Graph

_EXPANDED = 1 << 23  # paths of two edges that are gone along at a time

Pairs = tuple[Any, Any]


@dataclass(frozen=True, eq=False)
class PairValues:
    """A value for each pair of vertices."""

    first: Any
    second: Any
    value: Any


@dataclass(frozen=True)
class Measure:
    """What a measure makes of what two neighbourhoods share, and of the size of each.

    Parameters
    ----------
    step
        Its name.
    of
        The value, from what is shared and the two sizes.
    by_product
        Whether weights of a common neighbour are multiplied, and sizes are sums of squares; otherwise the smaller weight is shared, and
        sizes are sums.
    """

    step: str
    of: Callable[[Any, Any, Any], Any]
    by_product: bool = False

    def between(self, graph: Graph, pairs: Pairs | None, top_k: int | None, *, weighted: bool, max_pairs: int | None) -> PairValues:
        """Return the values of pairs, or of all that share a neighbour where none are given, and of these the largest."""
        if top_k is not None and top_k < 1:
            raise UsageError(f"top_k={top_k!r}: expected 1 or more.")
        if pairs is not None:
            for ids in pairs:
                require_ids(ids, graph.n_vertices, f"{self.step}, pairs")
            if len(pairs[0]) != len(pairs[1]):
                raise UsageError(f"{self.step}, pairs: expected as many first as second vertices, got {len(pairs[0])} and {len(pairs[1])}.")
        view = _weighted_view(graph, self.step) if weighted else graph.simple
        sizes = self._sizes(view)
        if pairs is not None:
            if view.xp is not np and not self.by_product and view.n_stored:  # cuGraph's cosine has other norms
                value = _cugraph.similarity(view, self.step.lower(), *pairs)
            else:
                value = self._values(view, sizes, *pairs, self._shared(view, *pairs))
            return _largest([PairValues(*pairs, value)], top_k)
        _require_few(graph, max_pairs, self.step)
        return _largest(self._two_hop(view, sizes, top_k), top_k)

    def _sizes(self, view: Graph) -> Any:
        """Return the size of each vertex's neighbourhood."""
        weight = view.xp.ones(view.n_stored) if view.weight is None else view.weight
        return sums_of(view.source, weight * weight if self.by_product else weight, view.n_vertices)

    def _shared(self, view: Graph, first: Any, second: Any) -> Any:
        """Return what the neighbourhoods of each pair share."""
        if view.weight is None:
            return common_sums(view.out_rows, first, second, view.xp.ones(view.n_stored, bool), [lambda looked: looked.found])[0]
        weight = view.weight.astype(view.xp.float64, copy=False)

        def shared(looked: Looked) -> Any:
            other = weight[looked.positions]
            return looked.found * other if self.by_product else view.xp.minimum(looked.found, other)

        return common_sums(view.out_rows, first, second, weight, [shared])[0]

    def _values(self, view: Graph, sizes: Any, first: Any, second: Any, shared: Any) -> Any:
        """Return the values, 0 where there is nothing to share."""
        xp = view.xp
        some = xp.flatnonzero(shared > 0)
        value = xp.zeros(len(first))
        value[some] = self.of(shared[some].astype(xp.float64), sizes[first[some]], sizes[second[some]])
        return value

    def _two_hop(self, view: Graph, sizes: Any, top_k: int | None) -> list[PairValues]:
        """Return the values of all pairs that share a neighbour, in parts; no more of each than may be among the largest."""
        best = [PairValues(view.source[:0], view.source[:0], view.xp.zeros(0))]
        for first, second, shared in two_hop_pairs(view):
            both = self._shared(view, first, second) if view.weight is not None else shared
            best.append(PairValues(first, second, self._values(view, sizes, first, second, both)))
            if top_k is not None:
                best = [_largest(best, top_k)]
        return best


def two_hop_pairs(view: Graph) -> Iterator[tuple[Any, Any, Any]]:
    """Yield pairs u < v with a neighbour in common, in blocks and in ascending order, and how many they have in common."""
    xp, n = view.xp, view.n_vertices
    offsets, neighbours, _ = view.out_rows
    matrix = sparse(xp).csr_matrix((xp.ones(len(neighbours)), neighbours, offsets), shape=(n, n))
    paths = xp.zeros(n + 1, xp.int64)
    degrees = xp.diff(offsets)
    xp.cumsum(sums_of(view.source, degrees[neighbours], n).astype(xp.int64), out=paths[1:])
    begin = 0
    while begin < n:
        end = max(begin + 1, int(xp.searchsorted(paths, paths[begin] + _EXPANDED, side="right")) - 1)
        product = (matrix[begin:end] @ matrix).tocoo()
        first = product.row + begin
        kept = first < product.col
        order = xp.argsort(first[kept].astype(xp.int64) * n + product.col[kept])
        dtype = view.source.dtype
        yield first[kept][order].astype(dtype), product.col[kept][order].astype(dtype), product.data[kept][order].astype(xp.int64)
        begin = end


def _largest(parts: list[PairValues], top_k: int | None) -> PairValues:
    """Return the parts as one; with `top_k` the largest alone, from large to small, equals by their vertices."""
    if top_k is None and len(parts) == 1:
        return parts[0]
    xp = array_module(parts[0].value)
    first, second, value = (xp.concatenate([getattr(part, name) for part in parts]) for name in ("first", "second", "value"))
    if top_k is None:
        return PairValues(first, second, value)
    if len(value) > top_k:
        least = xp.partition(value, len(value) - top_k)[len(value) - top_k]
        kept = xp.flatnonzero(value >= least)
        first, second, value = first[kept], second[kept], value[kept]
    order = xp.lexsort(xp.stack([second.astype(xp.float64), first.astype(xp.float64), -value]))[:top_k]
    return PairValues(first[order], second[order], value[order])


def _require_few(graph: Graph, max_pairs: int | None, step: str) -> None:
    if max_pairs is not None and graph.n_wedges > max_pairs:
        raise StageError(
            f"{step} of all pairs with a neighbour in common: there may be {graph.n_wedges} of them, more than max_pairs={max_pairs}. "
            "Give the pairs that are of interest, or leave vertices with many neighbours out."
        )


def _weighted_view(graph: Graph, step: str) -> Graph:
    """Return an undirected weighted graph without its loops."""
    graph.require_no_negative(step)
    if graph.directed:
        raise UsageError(
            f"{step}, weighted=True, expected an undirected graph, got a directed one. Make the graph with directed=False; or leave "
            'weights out: neighbours are those of view="undirected" then.'
        )
    if graph.weight is None:
        raise UsageError(f"{step}, weighted=True, expected a graph with weights, got one without. Leave it out.")
    if not graph.n_loops:
        return graph
    kept = graph.source != graph.destination
    return Graph(graph.n_vertices, graph.source[kept], graph.destination[kept], graph.weight[kept], directed=False)
