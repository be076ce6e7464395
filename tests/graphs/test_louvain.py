"""Louvain's communities: their modularity against NetworkX's count and the reference's, planted groups, and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkit
import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import adjusted_rand_score

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from tests.graphs.communities import in_form, networkx_modularity, planted
from tests.graphs.examples import REAL, graphs, real_graph


@given(graphs(directed=False))
def test_the_modularity_is_networkx(graph: gg.Graph) -> None:
    found = gg.louvain(graph)
    assert in_form(found.community)
    if graph.n_edges and (graph.weight is None or graph.weight.sum()):
        assert found.modularity == pytest.approx(networkx_modularity(graph, found.community, 1), abs=1e-12)
        assert found.modularity >= gg.modularity(graph, np.arange(graph.n_vertices)) - 1e-12


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    graph = real_graph(graph_folder, name).simple
    found = gg.louvain(graph)
    assert found.modularity >= min(reference[name]["louvain"]["modularity"]) - 0.01
    assert found.n_communities == len(np.unique(found.community))


def test_karate_is_close_to_the_optimum(graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "karate")
    assert all(0.415 <= gg.louvain(graph, seed=seed).modularity <= 0.41979 + 1e-5 for seed in range(10))


@pytest.mark.parametrize(("mixing", "least"), [(0.3, 0.97), (0.5, 0.75)])
def test_planted_groups(mixing: float, least: float) -> None:
    graph, groups = planted(10_000, 100, 20, mixing)
    found = gg.louvain(graph)
    assert adjusted_rand_score(groups, found.community) >= least
    assert found.modularity >= gg.modularity(graph, groups) - 0.005


def test_one_thread_gives_one_answer_and_threads_are_left_as_they_were() -> None:
    graph, _ = planted(2000, 20, 10, 0.5)
    before = networkit.getMaxNumberOfThreads()
    found = [gg.louvain(graph, seed=seed).community.tolist() for seed in (3, 3, 4)]
    assert found[0] == found[1] == found[2]
    assert networkit.getMaxNumberOfThreads() == before


def test_resolution_makes_communities_smaller() -> None:
    graph, _ = planted(2000, 20, 10, 0.3)
    assert gg.louvain(graph, 0.1).n_communities < gg.louvain(graph).n_communities < gg.louvain(graph, 5).n_communities


def test_without_edges_each_vertex_is_one() -> None:
    found = gg.louvain(gg.from_edges(np.zeros(0, int), np.zeros(0, int), n_vertices=3, directed=False))
    assert (found.community.tolist(), found.modularity, found.n_communities) == ([0, 1, 2], 0.0, 3)


def test_what_is_refused() -> None:
    directed = gg.from_edges(np.array([0]), np.array([1]), directed=True)
    with pytest.raises(UsageError, match='Louvain expected an undirected graph, got a directed one. Pass view="undirected"'):
        gg.louvain(directed)
    assert gg.louvain(directed, view="undirected").n_communities == 1
    for options, text in (({"resolution": -1}, "resolution=-1"), ({"seed": -1}, "seed=-1"), ({"n_threads": 0}, "n_threads=0")):
        with pytest.raises(UsageError, match=text):
            gg.louvain(directed.simple, **options)  # type: ignore[arg-type]
    with pytest.raises(StageError, match="Louvain expected weights of 0 or more"):
        gg.louvain(gg.from_edges(np.array([0]), np.array([1]), np.array([-1.0]), directed=False))
