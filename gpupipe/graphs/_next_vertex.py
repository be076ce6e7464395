"""Where a walk goes next."""

from __future__ import annotations

from typing import Any

from gpupipe.graphs._arrays import array_module
from gpupipe.graphs._chance import Draws
from gpupipe.graphs.graph import Graph

_BITS = 62  # of a row's total of whole weights


def first_above(values: Any, low: Any, high: Any, wanted: Any) -> Any:
    """Return for each range of positions the first one whose value is above what is wanted, or its end; values ascend in each range.

    Examples
    --------
    >>> import numpy as np
    >>> first_above(np.array([1, 5, 9, 0, 2]), np.array([0, 3]), np.array([3, 5]), np.array([5, 7]))
    array([2, 5])
    """
    xp = array_module(values)
    low, high = low.copy(), high.copy()
    while True:
        open_ = low < high
        if not bool(open_.any()):
            return low
        middle = (low + high) // 2
        above = values[xp.minimum(middle, len(values) - 1)] > wanted
        high = xp.where(open_ & above, middle, high)
        low = xp.where(open_ & ~above, middle + 1, low)


class Next:
    """The rule by which walks go on.

    Parameters
    ----------
    draws
        Of all walks.
    p, q
        Those of node2vec.
    """

    def __init__(self, graph: Graph, draws: Draws, *, weighted: bool, p: float, q: float) -> None:
        self._rows = graph.out_rows
        self._draws = draws
        self._back, self._away = 1 / p, 1 / q
        self._largest = max(self._back, 1.0, self._away)
        self._leans = p != 1 or q != 1
        self._sums = _whole_sums(graph) if weighted else None

    def may_leave(self, vertices: Any) -> Any:
        """Return whether a walk can go on from each vertex."""
        low, high = self._rows.offsets[vertices], self._rows.offsets[vertices + 1]
        going = high > low
        if self._sums is not None:
            there = array_module(vertices).flatnonzero(going)
            going[there] = self._sums[high[there] - 1] > 0
        return going

    def chosen(self, walks: Any, before: Any | None, vertices: Any, step: int) -> Any:
        """Return the vertex that each walk goes to; `before` is the one it came from."""
        if not self._leans or before is None:
            return self._proposed(walks, vertices, step, 0)
        xp = array_module(vertices)
        found = xp.empty_like(vertices)
        left, tried = xp.arange(len(walks)), 0
        while len(left):  # each is accepted with at least the smallest bias over the largest
            to = self._proposed(walks[left], vertices[left], step, 2 * tried)
            bias = self._biases(before[left], to)
            accepted = self._draws.numbers(walks[left], step, 2 * tried + 1) * self._largest < bias
            found[left[accepted]] = to[accepted]
            left, tried = left[~accepted], tried + 1
        return found

    def _proposed(self, walks: Any, vertices: Any, step: int, draw: int) -> Any:
        xp = array_module(vertices)
        offsets, neighbours, _ = self._rows
        number = self._draws.numbers(walks, step, draw)
        low, high = offsets[vertices].astype(xp.int64), offsets[vertices + 1].astype(xp.int64)
        if self._sums is None:
            degree = high - low
            return neighbours[low + xp.minimum((number * degree).astype(xp.int64), degree - 1)]
        total = self._sums[high - 1]
        wanted = xp.minimum((number * total).astype(xp.int64), total - 1)
        return neighbours[first_above(self._sums, low, high, wanted)]

    def _biases(self, before: Any, to: Any) -> Any:
        xp = array_module(to)
        offsets, neighbours, _ = self._rows
        low, high = offsets[before].astype(xp.int64), offsets[before + 1].astype(xp.int64)
        # The last neighbour that is not above it: itself, if it is one.
        at = first_above(neighbours, low, high, to) - 1
        near = (at >= low) & (neighbours[xp.maximum(at, 0)] == to)
        return xp.where(to == before, self._back, xp.where(near, 1.0, self._away))


def _whole_sums(graph: Graph) -> Any:
    """Return for each edge the sum of its row's weights up to it, as whole numbers.

    Sums of floats depend on the order in which they are added, and a device adds in another one. So the weights of a row are brought to
    whole numbers, in relation to the largest one, as fine as their sum allows; none but 0 becomes 0.
    """
    xp = graph.xp
    offsets = graph.out_rows.offsets.astype(xp.int64)
    assert graph.weight is not None
    weight = graph.weight.astype(xp.float64)
    largest = xp.zeros(graph.n_vertices)
    xp.maximum.at(largest, graph.source, weight)
    degree = xp.diff(offsets)
    bits = _BITS - xp.ceil(xp.log2(degree + 1.0))
    share = weight / xp.where(largest > 0, largest, 1.0)[graph.source]
    whole = xp.floor(share * xp.exp2(bits)[graph.source]).astype(xp.int64)
    whole = xp.maximum(whole, (weight > 0).astype(xp.int64))
    # Over all rows the sum runs over, and comes back right when where its row begins is taken from it.
    running = xp.zeros(len(whole) + 1, xp.uint64)
    xp.cumsum(whole.astype(xp.uint64), out=running[1:])
    return (running[1:] - running[offsets[:-1]][graph.source]).astype(xp.int64)
