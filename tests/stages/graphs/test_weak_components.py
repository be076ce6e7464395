"""Components, each called as its smallest key, against NetworkX."""

from __future__ import annotations

import networkx as nx

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, made_of, on, theirs_of


def test_components() -> None:
    for seed in range(4):
        edges = edges_of(seed, n=30, m=25)
        made = gp.WeakComponents().apply(made_of(edges, directed=True))
        parts = nx.weakly_connected_components(theirs_of(edges, directed=True))
        assert by_key(made, "component") == {vertex: min(part) for part in parts for vertex in part}


def test_on_each_engine(engine: str) -> None:
    assert set(on(engine, gp.WeakComponents())["component"].to_list()) <= set(edges_of()["a"].to_list())
