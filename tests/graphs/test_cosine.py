"""Cosine similarity against its definition on sets and rows, by SciPy."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

import gpupipe.graphs as gg
from tests.graphs.examples import graphs
from tests.graphs.similarities import by_rows, by_sets, of_all_pairs, refuses


@given(graphs(15), st.data())
def test_sets(graph: gg.Graph, data: Any) -> None:
    by_sets(data, graph, gg.cosine, lambda a, b: len(a & b) / (len(a) * len(b)) ** 0.5 if a & b else 0)


@given(graphs(15, directed=False, weights=True), st.data())
def test_rows(graph: gg.Graph, data: Any) -> None:
    by_rows(data, graph, gg.cosine, lambda a, b: 1 - cosine(a, b))


@given(graphs(10, directed=False, weights=True), st.integers(1, 5), st.booleans())
def test_all_pairs(graph: gg.Graph, top_k: int, weighted: bool) -> None:
    of_all_pairs(graph, gg.cosine, top_k, weighted=weighted)


def test_what_is_refused() -> None:
    refuses(gg.cosine, "Cosine")
