"""Spanning forests against NetworkX: weight, edges where they are unique, ties."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from tests.graphs.examples import edge_rows, to_networkx


@given(edge_rows(15), st.booleans())
def test_networkx(drawn: Any, maximum: bool) -> None:
    rows, n_vertices, weighted = drawn
    source, destination = np.array([r[0] for r in rows], int), np.array([r[1] for r in rows], int)
    weight = np.array([r[2] - 1 for r in rows]) if weighted else None
    graph = gg.from_edges(source, destination, weight, n_vertices, directed=False, duplicates="min" if weighted else None)
    found = gg.spanning_forest(graph, maximum=maximum)
    theirs = to_networkx(graph)
    # Theirs is Kruskal's, with a stable sort: edges in the order of their vertices break ties in the same way.
    known = (nx.maximum_spanning_edges if maximum else nx.minimum_spanning_edges)(theirs, "kruskal", data=False)
    u, v, kept = found.edges()
    assert list(zip(u.tolist(), v.tolist(), strict=True)) == sorted((min(e), max(e)) for e in known)
    assert nx.is_forest(to_networkx(found)) and found.n_vertices == n_vertices
    assert nx.number_connected_components(to_networkx(found)) == nx.number_connected_components(theirs)
    if weighted:
        assert kept.tolist() == [theirs.edges[pair]["weight"] for pair in zip(u.tolist(), v.tolist(), strict=True)]


def test_weights_of_zero_and_below_are_edges() -> None:
    graph = gg.from_edges(np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([0.0, -1.0, 5.0]), directed=False)
    u, v, weight = gg.spanning_forest(graph).edges()
    assert (u.tolist(), v.tolist(), weight.tolist()) == ([0, 1], [1, 2], [0, -1])
    assert gg.spanning_forest(graph, maximum=True).edges()[2].tolist() == [0, 5]


def test_a_directed_graph_is_refused() -> None:
    graph = gg.from_edges(np.array([0, 1]), np.array([1, 0]), directed=True)
    with pytest.raises(UsageError, match='SpanningForest expected an undirected graph.*view="undirected"'):
        gg.spanning_forest(graph)
    assert gg.spanning_forest(graph, view="undirected").n_edges == 1
