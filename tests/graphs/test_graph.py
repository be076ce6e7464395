"""The graph as a value: what is kept beside it, views, parts, and that it travels."""

from __future__ import annotations

import pickle

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

import gpupipe.graphs as gg
from gpupipe.core.errors import DtypeError, StageError, UsageError
from gpupipe.graphs.graph import undirected_view
from tests.graphs.examples import graphs, to_networkx


def same(first: gg.Graph, second: gg.Graph) -> bool:
    """Whether two graphs have the same edges in the same form."""
    if (first.weight is None) != (second.weight is None) or (first.n_vertices, first.directed) != (second.n_vertices, second.directed):
        return False
    pairs = [(first.source, second.source), (first.destination, second.destination)]
    pairs += [] if first.weight is None else [(first.weight, second.weight)]
    return all(left.dtype == right.dtype and np.array_equal(left, right) for left, right in pairs)


def dense(graph: gg.Graph) -> np.ndarray:
    """The adjacency matrix, an edge of weight 0 as -1, so that it is seen."""
    found = np.zeros((graph.n_vertices, graph.n_vertices))
    weight = np.ones(graph.n_stored) if graph.weight is None else np.where(graph.weight == 0, -1, graph.weight)
    found[graph.source, graph.destination] = weight
    return found


@given(graphs())
def test_rows_are_the_adjacency_matrix(graph: gg.Graph) -> None:
    whole = dense(graph)
    for rows, matrix in ((graph.out_rows, whole), (graph.in_rows, whole.T)):
        for vertex in range(graph.n_vertices):
            part = slice(rows.offsets[vertex], rows.offsets[vertex + 1])
            assert np.array_equal(rows.neighbours[part], np.flatnonzero(matrix[vertex]))
            if graph.weight is not None:
                assert rows.weights is not None
                seen = np.where(rows.weights[part] == 0, -1, rows.weights[part])
                assert np.array_equal(seen, matrix[vertex][matrix[vertex] != 0])
    assert {rows.neighbours.dtype for rows in (graph.out_rows, graph.in_rows)} == {np.dtype(np.int32)}


@given(graphs())
def test_reversing_twice_changes_nothing(graph: gg.Graph) -> None:
    turned = graph.reverse()
    assert np.array_equal(dense(turned), dense(graph).T)
    assert same(turned.reverse(), graph)
    anew = gg.Graph(turned.n_vertices, turned.source, turned.destination, turned.weight, directed=turned.directed)
    assert all(np.array_equal(a, b) for a, b in zip(anew.in_rows[:2], turned.in_rows[:2], strict=True))


@given(graphs())
def test_the_simple_view_is_networkx_undirected_without_loops(graph: gg.Graph) -> None:
    theirs = nx.Graph(to_networkx(graph))
    theirs.remove_edges_from(list(nx.selfloop_edges(theirs)))
    simple = graph.simple
    assert not simple.directed and simple.weight is None
    assert np.array_equal(dense(simple), nx.to_numpy_array(theirs, nodelist=range(graph.n_vertices), weight=None))
    assert simple.source.dtype == np.int32
    assert simple.n_edges == theirs.number_of_edges()


@given(graphs())
def test_subgraph_is_networkx(graph: gg.Graph) -> None:
    chosen = np.flatnonzero(np.arange(graph.n_vertices) % 3 != 1)
    part = graph.subgraph(chosen[::-1].copy())
    assert np.array_equal(dense(part), dense(graph)[np.ix_(chosen, chosen)])
    assert part.source.dtype == graph.source.dtype


@given(graphs())
def test_counts_are_networkx(graph: gg.Graph) -> None:
    theirs = to_networkx(graph)
    assert (graph.n_edges, graph.n_loops) == (theirs.number_of_edges(), nx.number_of_selfloops(theirs))
    assert len(graph.edges()[0]) == graph.n_edges


def test_it_travels_without_what_is_kept() -> None:
    graph = gg.from_edges(np.array([0, 1, 1]), np.array([1, 2, 1]), np.array([1.0, 2.0, 3.0]), directed=True)
    size = len(pickle.dumps(graph))
    assert graph.pull is graph.pull and graph.in_rows is graph.in_rows
    assert len(pickle.dumps(graph)) == size
    assert same(pickle.loads(pickle.dumps(graph)), graph)


def test_an_undirected_view_is_asked_for() -> None:
    graph = gg.from_edges(np.array([0, 1, 1]), np.array([1, 0, 1]), directed=True)
    with pytest.raises(UsageError, match='Triangles expected an undirected graph, got a directed one. Pass view="undirected"'):
        undirected_view(graph, None, "Triangles")
    assert undirected_view(graph, "undirected", "Triangles").n_edges == 1
    with pytest.raises(UsageError, match="or none, got 'simple'"):
        undirected_view(graph, "simple", "Triangles")


def test_ids_that_are_no_vertices() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), directed=True)
    with pytest.raises(StageError, match="subgraph: 2 of 3 ids are no vertices, 7 for one; the graph's are 0 to 1"):
        graph.subgraph(np.array([0, 7, -1]))
    with pytest.raises(DtypeError, match="got dtype float64"):
        graph.subgraph(np.array([0.0]))
    with pytest.raises(UsageError, match="one dimension, got one of shape"):
        graph.subgraph(np.array([[0]]))
    with pytest.raises(UsageError, match="got list"):
        graph.subgraph([0])  # type: ignore[arg-type]
