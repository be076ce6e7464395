"""Local clustering, against NetworkX."""

from __future__ import annotations

import networkx as nx
import pytest

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, made_of, on, simple_of


def test_clustering() -> None:
    for seed in range(4):
        made = gp.Clustering().apply(made_of(edges_of(seed), directed=False))
        assert by_key(made, "clustering") == pytest.approx(nx.clustering(simple_of(edges_of(seed))))


def test_on_each_engine(engine: str) -> None:
    made = on(engine, gp.Clustering(), directed=True)
    assert 0 <= made["clustering"].min() <= made["clustering"].max() <= 1
