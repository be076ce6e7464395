"""Graphs turned round."""

from __future__ import annotations

import gpupipe as gp
from tests.stages.graphs.known_graphs import edges_of, on


def test_each_edge_is_turned(engine: str) -> None:
    made = on(engine, lambda graph: gp.FromGraph()(gp.ReverseGraph()(graph)), directed=True, weighted=True)
    assert sorted(made.rows()) == sorted((b, a, w) for a, b, w in edges_of().rows())
