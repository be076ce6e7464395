"""Leiden's communities: connected, their modularity against NetworkX's count and the reference's, planted groups, and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import adjusted_rand_score

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from tests.graphs.communities import in_form, n_apart, networkx_modularity, planted
from tests.graphs.examples import REAL, graphs, real_graph


@given(graphs(directed=False))
def test_the_modularity_is_networkx_and_communities_are_connected(graph: gg.Graph) -> None:
    found = gg.leiden(graph)
    assert in_form(found.community)
    assert n_apart(graph, found.community) == 0
    if graph.n_edges and (graph.weight is None or graph.weight.sum()):
        assert found.modularity == pytest.approx(networkx_modularity(graph, found.community, 1), abs=1e-12)


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    graph = real_graph(graph_folder, name).simple
    found = gg.leiden(graph)
    assert found.modularity >= min(reference[name]["leiden_modularity"]["value"], *reference[name]["louvain"]["modularity"]) - 0.01
    assert n_apart(graph, found.community) == 0


def test_karate_is_close_to_the_optimum(graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "karate")
    assert all(0.415 <= gg.leiden(graph, seed=seed).modularity <= 0.41979 + 1e-5 for seed in range(10))


@pytest.mark.parametrize(("mixing", "least"), [(0.3, 0.97), (0.5, 0.80)])
def test_planted_groups(mixing: float, least: float) -> None:
    graph, groups = planted(10_000, 100, 20, mixing)
    found = gg.leiden(graph)
    assert adjusted_rand_score(groups, found.community) >= least
    assert found.modularity >= gg.modularity(graph, groups) - 0.001
    assert n_apart(graph, found.community) == 0


def test_a_seed_gives_the_same() -> None:
    graph, _ = planted(2000, 20, 10, 0.5)
    found = [gg.leiden(graph, seed=seed).community.tolist() for seed in (3, 3, 4)]
    assert found[0] == found[1] != found[2]


def test_several_threads_find_no_less() -> None:
    graph, groups = planted(2000, 20, 10, 0.3)
    found = gg.leiden(graph, n_threads=2)
    assert found.modularity >= gg.modularity(graph, groups) - 0.01
    assert n_apart(graph, found.community) == 0


def test_what_is_refused() -> None:
    directed = gg.from_edges(np.array([0]), np.array([1]), directed=True)
    with pytest.raises(UsageError, match='Leiden expected an undirected graph, got a directed one. Pass view="undirected"'):
        gg.leiden(directed)
    with pytest.raises(UsageError, match="iterations=0: expected 1 or more"):
        gg.leiden(directed.simple, iterations=0)
