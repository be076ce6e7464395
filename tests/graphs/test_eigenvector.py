"""Eigenvector centrality against NetworkX and NumPy's eigenvectors."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError
from tests.graphs.examples import graphs, real_graph, to_networkx, values
from tests.graphs.test_graph import dense


@given(graphs(directed=False))
def test_its_definition_by_dense_matrices(graph: gg.Graph) -> None:
    found = gg.eigenvector(graph, iterations=25).values
    whole = np.where(dense(graph) < 0, 0, dense(graph))
    x = np.full(graph.n_vertices, 1.0)
    for _ in range(25):
        x = whole.T @ x + x
        x /= np.linalg.norm(x)
    assert found == pytest.approx(x, abs=1e-12)
    assert np.linalg.norm(found) == pytest.approx(1)


@pytest.mark.parametrize("name", ["karate", "dolphins", "polbooks", "email-Eu-core"])
def test_networkx(graph_folder: Path, name: str) -> None:
    graph = real_graph(graph_folder, name)
    theirs = values(nx.eigenvector_centrality(to_networkx(graph), tol=1e-12 / graph.n_vertices, max_iter=2000))
    assert gg.eigenvector(graph, tol=1e-12, max_iter=2000).values == pytest.approx(theirs, abs=1e-10)


def test_weights_count(graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "karate", weighted=True)
    heavier = gg.Graph(graph.n_vertices, graph.source, graph.destination, 1.0 + (graph.source * graph.destination) % 5, directed=False)
    theirs = values(nx.eigenvector_centrality(to_networkx(heavier), tol=1e-14, max_iter=2000, weight="weight"))
    assert gg.eigenvector(heavier, tol=1e-12, max_iter=2000).values == pytest.approx(theirs, abs=1e-10)
    assert np.abs(theirs - gg.eigenvector(graph).values).max() > 0.01


def test_two_sides_converge() -> None:
    graph = gg.from_edges(np.array([0, 0]), np.array([1, 2]), directed=False)
    assert gg.eigenvector(graph).values == pytest.approx([0.5**0.5, 0.5, 0.5], abs=1e-7)


def test_no_convergence_and_negative_weights() -> None:
    path = gg.from_edges(np.arange(20), np.arange(1, 21), directed=True)
    with pytest.raises(StageError, match="Eigenvector expected to change by less than tol=1e-08 in total within 200 iterations"):
        gg.eigenvector(path)
    with pytest.raises(StageError, match="Eigenvector expected weights of 0 or more"):
        gg.eigenvector(gg.from_edges(np.array([0]), np.array([1]), np.array([-1.0]), directed=True))
    assert gg.eigenvector(gg.from_edges(np.zeros(0, int), np.zeros(0, int), directed=True)).values.shape == (0,)
