"""Core numbers, against NetworkX."""

from __future__ import annotations

import networkx as nx

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, made_of, on, simple_of


def test_cores() -> None:
    for seed in range(4):
        made = gp.CoreNumber().apply(made_of(edges_of(seed), directed=False))
        assert by_key(made, "core") == nx.core_number(simple_of(edges_of(seed)))


def test_on_each_engine(engine: str) -> None:
    assert by_key(on(engine, gp.CoreNumber(), directed=True), "core") == nx.core_number(simple_of(edges_of()))
