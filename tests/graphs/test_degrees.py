"""Degrees against NetworkX."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError
from tests.graphs.examples import graphs, to_networkx, values


@given(graphs())
def test_networkx(graph: gg.Graph) -> None:
    theirs, ours = to_networkx(graph), gg.degrees(graph)
    views = [(ours.degree, ours.weighted_degree, theirs.degree)]
    if graph.directed:
        views += [
            (ours.in_degree, ours.weighted_in_degree, theirs.in_degree),
            (ours.out_degree, ours.weighted_out_degree, theirs.out_degree),
        ]
    for counts, weights, view in views:
        assert np.array_equal(counts, values(dict(view())))
        if graph.weight is None:
            assert weights is None
        else:
            assert weights == pytest.approx(values(dict(view(weight="weight"))), abs=1e-12)
    assert ours.degree.sum() == 2 * graph.n_edges


def test_directions_of_an_undirected_graph_are_one() -> None:
    graph = gg.from_edges(np.array([0, 0]), np.array([1, 0]), np.array([2.0, 3.0]), directed=False)
    found = gg.degrees(graph)
    assert [each.tolist() for each in (found.in_degree, found.out_degree, found.degree)] == [[3, 1]] * 3
    assert [each.tolist() for each in (found.weighted_in_degree, found.weighted_out_degree, found.weighted_degree)] == [[8, 2]] * 3
    assert nx.Graph([(0, 1), (0, 0)]).degree(0) == 3


def test_negative_weights_are_refused() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), np.array([-2.0]), directed=True)
    with pytest.raises(StageError, match="Degrees expected weights of 0 or more"):
        gg.degrees(graph)
