"""Spanning forests, against NetworkX."""

from __future__ import annotations

import networkx as nx
import pytest

import gpupipe as gp
from tests.stages.graphs.known_graphs import edges_of, on, simple_of


@pytest.mark.parametrize("maximum", [False, True])
def test_weight_and_number_of_edges(maximum: bool, engine: str) -> None:
    made = on(engine, gp.SpanningForest(maximum=maximum), weighted=True)
    best = nx.maximum_spanning_tree if maximum else nx.minimum_spanning_tree
    theirs = best(simple_of(edges_of()))
    assert made["weight"].sum() == theirs.size(weight="weight")
    assert len(made) == theirs.number_of_edges()
    assert nx.is_forest(nx.Graph(made.select("source", "destination").rows()))
