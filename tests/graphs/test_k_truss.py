"""The k-truss against NetworkX, the reference of real graphs and cuGraph's own files."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from tests.graphs.examples import REAL, graphs, real_graph, real_rows, to_networkx
from tests.graphs.test_triangles import simple


@given(graphs(20), st.integers(2, 5))
def test_networkx(graph: gg.Graph, k: int) -> None:
    theirs = nx.k_truss(simple(graph), k)
    found = to_networkx(gg.k_truss(graph, k))
    assert {frozenset(edge) for edge in found.edges} == {frozenset(edge) for edge in theirs.edges}


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    for k, known in reference[name]["k_truss"]["k -> [nodes, edges]"].items():
        found = gg.k_truss(real_graph(graph_folder, name), int(k))
        assert [len(np.unique(found.source)), found.n_edges] == known


@pytest.mark.parametrize("name", ["polbooks", "netscience"])
def test_cugraphs_own_files(graph_folder: Path, name: str) -> None:
    keys = real_rows(graph_folder, name).keys
    text = (graph_folder / "cugraph" / f"ref_ktruss_{name}.csv").read_text()
    known = {frozenset(int(field) for field in line.split()[:2]) for line in text.splitlines()}
    source, destination, _ = gg.k_truss(real_graph(graph_folder, name), 5).edges()
    assert {frozenset(pair) for pair in zip(keys[source].tolist(), keys[destination].tolist(), strict=True)} == known


def test_without_holding_triangles(monkeypatch: pytest.MonkeyPatch, graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "netscience")
    expected = gg.k_truss(graph, 5)
    monkeypatch.setattr(import_module("gpupipe.graphs.k_truss"), "_HELD", 0)
    found = gg.k_truss(graph, 5)
    assert np.array_equal(found.source, expected.source) and np.array_equal(found.destination, expected.destination)


def test_a_small_k_is_refused() -> None:
    with pytest.raises(UsageError, match="k=1: expected 2 or more"):
        gg.k_truss(gg.from_edges(np.array([0]), np.array([1]), directed=False), 1)
