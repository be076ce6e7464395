from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import Any

import pytest

from gpupipe.report.boxes import lines_of, size_of
from gpupipe.report.coordinates import Box, Edge, Layout, lay_out, parts_of, pooled
from gpupipe.report.form import inputs_of

Dag = Callable[[int, int], list[dict[str, Any]]]
SIZES = [(n_stages, seed) for n_stages in (1, 3, 20, 60) for seed in range(4)]


def laid_out(stages: list[dict[str, Any]]) -> Layout:
    return lay_out(inputs_of(stages), {stage["id"]: size_of(lines_of(stage, (), reached=True)) for stage in stages})


def curve(edge: Edge) -> Iterator[tuple[float, float]]:
    """Yield points along an edge as it is drawn: upright, then a Bézier curve with upright ends, and so on."""
    for index, ((x0, y0), (x1, y1)) in enumerate(zip(edge.points, edge.points[1:], strict=False)):
        for step in range(21):
            t = step / 20
            ease = t if index % 2 == 0 else 3 * t * t - 2 * t**3
            lift = t if index % 2 == 0 else 1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t**3
            yield x0 + ease * (x1 - x0), y0 + lift * (y1 - y0)


def holds(box: Box, x: float, y: float) -> bool:
    return box.x < x < box.x + box.width and box.y < y < box.y + box.height


@pytest.mark.parametrize(("n_stages", "seed"), SIZES)
def test_no_two_boxes_overlap_and_all_are_on_the_page(dag: Dag, n_stages: int, seed: int) -> None:
    layout = laid_out(dag(n_stages, seed))
    for one, other in combinations(layout.boxes.values(), 2):
        beside = one.x + one.width < other.x or other.x + other.width < one.x
        assert beside or one.y + one.height < other.y or other.y + other.height < one.y
    for box in layout.boxes.values():
        assert box.x >= 0 and box.y >= 0
        assert box.x + box.width <= layout.width and box.y + box.height <= layout.height


@pytest.mark.parametrize(("n_stages", "seed"), SIZES)
def test_edges_join_their_boxes_and_run_through_none(dag: Dag, n_stages: int, seed: int) -> None:
    stages = dag(n_stages, seed)
    layout = laid_out(stages)
    assert {(e.source, e.target) for e in layout.edges} == {(i, s["id"]) for s in stages for i in s["inputs"]}
    for edge in layout.edges:
        start, end = layout.boxes[edge.source], layout.boxes[edge.target]
        (x0, y0), (x1, y1) = edge.points[0], edge.points[-1]
        assert x0 == pytest.approx(start.centre, abs=0.11) and y0 == pytest.approx(start.y + start.height, abs=0.11)
        assert end.x <= x1 <= end.x + end.width and y1 == pytest.approx(end.y, abs=0.11)
        others = [box for number, box in layout.boxes.items() if number not in (edge.source, edge.target)]
        assert not [(edge, box) for x, y in curve(edge) for box in others if holds(box, x, y)]


@pytest.mark.parametrize("seed", range(4))
def test_edges_into_one_box_arrive_apart(dag: Dag, seed: int) -> None:
    arrivals: dict[int, list[float]] = {}
    for edge in laid_out(dag(60, seed)).edges:
        arrivals.setdefault(edge.target, []).append(edge.points[-1][0])
    for places in arrivals.values():
        assert all(abs(one - other) > 8 for one, other in combinations(places, 2))


def test_a_chain_and_a_long_edge_are_upright() -> None:
    sizes = dict.fromkeys(range(6), (120.0, 40.0))
    chain = lay_out({0: (), 1: (0,), 2: (1,), 3: (2,)}, sizes)
    assert len({box.centre for box in chain.boxes.values()}) == 1
    passing = lay_out({0: (), 1: (0,), 2: (1,), 3: (2,), 4: (3,), 5: (4, 0)}, sizes)
    (edge,) = [edge for edge in passing.edges if (edge.source, edge.target) == (0, 5)]
    assert len({x for x, _ in edge.points[2:-2]}) == 1
    assert len({passing.boxes[number].centre for number in (1, 2, 3, 4)}) == 1


@pytest.mark.parametrize("seed", range(4))
def test_long_edges_bend_seldom(dag: Dag, seed: int) -> None:
    bends = passed = 0
    for edge in laid_out(dag(60, seed)).edges:
        inner = [x for x, _ in edge.points[2:-2:2]]
        passed += max(0, len(inner) - 1)
        bends += sum(abs(one - other) > 0.2 for one, other in pairwise(inner))
    assert bends <= 0.25 * passed


def test_parts_that_do_not_touch_stand_apart_in_rows_of_a_page() -> None:
    inputs: dict[int, tuple[int, ...]] = dict.fromkeys(range(30), ())
    layout = lay_out(inputs, dict.fromkeys(inputs, (200.0, 40.0)))
    assert len(parts_of(inputs)) == 30
    assert layout.width < 1300
    assert len({box.y for box in layout.boxes.values()}) > 3


def test_no_stage_gives_an_empty_page() -> None:
    assert lay_out({}, {}).edges == ()


def test_pooling_keeps_order_and_gaps_and_moves_no_more_than_needed() -> None:
    places = pooled([[(0.0, 1.0)], [(100.0, 1.0)], [(90.0, 5.0)], [(300.0, 1.0)]], [20.0, 20.0, 20.0])
    assert places == [0.0, 70.0, 90.0, 300.0]
