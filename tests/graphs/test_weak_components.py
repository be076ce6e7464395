"""Weak components against NetworkX, LDBC's examples and the reference of real graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

import gpupipe.graphs as gg
from tests.graphs.examples import REAL, graphs, ldbc, real_graph, to_networkx


@given(graphs())
def test_networkx(graph: gg.Graph) -> None:
    expected = np.empty(graph.n_vertices, int)
    for component in nx.connected_components(nx.Graph(to_networkx(graph))):
        expected[list(component)] = min(component)
    found = gg.weak_components(graph)
    assert found.tolist() == expected.tolist()
    assert (found[graph.source] == found[graph.destination]).all()


@pytest.mark.parametrize("name", ["directed", "undirected"])
def test_ldbc(graph_folder: Path, name: str) -> None:
    example = ldbc(graph_folder, name)
    assert example.keys[gg.weak_components(example.graph)].tolist() == [int(text) for text in example.expected("WCC")]


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    sizes = np.unique(gg.weak_components(real_graph(graph_folder, name)), return_counts=True)[1]
    assert len(sizes) == reference[name]["connected_components"]
    assert sorted(sizes.tolist(), reverse=True)[:5] == reference[name]["largest_components"]


def test_no_vertices() -> None:
    assert gg.weak_components(gg.from_edges(np.zeros(0, int), np.zeros(0, int), directed=True)).shape == (0,)
