"""Least weights of paths, against NetworkX."""

from __future__ import annotations

import networkx as nx
import pytest

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, made_of, on, theirs_of


@pytest.mark.parametrize("directed", [True, False])
def test_distances(directed: bool) -> None:
    for seed in range(4):
        edges = edges_of(seed)
        made = gp.ShortestPaths("k03").apply(made_of(edges, directed=directed, weighted=True))
        theirs = theirs_of(edges, directed=directed)
        expected = nx.single_source_dijkstra_path_length(theirs, "k03")
        assert by_key(made, "distance") == {vertex: expected.get(vertex) for vertex in theirs}


def test_on_each_engine_with_predecessors(engine: str) -> None:
    made = on(engine, gp.ShortestPaths("k00", cutoff=6.0, predecessors=True), weighted=True)
    distance, before = by_key(made, "distance"), by_key(made, "predecessor")
    weight = {frozenset((one, other)): w for one, other, w in edges_of().iter_rows()}
    for vertex, other in before.items():
        assert (other is None) == (distance[vertex] is None or vertex == "k00")
        if other is not None:
            assert distance[vertex] == distance[other] + weight[frozenset((vertex, other))]
