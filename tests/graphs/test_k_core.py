"""The k-core against NetworkX."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from tests.graphs.examples import graphs, to_networkx
from tests.graphs.test_triangles import simple


@given(graphs(20), st.integers(0, 4))
def test_networkx(graph: gg.Graph, k: int) -> None:
    theirs = nx.k_core(simple(graph), k)
    found = to_networkx(gg.k_core(graph, k))
    assert {frozenset(edge) for edge in found.edges} == {frozenset(edge) for edge in theirs.edges}


def test_a_negative_k_is_refused() -> None:
    with pytest.raises(UsageError, match="k=-1: expected 0 or more"):
        gg.k_core(gg.from_edges(np.array([0]), np.array([1]), directed=False), -1)
