"""Breadth-first search against NetworkX, LDBC's examples, the reference of real graphs and cuGraph's own results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from tests.graphs.examples import REAL, cugraph_results, graphs, ldbc, real_graph, real_rows, to_networkx


@given(graphs(), st.data())
def test_networkx(graph: gg.Graph, data: Any) -> None:
    vertex = st.integers(0, graph.n_vertices - 1)
    sources = data.draw(st.lists(vertex, min_size=1, max_size=3))
    depth = data.draw(st.none() | st.integers(0, 4))
    theirs = to_networkx(graph)
    nearest: dict[int, int] = {}
    for source in sources:
        for reached, hops in nx.single_source_shortest_path_length(theirs, source, cutoff=depth).items():
            nearest[reached] = min(hops, nearest.get(reached, hops))
    found = gg.bfs(graph, np.array(sources), depth, predecessors=True)
    assert found.distance.tolist() == [nearest.get(v, -1) for v in range(graph.n_vertices)]
    for v in range(graph.n_vertices):
        before = theirs.predecessors(v) if graph.directed else theirs.neighbors(v)
        nearer = [u for u in before if u in nearest and nearest[u] + 1 == nearest.get(v)]
        assert found.predecessor[v] == min(nearer, default=-1)


@pytest.mark.parametrize("name", ["directed", "undirected"])
def test_ldbc(graph_folder: Path, name: str) -> None:
    example = ldbc(graph_folder, name)
    distance = gg.bfs(example.graph, np.array([example.vertex(example.parameters["bfs_source"])])).distance
    assert [2**63 - 1 if hops < 0 else hops for hops in distance.tolist()] == [int(text) for text in example.expected("BFS")]


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    known = reference[name]["bfs"]
    source = real_rows(graph_folder, name).keys.tolist().index(known["source"])
    distance = gg.bfs(real_graph(graph_folder, name), np.array([source])).distance
    assert int((distance >= 0).sum()) == known["reached"]
    assert {str(hops): int(n) for hops, n in enumerate(np.bincount(distance[distance >= 0]))} == known["histogram_by_distance"]


def test_cugraphs_own_results(graph_folder: Path) -> None:
    n_tried = 0
    for asked, columns in cugraph_results(graph_folder):
        if asked["algo"] not in ("single_source_shortest_path_length", "bfs_edges"):
            continue
        rows = real_rows(graph_folder, asked["graph_dataset"])
        graph = gg.from_edges(rows.source, rows.destination, None, rows.n_vertices, directed=asked["graph_directed"] == "True")
        start = rows.keys.tolist().index(int(asked.get("start_vertex") or asked["source"]))
        depth = None if asked.get("cutoff", "None") == "None" else int(asked["cutoff"])
        distance = gg.bfs(graph, np.array([start]), depth).distance
        assert {int(rows.keys[v]): hops for v, hops in enumerate(distance.tolist()) if hops >= 0} == columns["distance"]
        n_tried += 1
    assert n_tried == 34


def test_an_endless_path_takes_no_more_than_its_edges() -> None:
    n = 20_000
    graph = gg.from_edges(np.arange(n - 1), np.arange(1, n), directed=True)
    found = gg.bfs(graph, np.array([0]), predecessors=True)
    assert np.array_equal(found.distance, np.arange(n)) and np.array_equal(found.predecessor, np.arange(-1, n - 1))


def test_what_is_refused() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), directed=True)
    with pytest.raises(StageError, match="BFS, sources: 1 of 2 ids are no vertices, 5 for one"):
        gg.bfs(graph, np.array([0, 5]))
    with pytest.raises(UsageError, match="BFS expected one source or more, got none"):
        gg.bfs(graph, np.array([], int))
    with pytest.raises(UsageError, match="max_depth=-1"):
        gg.bfs(graph, np.array([0]), -1)
