"""Features of pairs against NetworkX."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from tests.graphs.examples import graphs
from tests.graphs.similarities import pairs_of
from tests.graphs.test_triangles import simple


@given(graphs(20), st.data())
def test_networkx(graph: gg.Graph, data: Any) -> None:
    first, second = pairs_of(data, graph)
    apart = first != second
    first, second = first[apart], second[apart]
    theirs, pairs = simple(graph), list(zip(first.tolist(), second.tolist(), strict=True))
    found = gg.link_features(graph, first, second)
    assert found.common.tolist() == [len(list(nx.common_neighbors(theirs, u, v))) for u, v in pairs]
    for ours, index in (
        (found.jaccard, nx.jaccard_coefficient),
        (found.adamic_adar, nx.adamic_adar_index),
        (found.resource_allocation, nx.resource_allocation_index),
        (found.preferential, nx.preferential_attachment),
    ):
        assert ours == pytest.approx([value for *_, value in index(theirs, pairs)], abs=1e-14)


def test_what_is_refused() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), directed=False)
    with pytest.raises(StageError, match="expected pairs of two vertices; 1 of 2 are of one with itself"):
        gg.link_features(graph, np.array([0, 1]), np.array([1, 1]))
    with pytest.raises(UsageError, match="got 1 and 2"):
        gg.link_features(graph, np.array([0]), np.array([1, 1]))
    with pytest.raises(StageError, match="LinkFeatures, pairs: 1 of 1 ids are no vertices"):
        gg.link_features(graph, np.array([0]), np.array([2]))
