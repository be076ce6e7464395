"""Projections against NetworkX."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError

ROWS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 6), st.sampled_from([0.0, 0.5, 1.0, 2.0])), max_size=40)


def pairs(graph: gg.Graph) -> dict[tuple[int, int], float]:
    u, v, weight = graph.edges()
    return dict(zip(zip(u.tolist(), v.tolist(), strict=True), weight.tolist(), strict=True))


@given(ROWS)
def test_networkx(rows: list[tuple[int, int, float]]) -> None:
    theirs = nx.Graph()
    theirs.add_nodes_from(range(9))
    theirs.add_edges_from((key, ("other", other)) for key, other, _ in rows)
    known = nx.bipartite.weighted_projected_graph(theirs, range(9)) if rows else theirs
    found = gg.project(np.array([r[0] for r in rows], int), np.array([r[1] for r in rows], int), None, 9)
    assert pairs(found) == {(min(u, v), max(u, v)): weight for u, v, weight in known.edges(data="weight")}
    assert found.n_vertices == 9
    assert (np.diff(found.source.astype(int) * 9 + found.destination) > 0).all()


@given(ROWS, st.integers(0, 4))
def test_weights_and_hubs_by_hand(rows: list[tuple[int, int, float]], max_degree: int) -> None:
    matrix, there = np.zeros((9, 7)), np.zeros((9, 7), bool)
    for key, other, weight in rows:
        matrix[key, other] += weight
        there[key, other] = True
    matrix[:, there.sum(axis=0) > max_degree] = 0
    there[:, there.sum(axis=0) > max_degree] = False
    expected, shared = matrix @ matrix.T, there.astype(int) @ there.T
    arrays: Any = (np.array([r[0] for r in rows], int), np.array([r[1] for r in rows], int), np.array([r[2] for r in rows]))
    found = gg.project(*arrays, 9, duplicates="sum", max_degree=max_degree)
    assert pairs(found) == {(u, v): expected[u, v] for u in range(9) for v in range(u + 1, 9) if shared[u, v]}


def test_what_is_refused() -> None:
    keys, others = np.array([0, 1, 2, 0]), np.array([0, 0, 0, 1])
    with pytest.raises(StageError, match="Project may find 3 pairs that share an other, more than max_pairs=2"):
        gg.project(keys, others, max_pairs=2)
    assert gg.project(keys, others, max_pairs=3).n_edges == 3
    with pytest.raises(UsageError, match="max_degree=-1: expected 0 or more"):
        gg.project(keys, others, max_degree=-1)
    with pytest.raises(StageError, match="Project expected weights of 0 or more"):
        gg.project(keys, others, -np.ones(4))
    with pytest.raises(StageError, match="rows are edges that another row has"):
        gg.project(np.array([0, 0]), np.array([1, 1]), np.ones(2))
    none = np.zeros(0, int)
    assert gg.project(none, none).n_vertices == 0
