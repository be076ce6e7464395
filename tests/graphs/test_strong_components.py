"""Strong components against NetworkX and the reference of real graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

import gpupipe.graphs as gg
from tests.graphs.examples import DIRECTED, graphs, real_graph, to_networkx


@given(graphs())
def test_networkx(graph: gg.Graph) -> None:
    expected = np.empty(graph.n_vertices, int)
    for component in nx.strongly_connected_components(nx.DiGraph(to_networkx(graph))):
        expected[list(component)] = min(component)
    assert gg.strong_components(graph).tolist() == expected.tolist()


@pytest.mark.parametrize("name", DIRECTED)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    sizes = np.unique(gg.strong_components(real_graph(graph_folder, name)), return_counts=True)[1]
    assert len(sizes) == reference[name]["strongly_connected_components"]
    largest = reference[name]["largest_scc"]
    assert sorted(sizes.tolist(), reverse=True)[: len(largest)] == largest
