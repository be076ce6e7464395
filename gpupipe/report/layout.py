"""Where the boxes of a DAG stand: layers from top to bottom, few crossings, long edges led round the boxes.

The method is Sugiyama's, Tagawa's and Toda's ("Methods for visual understanding of hierarchical system structures", IEEE SMC 11(2),
1981) in its usual four steps: layers by longest path; one *dummy* in every layer that an edge passes; barycentre sweeps, then
exchanges of neighbours, against crossings; coordinates (``coordinates.py``). Edges that leave one stage share their dummies, so
that a table with many readers is drawn as one line that branches. Since an edge bends only between layers and stands upright in the
room its dummy has inside one, no edge runs through a box.

Nothing here is random and every tie falls to the lower id: one DAG has one drawing.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpupipe.core.errors import WiringError

Inputs = Mapping[int, Sequence[int]]

SWEEPS = 16
DUMMY_WIDTH = 10.0


@dataclass(frozen=True)
class Vertex:
    """A place in a layer: a stage's box, or (``stage`` is None) a dummy that a long edge passes through."""

    stage: int | None
    layer: int
    width: float


@dataclass(frozen=True)
class Layered:
    """A DAG in which every link joins neighbouring layers.

    ``up`` and ``down`` hold each vertex's neighbours in the layer above and below; ``paths`` the vertices that each edge
    (source, target) passes, both ends included.
    """

    vertices: tuple[Vertex, ...]
    up: tuple[tuple[int, ...], ...]
    down: tuple[tuple[int, ...], ...]
    paths: Mapping[tuple[int, int], tuple[int, ...]]


def depth_first(inputs: Inputs) -> list[int]:
    """Return the stages so that each follows its inputs, as close behind them as can be.

    Raises
    ------
    WiringError
        If the stages feed one another in a circle.

    Examples
    --------
    >>> depth_first({0: (), 1: (), 2: (0,), 3: (1, 2)})
    [1, 0, 2, 3]
    """
    used = {source for sources in inputs.values() for source in sources}
    order: list[int] = []
    state: dict[int, bool] = {}  # False while a stage's inputs are being placed, then True
    stack = [stage for stage in sorted(inputs, reverse=True) if stage not in used] or sorted(inputs, reverse=True)
    while stack:
        stage = stack[-1]
        if stage not in state:
            state[stage] = False
            waiting = [source for source in reversed(inputs[stage]) if source not in state]
            if any(state.get(source) is False for source in inputs[stage]):
                raise WiringError(f"Expected stages without a circle, got one through stage {stage}. Break the circle.")
            stack.extend(waiting)
        else:
            stack.pop()
            if not state[stage]:
                state[stage] = True
                order.append(stage)
    if len(order) < len(inputs):
        left = sorted(set(inputs) - set(order))
        raise WiringError(f"Expected stages without a circle, got one among stages {left}. Break the circle.")
    return order


def layers_of(inputs: Inputs) -> dict[int, int]:
    """Return each stage's layer: the longest path to it, then moved down where that shortens edges.

    Examples
    --------
    >>> layers_of({0: (), 1: (0,), 2: (), 3: (1, 2)})
    {0: 0, 1: 1, 2: 1, 3: 2}
    """
    order = depth_first(inputs)
    layer: dict[int, int] = {}
    readers: dict[int, list[int]] = {stage: [] for stage in inputs}
    for stage in order:
        layer[stage] = 1 + max((layer[source] for source in inputs[stage]), default=-1)
        for source in inputs[stage]:
            readers[source].append(stage)
    for stage in reversed(order):
        if len(readers[stage]) > len(inputs[stage]):
            layer[stage] = min(layer[reader] for reader in readers[stage]) - 1
    return {stage: layer[stage] for stage in sorted(layer)}


def layered(inputs: Inputs, widths: Mapping[int, float]) -> Layered:
    """Return the DAG with dummies put into its long edges; edges out of one stage share theirs."""
    layer = layers_of(inputs)
    vertices = [Vertex(stage, layer[stage], widths[stage]) for stage in sorted(inputs)]
    at = {stage: index for index, stage in enumerate(sorted(inputs))}
    dummies: dict[tuple[int, int], int] = {}
    links: set[tuple[int, int]] = set()
    paths: dict[tuple[int, int], tuple[int, ...]] = {}
    for target in sorted(inputs):
        for source in inputs[target]:
            path = [at[source]]
            for level in range(layer[source] + 1, layer[target]):
                if (source, level) not in dummies:
                    dummies[source, level] = len(vertices)
                    vertices.append(Vertex(None, level, DUMMY_WIDTH))
                path.append(dummies[source, level])
            path.append(at[target])
            links.update(itertools.pairwise(path))
            paths[source, target] = tuple(path)
    up: list[list[int]] = [[] for _ in vertices]
    down: list[list[int]] = [[] for _ in vertices]
    for above, below in sorted(links):
        down[above].append(below)
        up[below].append(above)
    return Layered(tuple(vertices), tuple(map(tuple, up)), tuple(map(tuple, down)), paths)


def crossings(orders: Sequence[Sequence[int]], down: Sequence[Sequence[int]]) -> int:
    """Return how many pairs of links cross when each layer's vertices stand in the given order.

    Examples
    --------
    >>> crossings([[0, 1], [2, 3]], [(3,), (2,), (), ()])
    1
    """
    total = 0
    for upper, lower in itertools.pairwise(orders):
        place = {vertex: index for index, vertex in enumerate(lower)}
        seen: list[int] = []
        for vertex in upper:
            ends = sorted(place[below] for below in down[vertex])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def orders_of(graph: Layered) -> list[list[int]]:
    """Return each layer's vertices from left to right, ordered so that few links cross."""
    orders = _first_orders(graph)
    best, fewest = [list(order) for order in orders], crossings(orders, graph.down)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        _sweep(orders, graph.up if downwards else graph.down, downwards=downwards)
        _exchange(orders, graph)
        count = crossings(orders, graph.down)
        if count < fewest:
            best, fewest = [list(order) for order in orders], count
        if fewest == 0:
            break
    return best


def _first_orders(graph: Layered) -> list[list[int]]:
    """Return the layers as a walk from the first source meets their vertices: parts that do not touch stay side by side."""
    depth = 1 + max((vertex.layer for vertex in graph.vertices), default=-1)
    orders: list[list[int]] = [[] for _ in range(depth)]
    seen: set[int] = set()
    for start in range(len(graph.vertices)):
        stack = [start]
        while stack:
            vertex = stack.pop()
            if vertex not in seen:
                seen.add(vertex)
                orders[graph.vertices[vertex].layer].append(vertex)
                stack.extend(reversed(graph.up[vertex] + graph.down[vertex]))
    return orders


def _sweep(orders: list[list[int]], neighbours: Sequence[Sequence[int]], *, downwards: bool) -> None:
    """Order each layer by the mean place of its vertices' neighbours in the layer passed before it."""
    levels = range(1, len(orders)) if downwards else range(len(orders) - 2, -1, -1)
    for level in levels:
        place = {vertex: index for index, vertex in enumerate(orders[level - 1 if downwards else level + 1])}
        own = {vertex: index for index, vertex in enumerate(orders[level])}
        centre = {
            vertex: sum(place[n] for n in neighbours[vertex]) / len(neighbours[vertex]) if neighbours[vertex] else float(own[vertex])
            for vertex in orders[level]
        }
        orders[level].sort(key=lambda vertex: (centre[vertex], own[vertex]))


def _exchange(orders: list[list[int]], graph: Layered) -> None:
    """Swap neighbours in a layer as long as that takes crossings away."""
    for level, order in enumerate(orders):
        around = [(graph.up, orders[level - 1])] if level > 0 else []
        around += [(graph.down, orders[level + 1])] if level + 1 < len(orders) else []
        places = [(links, {vertex: index for index, vertex in enumerate(other)}) for links, other in around]
        ends = {v: [sorted(place[n] for n in links[v]) for links, place in places] for v in order}
        better = True
        while better:
            better = False
            for index in range(len(order) - 1):
                left, right = order[index], order[index + 1]
                if _pair_crossings(ends[right], ends[left]) < _pair_crossings(ends[left], ends[right]):
                    order[index], order[index + 1] = right, left
                    better = True


def _pair_crossings(left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> int:
    """Return how many links of two neighbours cross, given the ends of each to either side."""
    return sum(len(mine) - bisect_right(mine, end) for mine, theirs in zip(left, right, strict=True) for end in theirs)
