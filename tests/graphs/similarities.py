"""What the four similarities are held to: their definitions, by sets and rows of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from tests.graphs.test_triangles import simple

Similarity = Callable[..., gg.PairValues]


def sets_of(graph: gg.Graph) -> list[set[int]]:
    """The neighbours of each vertex, by NetworkX."""
    theirs = simple(graph)
    return [set(theirs.neighbors(v)) for v in range(graph.n_vertices)]


def rows_of(graph: gg.Graph) -> np.ndarray:
    """The weights of each vertex's edges, loops left out, as a matrix."""
    found = np.zeros((graph.n_vertices, graph.n_vertices))
    found[graph.source, graph.destination] = graph.weight
    np.fill_diagonal(found, 0)
    return found


def pairs_of(data: st.DataObject, graph: gg.Graph) -> tuple[np.ndarray, np.ndarray]:
    vertex = st.integers(0, graph.n_vertices - 1)
    drawn = data.draw(st.lists(st.tuples(vertex, vertex), max_size=15))
    return np.array([u for u, _ in drawn], int), np.array([v for _, v in drawn], int)


def by_sets(data: st.DataObject, graph: gg.Graph, ours: Similarity, of: Callable[[set[int], set[int]], float]) -> None:
    """Hold a similarity of given pairs to its definition on sets."""
    first, second = pairs_of(data, graph)
    around = sets_of(graph)
    expected = [of(around[u], around[v]) for u, v in zip(first, second, strict=True)]
    found = ours(graph, (first, second))
    assert found.value == pytest.approx(expected, abs=1e-15)
    assert (found.first is first, found.second is second) == (True, True)


def by_rows(data: st.DataObject, graph: gg.Graph, ours: Similarity, of: Callable[[Any, Any], float]) -> None:
    """Hold a weighted similarity of given pairs to its definition on rows."""
    first, second = pairs_of(data, graph)
    rows = rows_of(graph)
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num([of(rows[u], rows[v]) for u, v in zip(first, second, strict=True)], nan=0)
    assert ours(graph, (first, second), weighted=True).value == pytest.approx(expected, abs=1e-12)


def of_all_pairs(graph: gg.Graph, ours: Similarity, top_k: int, *, weighted: bool) -> None:
    """Hold all pairs with a neighbour in common, and the largest of them, to the values of given pairs."""
    around = sets_of(graph)
    pairs = [(u, v) for u, v in combinations(range(graph.n_vertices), 2) if around[u] & around[v]]
    first, second = np.array([u for u, _ in pairs], int), np.array([v for _, v in pairs], int)
    value = ours(graph, (first, second), weighted=weighted).value
    found = ours(graph, weighted=weighted)
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == pairs
    assert found.value == pytest.approx(value, abs=1e-12)
    largest = ours(graph, top_k=top_k, weighted=weighted)
    order = sorted(range(len(pairs)), key=lambda at: (-found.value[at], pairs[at]))[:top_k]
    assert list(zip(largest.first.tolist(), largest.second.tolist(), strict=True)) == [pairs[at] for at in order]
    assert largest.value.tolist() == found.value[order].tolist()


def refuses(ours: Similarity, step: str) -> None:
    """Hold a similarity to what it cannot take."""
    plain = gg.from_edges(np.array([0, 1]), np.array([1, 2]), directed=False)
    weighted = gg.from_edges(np.array([0, 1]), np.array([1, 2]), np.array([1.0, -1.0]), directed=False)
    directed = gg.from_edges(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 1.0]), directed=True)
    one = np.array([0])
    with pytest.raises(StageError, match=f"{step}, pairs: 1 of 1 ids are no vertices, 3 for one"):
        ours(plain, (one, np.array([3])))
    with pytest.raises(UsageError, match=f"{step}, pairs: expected as many first as second vertices, got 1 and 2"):
        ours(plain, (one, np.array([0, 1])))
    with pytest.raises(UsageError, match="top_k=0: expected 1 or more"):
        ours(plain, top_k=0)
    with pytest.raises(UsageError, match=f"{step}, weighted=True, expected a graph with weights"):
        ours(plain, (one, one), weighted=True)
    with pytest.raises(UsageError, match=f"{step}, weighted=True, expected an undirected graph.*directed=False"):
        ours(directed, (one, one), weighted=True)
    with pytest.raises(StageError, match=f"{step} expected weights of 0 or more"):
        ours(weighted, (one, one), weighted=True)
    with pytest.raises(StageError, match="there may be 1 of them, more than max_pairs=0"):
        ours(plain, max_pairs=0)
    assert ours(plain, max_pairs=1).first.tolist() == [0]
    none = gg.from_edges(np.zeros(0, int), np.zeros(0, int), directed=False)
    assert [len(each) for each in (ours(none).first, ours(none, top_k=3).value)] == [0, 0]
