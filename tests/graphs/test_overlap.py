"""Overlap similarity against its definition on sets and rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from tests.graphs.examples import graphs
from tests.graphs.similarities import by_rows, by_sets, of_all_pairs, refuses


@given(graphs(15), st.data())
def test_sets(graph: gg.Graph, data: Any) -> None:
    by_sets(data, graph, gg.overlap, lambda a, b: len(a & b) / min(len(a), len(b)) if a & b else 0)


@given(graphs(15, directed=False, weights=True), st.data())
def test_rows(graph: gg.Graph, data: Any) -> None:
    by_rows(data, graph, gg.overlap, lambda a, b: np.minimum(a, b).sum() / min(a.sum(), b.sum()))


@given(graphs(10, directed=False, weights=True), st.integers(1, 5), st.booleans())
def test_all_pairs(graph: gg.Graph, top_k: int, weighted: bool) -> None:
    of_all_pairs(graph, gg.overlap, top_k, weighted=weighted)


def test_what_is_refused() -> None:
    refuses(gg.overlap, "Overlap")
