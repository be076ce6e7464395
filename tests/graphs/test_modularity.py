"""Modularity against NetworkX, loops and weights of 0 included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from tests.graphs.communities import networkx_modularity
from tests.graphs.examples import graphs


@given(graphs(directed=False), st.data(), st.sampled_from([0.5, 1.0, 2.0]))
def test_networkx(graph: gg.Graph, data: Any, resolution: float) -> None:
    labels = np.array(data.draw(st.lists(st.integers(-3, 3), min_size=graph.n_vertices, max_size=graph.n_vertices)))
    found = gg.modularity(graph, labels, resolution)
    if graph.n_edges and (graph.weight is None or graph.weight.sum()):
        assert found == pytest.approx(networkx_modularity(graph, labels, resolution), abs=1e-12)
    else:
        assert found == 0


def test_what_is_refused() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), directed=True)
    with pytest.raises(UsageError, match='Modularity expected an undirected graph.*view="undirected"'):
        gg.modularity(graph, np.array([0, 0]))
    assert gg.modularity(graph, np.array([0, 1]), view="undirected") == -0.5
    with pytest.raises(UsageError, match=r"a community for each of 2 vertices, got an array of shape \(1,\)"):
        gg.modularity(graph.simple, np.array([0]))
    with pytest.raises(UsageError, match="resolution=0: expected a finite number above 0"):
        gg.modularity(graph.simple, np.array([0, 1]), 0)
    negative = gg.from_edges(np.array([0]), np.array([1]), np.array([-1.0]), directed=False)
    with pytest.raises(StageError, match="Modularity expected weights of 0 or more"):
        gg.modularity(negative, np.array([0, 1]))
