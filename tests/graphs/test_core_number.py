"""Core numbers against NetworkX and the reference of real graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.graphs.core_number import within_rounds
from tests.graphs.examples import REAL, graphs, real_graph, values
from tests.graphs.test_triangles import simple


@given(graphs(20))
def test_networkx(graph: gg.Graph) -> None:
    found = gg.core_number(graph)
    assert found.tolist() == values(nx.core_number(simple(graph))).tolist()
    assert (found <= gg.degrees(graph.simple).degree).all()


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    found = gg.core_number(real_graph(graph_folder, name))
    assert found.max() == reference[name]["max_core_number"]
    assert {str(k): int(n) for k, n in enumerate(np.bincount(found)) if n} == reference[name]["core_number_histogram"]


@given(graphs(20), st.integers(1, 4))
def test_the_rest_after_some_rounds(graph: gg.Graph, most_rounds: int) -> None:
    assert within_rounds(graph.simple, most_rounds).tolist() == values(nx.core_number(simple(graph))).tolist()


def test_a_long_chain() -> None:
    """Both ends go in each round, which are too many."""
    graph = gg.from_edges(np.arange(2000), np.arange(1, 2001), n_vertices=2002, directed=False)
    assert gg.core_number(graph).tolist() == [1] * 2001 + [0]
