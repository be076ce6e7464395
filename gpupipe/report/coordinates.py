"""From ordered layers to places in pixels: boxes near their neighbours, links as upright as the order allows.

Each pass moves one layer to where its neighbours would have it, the nearest such places that keep the order and the gaps. That is
an isotonic regression with absolute errors, solved exactly by pooling adjacent violators (Ayer et al., "An empirical distribution
function for sampling with incomplete information", Annals of Mathematical Statistics 26(4), 1955). Absolute and not squared errors,
because a median leaves most links exactly upright where a mean would bend them all a little. Links between dummies weigh most, so
that long edges run straight (Gansner et al., "A technique for drawing directed graphs", IEEE TSE 19(3), 1993, section 4).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpupipe.report.layout import Inputs, Layered, layered, orders_of

COLUMN_GAP = 28.0
ROW_GAP = 38.0
MARGIN = 14.0
PORT_GAP = 18.0
PORT_INSET = 16.0
PASSES = 12
PAGE_WIDTH = 1200.0


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; ``x`` and ``y`` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        """Its middle, from left to right."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Edge:
    """An edge between two stages: points to be joined pairwise, upright from the first to the second, bent to the third, and so on.

    The first point lies on the lower side of the source's box, the last on the upper side of the target's.
    """

    source: int
    target: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, within ``width`` by ``height`` pixels."""

    boxes: Mapping[int, Box]
    edges: tuple[Edge, ...]
    width: float
    height: float


def lay_out(inputs: Inputs, sizes: Mapping[int, tuple[float, float]]) -> Layout:
    """Return a place for every stage's box, of the width and height that `sizes` gives, and for every edge.

    Parts of the DAG that do not touch are laid out each by itself and set side by side, in rows that are not wider than a page.

    Examples
    --------
    >>> layout = lay_out({0: (), 1: (0,)}, {0: (100, 40), 1: (60, 40)})
    >>> [(box.x, box.y) for box in layout.boxes.values()]
    [(14.0, 14.0), (34.0, 92.0)]
    >>> layout.edges[0].points
    ((64.0, 54.0), (64.0, 54.0), (64.0, 92.0), (64.0, 92.0))
    """
    parts = [_lay_out_part({stage: inputs[stage] for stage in part}, sizes) for part in parts_of(inputs)]
    room = max([PAGE_WIDTH, *(part.width for part in parts)])
    boxes: dict[int, Box] = {}
    edges: list[Edge] = []
    left, top, row_height, width = MARGIN, MARGIN, 0.0, 0.0
    for part in parts:
        if left > MARGIN and left + part.width > room:
            left, top, row_height = MARGIN, top + row_height + ROW_GAP, 0.0
        for stage, box in part.boxes.items():
            boxes[stage] = Box(round(box.x + left, 1), round(box.y + top, 1), box.width, box.height)
        edges += [Edge(e.source, e.target, tuple((round(x + left, 1), round(y + top, 1)) for x, y in e.points)) for e in part.edges]
        left += part.width + COLUMN_GAP
        row_height, width = max(row_height, part.height), max(width, left - COLUMN_GAP)
    return Layout({stage: boxes[stage] for stage in sorted(boxes)}, tuple(edges), width + MARGIN, top + row_height + MARGIN)


def parts_of(inputs: Inputs) -> list[list[int]]:
    """Return the stages in groups that no edge joins.

    Examples
    --------
    >>> parts_of({0: (), 1: (), 2: (0,)})
    [[0, 2], [1]]
    """
    neighbours: dict[int, list[int]] = {stage: list(sources) for stage, sources in inputs.items()}
    for stage, sources in inputs.items():
        for source in sources:
            neighbours[source].append(stage)
    parts: list[list[int]] = []
    seen: set[int] = set()
    for start in sorted(inputs):
        part, stack = set(), [start]
        while stack:
            stage = stack.pop()
            if stage not in seen:
                seen.add(stage)
                part.add(stage)
                stack.extend(neighbours[stage])
        if part:
            parts.append(sorted(part))
    return parts


def _lay_out_part(inputs: Inputs, sizes: Mapping[int, tuple[float, float]]) -> Layout:
    """Return the layout of stages that hang together, with no margin."""
    graph = layered(inputs, {stage: sizes[stage][0] for stage in inputs})
    orders = orders_of(graph)
    centres = _centres(graph, orders)
    left = min(centres[i] - vertex.width / 2 for i, vertex in enumerate(graph.vertices))
    centres = [round(centre - left, 1) for centre in centres]
    rows = _rows(graph, orders, centres, sizes)
    boxes = {}
    for vertex, centre in zip(graph.vertices, centres, strict=True):
        if vertex.stage is not None:
            width, height = sizes[vertex.stage]
            top, bottom = rows[vertex.layer]
            boxes[vertex.stage] = Box(round(centre - width / 2, 1), round((top + bottom - height) / 2, 1), width, height)
    right = max(centres[i] + vertex.width / 2 for i, vertex in enumerate(graph.vertices))
    return Layout(boxes, _edges(graph, centres, boxes, rows), right, rows[-1][1])


def pooled(wishes: Sequence[Sequence[tuple[float, float]]], gaps: Sequence[float]) -> list[float]:
    """Return places as near to the wishes as the gaps allow, in the order given.

    Parameters
    ----------
    wishes
        For each item the (place, weight) pairs it is drawn to.
    gaps
        The least distance of each item to the next; one fewer than the items.

    Examples
    --------
    >>> pooled([[(0.0, 1.0)], [(5.0, 1.0)]], [10.0])
    [-2.5, 7.5]
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, list[tuple[float, float]], int]] = []
    for wish, offset in zip(wishes, offsets, strict=False):
        pool = [(place - offset, weight) for place, weight in wish]
        count = 1
        value = _median(pool)
        while blocks and blocks[-1][0] > value:
            _, earlier, members = blocks.pop()
            pool, count = earlier + pool, count + members
            value = _median(pool)
        blocks.append((value, pool, count))
    places = [value for value, _, count in blocks for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=False)]


def _median(pool: Sequence[tuple[float, float]]) -> float:
    """Return the weighted median, the middle of it where a whole stretch is equally near."""
    ordered = sorted(pool)
    half = sum(weight for _, weight in ordered) / 2
    total = 0.0
    for index, (place, weight) in enumerate(ordered):
        total += weight
        if abs(total - half) < 1e-9 and index + 1 < len(ordered):
            return (place + ordered[index + 1][0]) / 2
        if total > half:
            return place
    return ordered[-1][0]


def _gaps(graph: Layered, order: Sequence[int]) -> list[float]:
    """Return the least distances between the centres of a layer's vertices."""
    widths = [graph.vertices[vertex].width for vertex in order]
    return [(one + other) / 2 + COLUMN_GAP for one, other in itertools.pairwise(widths)]


def _centres(graph: Layered, orders: Sequence[Sequence[int]]) -> list[float]:
    """Return the middle of every vertex, from left to right."""
    centres = [0.0] * len(graph.vertices)
    for order in orders:
        gaps = _gaps(graph, order)
        for index, vertex in enumerate(order):
            centres[vertex] = sum(gaps[:index]) - sum(gaps) / 2
    for number in range(2 * PASSES + 1):
        last = number >= 2 * PASSES - 2
        sides = [graph.up, graph.down] if last else [graph.down if number % 2 else graph.up]
        for order in orders if number % 2 == 0 else reversed(orders):
            wishes = [_wish(graph, vertex, sides, centres) for vertex in order]
            for vertex, place in zip(order, pooled(wishes, _gaps(graph, order)), strict=True):
                centres[vertex] = place
    _straighten(graph, orders, centres)
    return centres


def _straighten(graph: Layered, orders: Sequence[Sequence[int]], centres: list[float]) -> None:
    """Move the dummies of each long edge onto as few upright lines as the boxes beside them allow."""
    room = {vertex: (order, place) for order in orders for place, vertex in enumerate(order)}
    for start, vertex in enumerate(graph.vertices):
        if vertex.stage is not None or any(graph.vertices[above].stage is None for above in graph.up[start]):
            continue
        run: list[int] = []
        low, high = float("-inf"), float("inf")
        chain: int | None = start
        while chain is not None:
            left, right = _room(graph, *room[chain], centres)
            if run and max(low, left) > min(high, right):
                _line_up(run, low, high, centres)
                run, low, high = [], left, right
            run.append(chain)
            low, high = max(low, left), min(high, right)
            chain = next((below for below in graph.down[chain] if graph.vertices[below].stage is None), None)
        _line_up(run, low, high, centres)


def _room(graph: Layered, order: Sequence[int], place: int, centres: Sequence[float]) -> tuple[float, float]:
    """Return between which places a vertex can move without coming too near to those beside it."""
    width = graph.vertices[order[place]].width

    def gap(other: int) -> float:
        return (width + graph.vertices[other].width) / 2 + COLUMN_GAP

    left = centres[order[place - 1]] + gap(order[place - 1]) if place else float("-inf")
    right = centres[order[place + 1]] - gap(order[place + 1]) if place + 1 < len(order) else float("inf")
    return left, right


def _line_up(run: Sequence[int], low: float, high: float, centres: list[float]) -> None:
    """Put vertices on the line between `low` and `high` that is nearest to where they stand."""
    place = min(max(_median([(centres[vertex], 1.0) for vertex in run]), low), high)
    for vertex in run:
        centres[vertex] = place


def _wish(graph: Layered, vertex: int, sides: Sequence[Sequence[Sequence[int]]], centres: Sequence[float]) -> list[tuple[float, float]]:
    """Return where a vertex would stand: over and under its neighbours; where it is if it has none."""
    wish = []
    for links in sides:
        for other in links[vertex]:
            dummies = (graph.vertices[vertex].stage is None) + (graph.vertices[other].stage is None)
            wish.append((centres[other], (1.0, 2.0, 8.0)[dummies]))
    return wish or [(centres[vertex], 0.01)]


def _rows(
    graph: Layered, orders: Sequence[Sequence[int]], centres: Sequence[float], sizes: Mapping[int, tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return each layer's upper and lower edge; the room between two grows with how far links run sideways in it."""
    rows: list[tuple[float, float]] = []
    top = 0.0
    for order in orders:
        stages = [graph.vertices[vertex].stage for vertex in order]
        height = max((sizes[stage][1] for stage in stages if stage is not None), default=0.0)
        rows.append((top, top + height))
        slant = max((abs(centres[v] - centres[below]) for v in order for below in graph.down[v]), default=0.0)
        top += height + ROW_GAP + min(46.0, round(slant * 0.07))
    return rows


def _ports(graph: Layered, centres: Sequence[float], boxes: Mapping[int, Box]) -> dict[tuple[int, int], float]:
    """Return where each edge (source, target) enters its target: spread along the upper side, below where it comes from."""
    ports: dict[tuple[int, int], float] = {}
    arrivals: dict[int, list[tuple[float, int]]] = {}
    for (source, target), path in graph.paths.items():
        arrivals.setdefault(target, []).append((centres[path[-2]], source))
    for target, arriving in arrivals.items():
        box = boxes[target]
        arriving.sort()
        gap = min(PORT_GAP, (box.width - 2 * PORT_INSET) / max(1, len(arriving) - 1))
        low, high = box.x + PORT_INSET, box.x + box.width - PORT_INSET
        wishes = [[(min(max(x, low + i * gap), high - (len(arriving) - 1 - i) * gap), 1.0)] for i, (x, _) in enumerate(arriving)]
        for (_, source), x in zip(arriving, pooled(wishes, [gap] * (len(arriving) - 1)), strict=True):
            ports[source, target] = round(x, 1)
    return ports


def _edges(graph: Layered, centres: Sequence[float], boxes: Mapping[int, Box], rows: Sequence[tuple[float, float]]) -> tuple[Edge, ...]:
    """Return the edges' points: from box to box, upright through each layer that lies between."""
    ports = _ports(graph, centres, boxes)
    edges = []
    for (source, target), path in sorted(graph.paths.items()):
        start, end = boxes[source], boxes[target]
        first, last = graph.vertices[path[0]].layer, graph.vertices[path[-1]].layer
        x, port = round(start.centre, 1), ports[source, target]
        points = [(x, start.y + start.height), (x, rows[first][1])]
        for vertex in path[1:-1]:
            top, bottom = rows[graph.vertices[vertex].layer]
            points += [(centres[vertex], top), (centres[vertex], bottom)]
        points += [(port, rows[last][0]), (port, end.y)]
        edges.append(Edge(source, target, tuple(points)))
    return tuple(edges)
