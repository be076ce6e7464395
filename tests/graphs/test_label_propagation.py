"""Label propagation against LDBC's examples and its definition."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from tests.graphs.examples import graphs, ldbc, real_graph, to_networkx


@pytest.mark.parametrize("name", ["directed", "undirected"])
def test_ldbc(graph_folder: Path, name: str) -> None:
    example = ldbc(graph_folder, name)
    found = gg.label_propagation(example.graph, example.parameters["cdlp_iterations"])
    assert example.keys[found.values].tolist() == [int(text) for text in example.expected("CDLP")]


@given(graphs(), st.integers(1, 4))
def test_its_definition(graph: gg.Graph, iterations: int) -> None:
    theirs = to_networkx(graph)
    labels = list(range(graph.n_vertices))
    for _ in range(iterations):
        after = []
        for v in range(graph.n_vertices):
            around = [*theirs.successors(v), *theirs.predecessors(v)] if graph.directed else list(theirs.neighbors(v))
            counts = Counter(labels[u] for u in around)
            after.append(min(counts, key=lambda label: (-counts[label], label)) if counts else labels[v])
        labels = after
    found = gg.label_propagation(graph, iterations)
    assert found.values.tolist() == labels
    assert found.iterations <= iterations


def test_it_ends_when_nothing_changes(graph_folder: Path) -> None:
    graph = gg.from_edges(np.array([0, 1, 2]), np.array([1, 2, 0]), directed=False)
    found = gg.label_propagation(graph, 100)
    assert (found.iterations < 100, found.converged, found.residuals[-1]) == (True, True, 0)
    karate = real_graph(graph_folder, "karate")
    assert not gg.label_propagation(karate, 1).converged
    assert nx.is_connected(to_networkx(karate))


def test_no_iterations_are_refused() -> None:
    with pytest.raises(UsageError, match="iterations=0: expected 1 or more"):
        gg.label_propagation(gg.from_edges(np.array([0]), np.array([1]), directed=False), 0)
