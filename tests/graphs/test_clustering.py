"""Clustering coefficients against NetworkX, LDBC's examples and the reference of real graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given

import gpupipe.graphs as gg
from tests.graphs.examples import REAL, graphs, ldbc, real_graph, to_networkx, values
from tests.graphs.test_triangles import simple


@given(graphs(20, directed=False))
def test_networkx(graph: gg.Graph) -> None:
    assert gg.clustering(graph) == pytest.approx(values(nx.clustering(simple(graph))), abs=1e-15)


@given(graphs(20, directed=True))
def test_directed_by_its_definition(graph: gg.Graph) -> None:
    theirs = to_networkx(graph)
    found = gg.clustering(graph)
    for v in range(graph.n_vertices):
        around = (set(theirs.successors(v)) | set(theirs.predecessors(v))) - {v}
        there = sum(1 for u in around for w in theirs.successors(u) if w in around and w != u)
        size = len(around) * (len(around) - 1)
        assert found[v] == pytest.approx(there / size if size else 0, abs=1e-15)


@pytest.mark.parametrize("name", ["directed", "undirected"])
def test_ldbc(graph_folder: Path, name: str) -> None:
    example = ldbc(graph_folder, name)
    assert gg.clustering(example.graph) == pytest.approx([float(text) for text in example.expected("LCC")], rel=1e-14)


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    found = gg.clustering(real_graph(graph_folder, name).simple)
    assert found.mean() == pytest.approx(reference[name]["average_clustering"], abs=1e-12)
