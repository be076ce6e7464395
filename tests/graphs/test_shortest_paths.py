"""Shortest paths by weight against NetworkX, LDBC's examples and cuGraph's own results; edges of weight 0 among them."""

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
from tests.graphs.examples import cugraph_results, graphs, ldbc, real_rows, to_networkx


@given(graphs(), st.data())
def test_networkx(graph: gg.Graph, data: Any) -> None:
    source = data.draw(st.integers(0, graph.n_vertices - 1))
    cutoff = data.draw(st.none() | st.sampled_from([0.0, 1.0, 2.5]))
    theirs = to_networkx(graph)
    known = nx.single_source_dijkstra_path_length(theirs, source, cutoff=cutoff)
    found = gg.shortest_paths(graph, source, cutoff, predecessors=True)
    assert found.distance.tolist() == [known.get(v, np.inf) for v in range(graph.n_vertices)]
    assert found.distance.tolist() == gg.shortest_paths(graph, source, cutoff).distance.tolist()
    for v in range(graph.n_vertices):
        if v == source or v not in known:
            assert found.predecessor[v] == -1
            continue
        before = list(theirs.predecessors(v) if graph.directed else theirs.neighbors(v))
        lengths = {u: theirs.edges[u, v].get("weight", 1.0) for u in before}
        heavy = [u for u, weight in lengths.items() if weight > 0 and known.get(u, np.inf) + weight == known[v]]
        u = int(found.predecessor[v])
        assert u == min(heavy) if heavy else known[u] + lengths[u] == known[v]
        steps = 0
        while u != source:  # each leads back
            u, steps = int(found.predecessor[u]), steps + 1
            assert u >= 0 and steps <= graph.n_vertices


@pytest.mark.parametrize("name", ["directed", "undirected"])
def test_ldbc(graph_folder: Path, name: str) -> None:
    example = ldbc(graph_folder, name)
    distance = gg.shortest_paths(example.graph, example.vertex(example.parameters["sssp_source"])).distance
    assert distance == pytest.approx([float(text) for text in example.expected("SSSP")], rel=1e-15)


def test_cugraphs_own_results(graph_folder: Path) -> None:
    n_tried = 0
    for asked, columns in cugraph_results(graph_folder):
        if asked["algo"] not in ("single_source_dijkstra_path_length", "sssp_nonnative") or "graph_dataset" not in asked:
            continue
        rows = real_rows(graph_folder, asked["graph_dataset"])
        graph = gg.from_edges(*rows[1:], rows.n_vertices, directed=True)  # the files list both ways
        distance = gg.shortest_paths(graph, rows.keys.tolist().index(int(asked["source"]))).distance
        assert dict(zip(rows.keys.tolist(), distance.tolist(), strict=True)) == columns["distance"]
        n_tried += 1
    assert n_tried == 8


def test_what_is_refused() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), np.array([-1.0]), directed=True)
    with pytest.raises(StageError, match="ShortestPaths expected weights of 0 or more, got 1 negative"):
        gg.shortest_paths(graph, 0)
    with pytest.raises(StageError, match="ShortestPaths, source: 1 of 1 ids are no vertices, 2"):
        gg.shortest_paths(graph, 2)
    with pytest.raises(UsageError, match="cutoff=-1"):
        gg.shortest_paths(graph, 0, -1)
