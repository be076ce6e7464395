"""What holds of every measure: names of vertices change nothing, inputs are left alone, and what is missing is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import MissingExtraError
from tests.graphs.examples import graphs

# Of vertices, without chance inside and without smallest vertices as labels: they move with their vertices.
MEASURES: dict[str, Callable[[gg.Graph], Any]] = {
    "degrees": lambda graph: gg.degrees(graph).degree,
    "pagerank": lambda graph: gg.pagerank(graph, iterations=20).values,
    "bfs": lambda graph: gg.bfs(graph, np.array([0])).distance,
    "shortest paths": lambda graph: gg.shortest_paths(graph, 0).distance,
    "triangles": gg.triangles,
    "clustering": gg.clustering,
    "core numbers": gg.core_number,
    "betweenness": gg.betweenness,
    "eigenvector": lambda graph: gg.eigenvector(graph, iterations=20).values,
    "katz": lambda graph: gg.katz(graph, iterations=20).values,
    "hits": lambda graph: gg.hits(graph, iterations=20).hubs,
}
LABELS: dict[str, Callable[[gg.Graph], Any]] = {
    "weak components": gg.weak_components,
    "strong components": gg.strong_components,
    "label propagation": lambda graph: gg.label_propagation(graph, 3).values,
}


def renamed(graph: gg.Graph, names: Any) -> gg.Graph:
    """Return the graph with other names for its vertices."""
    source, destination, weight = graph.edges()
    return gg.from_edges(names[source], names[destination], weight, graph.n_vertices, directed=graph.directed)


@pytest.mark.parametrize("name", MEASURES)
@given(graphs(), st.randoms())
def test_measures_move_with_their_vertices(name: str, graph: gg.Graph, random: Any) -> None:
    # The first vertex stays, since paths start there.
    names = np.array([0, *random.sample(range(1, graph.n_vertices), graph.n_vertices - 1)])
    moved = MEASURES[name](renamed(graph, names))
    assert moved[names] == pytest.approx(MEASURES[name](graph), abs=1e-12)


@pytest.mark.parametrize("name", [*MEASURES, *LABELS])
@given(graphs())
def test_vertices_in_between_change_nothing(name: str, graph: gg.Graph) -> None:
    measure = {**MEASURES, **LABELS}[name]
    if name in ("pagerank", "eigenvector", "katz", "hits", "betweenness"):  # they share out among all vertices
        return
    wider = gg.from_edges(*(end * 2 for end in graph.edges()[:2]), graph.edges()[2], 2 * graph.n_vertices, directed=graph.directed)
    found, known = measure(wider)[::2], measure(graph)
    assert (found // 2 if name in LABELS else found).tolist() == known.tolist()


@pytest.mark.parametrize("name", [*MEASURES, *LABELS])
def test_the_graph_is_left_alone(name: str) -> None:
    rng = np.random.default_rng(0)
    graph = gg.from_edges(*rng.integers(0, 50, (2, 200)), rng.random(200), 50, directed=True, duplicates="sum")
    arrays = [graph.source.copy(), graph.destination.copy(), graph.weight.copy()]
    for array in (graph.source, graph.destination, graph.weight):
        array.flags.writeable = False
    {**MEASURES, **LABELS}[name](graph)
    assert all(np.array_equal(*pair) for pair in zip(arrays, (graph.source, graph.destination, graph.weight), strict=True))


@given(graphs())
def test_what_holds_between_measures(graph: gg.Graph) -> None:
    assert (gg.core_number(graph) <= gg.degrees(graph.simple).degree).all()
    weak, strong = gg.weak_components(graph), gg.strong_components(graph)
    assert (weak[strong] == weak).all()
    reached = gg.bfs(graph.simple, np.array([0])).distance >= 0
    assert (reached == (weak == weak[0])).all()
    assert gg.triangles(graph.reverse()).tolist() == gg.triangles(graph).tolist()
    pairs = gg.jaccard(graph)
    assert ((pairs.value > 0) & (pairs.value <= 1)).all() and (pairs.first < pairs.second).all()


@pytest.mark.parametrize(
    ("library", "measure"), [("networkit", gg.louvain), ("scipy.sparse", gg.pagerank), ("scipy.sparse.csgraph", gg.weak_components)]
)
def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch, library: str, measure: Callable[[gg.Graph], Any]) -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), directed=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"Graphs need .*, which is not installed \(extra 'graph'\)\. Run: pip install 'networkit"):
        measure(graph)
