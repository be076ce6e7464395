from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gpupipe.core.errors import WiringError
from gpupipe.report.form import inputs_of
from gpupipe.report.layout import crossings, depth_first, layered, layers_of, orders_of

Dag = Callable[[int, int], list[dict[str, Any]]]


@pytest.mark.parametrize("seed", range(5))
def test_every_stage_stands_below_its_inputs(dag: Dag, seed: int) -> None:
    inputs = inputs_of(dag(60, seed))
    layer = layers_of(inputs)
    order = depth_first(inputs)
    assert sorted(order) == sorted(inputs)
    assert all(layer[source] < layer[stage] for stage in inputs for source in inputs[stage])
    assert all(order.index(source) < order.index(stage) for stage in inputs for source in inputs[stage])


@pytest.mark.parametrize("seed", range(5))
def test_links_join_neighbouring_layers_and_paths_join_the_ends(dag: Dag, seed: int) -> None:
    inputs = inputs_of(dag(40, seed))
    graph = layered(inputs, dict.fromkeys(inputs, 100.0))
    for upper, below in enumerate(graph.down):
        assert all(graph.vertices[lower].layer == graph.vertices[upper].layer + 1 for lower in below)
    assert {(source, stage) for stage in inputs for source in inputs[stage]} == set(graph.paths)
    for (source, target), path in graph.paths.items():
        assert (graph.vertices[path[0]].stage, graph.vertices[path[-1]].stage) == (source, target)
        assert all(graph.vertices[vertex].stage is None for vertex in path[1:-1])


@pytest.mark.parametrize("seed", range(5))
def test_ordering_takes_crossings_away(dag: Dag, seed: int) -> None:
    inputs = inputs_of(dag(60, seed))
    graph = layered(inputs, dict.fromkeys(inputs, 100.0))
    orders = orders_of(graph)
    by_number = [sorted(order) for order in orders]
    assert sorted(vertex for order in orders for vertex in order) == list(range(len(graph.vertices)))
    assert crossings(orders, graph.down) * 3 < crossings(by_number, graph.down)


def test_a_lattice_that_can_be_drawn_without_crossings_is() -> None:
    inputs = {0: (), 1: (), 2: (), 3: (2,), 4: (1, 2), 5: (0, 1), 6: (0,), 7: (3, 4), 8: (5, 6)}
    graph = layered(inputs, dict.fromkeys(inputs, 100.0))
    assert crossings(orders_of(graph), graph.down) == 0


@pytest.mark.parametrize("inputs", [{0: (1,), 1: (0,)}, {0: (0,)}, {0: (), 1: (0, 2), 2: (1,), 3: (2,)}])
def test_a_circle_is_refused(inputs: dict[int, tuple[int, ...]]) -> None:
    with pytest.raises(WiringError, match=r"Expected stages without a circle, got one .* Break the circle\."):
        depth_first(inputs)
