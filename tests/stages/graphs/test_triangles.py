"""Triangles, against NetworkX."""

from __future__ import annotations

import networkx as nx

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, made_of, on, simple_of


def test_triangles() -> None:
    for seed in range(4):
        made = gp.Triangles().apply(made_of(edges_of(seed), directed=False))
        assert by_key(made, "triangles") == nx.triangles(simple_of(edges_of(seed)))


def test_on_each_engine(engine: str) -> None:
    assert by_key(on(engine, gp.Triangles(), directed=True), "triangles") == nx.triangles(simple_of(edges_of()))
