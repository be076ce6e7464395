"""Hubs and authorities against NetworkX and dense iteration."""

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


@given(graphs())
def test_dense_iteration(graph: gg.Graph) -> None:
    found = gg.hits(graph, iterations=30)
    whole = (dense(graph) != 0).astype(float)
    if not graph.n_edges:
        assert found.hubs.tolist() == found.authorities.tolist() == [0.0] * graph.n_vertices
        return
    hubs = np.ones(graph.n_vertices)
    for _ in range(30):
        hubs = whole @ (whole.T @ hubs)
        hubs /= hubs.max()
    authorities = whole.T @ hubs
    assert found.hubs == pytest.approx(hubs / hubs.sum(), abs=1e-12)
    assert found.authorities == pytest.approx(authorities / authorities.sum(), abs=1e-12)


@pytest.mark.parametrize("name", ["karate", "dolphins", "email-Eu-core", "wiki-Vote"])
def test_networkx(graph_folder: Path, name: str) -> None:
    graph = real_graph(graph_folder, name)
    hubs, authorities = nx.hits(to_networkx(graph))
    found = gg.hits(graph, tol=1e-13, max_iter=2000)
    assert found.hubs == pytest.approx(values(hubs), abs=1e-9)
    assert found.authorities == pytest.approx(values(authorities), abs=1e-9)
    assert found.hubs.sum() == pytest.approx(1) and found.authorities.sum() == pytest.approx(1)


def test_no_convergence(graph_folder: Path) -> None:
    with pytest.raises(StageError, match="HITS expected to change by less than tol=1e-08"):
        gg.hits(real_graph(graph_folder, "karate"), max_iter=2)
    with pytest.warns(gg.ConvergenceWarning):
        assert not gg.hits(real_graph(graph_folder, "karate"), max_iter=2, on_no_convergence="warn").converged
