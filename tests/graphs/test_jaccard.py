"""Jaccard similarity against its definition on sets and rows, and NetworkX."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from tests.graphs.examples import graphs
from tests.graphs.similarities import by_rows, by_sets, of_all_pairs, pairs_of, refuses
from tests.graphs.test_triangles import simple


@given(graphs(15), st.data())
def test_sets(graph: gg.Graph, data: Any) -> None:
    by_sets(data, graph, gg.jaccard, lambda a, b: len(a & b) / len(a | b) if a & b else 0)


@given(graphs(15, directed=False, weights=True), st.data())
def test_rows(graph: gg.Graph, data: Any) -> None:
    by_rows(data, graph, gg.jaccard, lambda a, b: np.minimum(a, b).sum() / np.maximum(a, b).sum())


@given(graphs(10, directed=False, weights=True), st.integers(1, 5), st.booleans())
def test_all_pairs(graph: gg.Graph, top_k: int, weighted: bool) -> None:
    of_all_pairs(graph, gg.jaccard, top_k, weighted=weighted)


@given(graphs(15), st.data())
def test_networkx(graph: gg.Graph, data: Any) -> None:
    theirs = simple(graph)
    first, second = pairs_of(data, graph)
    known = [value for *_, value in nx.jaccard_coefficient(theirs, list(zip(first.tolist(), second.tolist(), strict=True)))]
    assert gg.jaccard(graph, (first, second)).value == pytest.approx(known, abs=1e-15)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    graph = gg.from_edges(*rng.integers(0, 200, (2, 3000)), n_vertices=200, directed=True)
    pairs = tuple(rng.integers(0, 200, (2, 1000)))
    expected = gg.jaccard(graph, pairs).value, gg.jaccard(graph), gg.jaccard(graph, top_k=20)
    monkeypatch.setattr("gpupipe.graphs._lookups._HOST_TABLE", (1, 1000))
    monkeypatch.setattr("gpupipe.graphs._lookups._HOST_BLOCK", 50)
    monkeypatch.setattr("gpupipe.graphs._similarity._EXPANDED", 500)
    assert gg.jaccard(graph, pairs).value.tolist() == expected[0].tolist()
    for found, known in zip((gg.jaccard(graph), gg.jaccard(graph, top_k=20)), expected[1:], strict=True):
        assert [found.first.tolist(), found.second.tolist(), found.value.tolist()] == [
            known.first.tolist(),
            known.second.tolist(),
            known.value.tolist(),
        ]


def test_what_is_refused() -> None:
    refuses(gg.jaccard, "Jaccard")
