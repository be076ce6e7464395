"""Betweenness against NetworkX, exact and sampled, and what sampling comes to."""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from gpupipe.graphs._chance import hashed_vertices
from tests.graphs.examples import graphs, real_graph, to_networkx, values


class Chosen(random.Random):
    """A generator whose sample is what was chosen."""

    def __init__(self, vertices: list[int]) -> None:
        super().__init__(0)
        self.vertices = vertices

    def sample(self, population: Any, k: int, *, counts: Any = None) -> list[int]:
        assert k == len(self.vertices) and set(self.vertices) <= set(population)
        return self.vertices


@given(graphs(), st.booleans(), st.booleans())
def test_networkx(graph: gg.Graph, normalized: bool, endpoints: bool) -> None:
    theirs = values(nx.betweenness_centrality(to_networkx(graph), normalized=normalized, endpoints=endpoints))
    assert gg.betweenness(graph, normalized=normalized, endpoints=endpoints) == pytest.approx(theirs, abs=1e-12)


@given(graphs(), st.data(), st.booleans(), st.booleans())
def test_networkx_sampled(graph: gg.Graph, data: Any, normalized: bool, endpoints: bool) -> None:
    k, seed = data.draw(st.integers(1, graph.n_vertices)), data.draw(st.integers(0, 5))
    chosen = Chosen(hashed_vertices(np, graph.n_vertices, k, seed).tolist())
    theirs = nx.betweenness_centrality(to_networkx(graph), k, normalized=normalized, endpoints=endpoints, seed=chosen)
    found = gg.betweenness(graph, k, normalized=normalized, endpoints=endpoints, seed=seed)
    assert found == pytest.approx(values(theirs), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("cost", [0, 10**9])
def test_dense_and_sparse_levels_are_alike(monkeypatch: pytest.MonkeyPatch, cost: int, graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "polbooks")
    monkeypatch.setattr(import_module("gpupipe.graphs._brandes"), "_SPARSE_COST", cost)
    theirs = values(nx.betweenness_centrality(to_networkx(graph)))
    assert gg.betweenness(graph) == pytest.approx(theirs, abs=1e-12)


def test_a_long_path() -> None:
    n = 1000
    graph = gg.from_edges(np.arange(n - 1), np.arange(1, n), directed=False)
    at = np.arange(n)
    assert gg.betweenness(graph, sources=np.array([0]), endpoints=True, normalized=False) * 2 / n == pytest.approx(
        np.where(at == 0, n - 1, n - at)
    )


def test_one_source_says_nothing_of_itself() -> None:
    graph = gg.from_edges(np.arange(4), np.arange(1, 5), directed=False)
    found = gg.betweenness(graph, sources=np.array([2]))
    assert np.isnan(found).tolist() == [False, False, True, False, False]


def test_samples_come_close_to_all(graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "email-Eu-core")
    exact = gg.betweenness(graph)
    sampled = np.mean([gg.betweenness(graph, 100, seed=seed) for seed in range(10)], axis=0)
    assert np.abs(sampled - exact).max() < 0.1 * exact.max()


def test_few_vertices_lie_on_no_path() -> None:
    for n in (0, 1, 2):
        graph = gg.from_edges(np.zeros(0, int), np.zeros(0, int), n_vertices=n, directed=False)
        assert gg.betweenness(graph).tolist() == [0.0] * n


def test_what_is_refused() -> None:
    graph = gg.from_edges(np.array([0, 1]), np.array([1, 2]), directed=True)
    for k in (0, 4):
        with pytest.raises(UsageError, match=f"k={k}: expected 1 to 3, the number of vertices"):
            gg.betweenness(graph, k)
    with pytest.raises(UsageError, match="no sources= beside it"):
        gg.betweenness(graph, 1, sources=np.array([0]))
    with pytest.raises(StageError, match="Betweenness, sources: 1 of 1 ids are no vertices"):
        gg.betweenness(graph, sources=np.array([3]))
