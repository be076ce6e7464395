"""Random walks: along edges, as likely as they should be, and the same whatever stands beside them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import xxhash
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from gpupipe.graphs._chance import Draws
from tests.graphs.examples import graphs, real_graph, to_networkx


@given(graphs(), st.data())
def test_walks_follow_edges_until_there_are_none(graph: gg.Graph, data: Any) -> None:
    starts = np.array(data.draw(st.lists(st.integers(0, graph.n_vertices - 1), max_size=5)), int)
    length, walks, weighted = (
        data.draw(st.integers(0, 5)),
        data.draw(st.integers(1, 3)),
        graph.weight is not None and data.draw(st.booleans()),
    )
    p, q = data.draw(st.sampled_from([(1.0, 1.0), (0.25, 4.0), (4.0, 0.25)]))
    found = gg.random_walks(graph, starts, length, walks, weighted=weighted, p=p, q=q)
    theirs = to_networkx(graph)
    usable = {(u, v) for u, v, w in theirs.edges(data="weight", default=1) if w > 0 or not weighted}
    usable |= set() if graph.directed else {(v, u) for u, v in usable}
    paths: dict[int, list[int]] = {}
    for walk, step, vertex in zip(found.walk.tolist(), found.step.tolist(), found.vertex.tolist(), strict=True):
        assert step == len(paths.setdefault(walk, []))
        paths[walk].append(vertex)
    assert [paths[walk][0] for walk in sorted(paths)] == np.repeat(starts, walks).tolist()
    for path in paths.values():
        assert all(pair in usable for pair in pairwise(path))
        assert len(path) == length + 1 or not any(u == path[-1] for u, _ in usable)


def as_likely(counts: Any, shares: Any) -> bool:
    """Whether counts may come from shares: they do by chance in all but one of ten thousand such tests."""
    return bool(scipy.stats.chisquare(counts, np.asarray(shares) / np.sum(shares) * np.sum(counts)).pvalue > 1e-4)


def test_uniform_steps_are_as_likely_as_each_other(graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "karate")
    found = gg.random_walks(graph, np.array([33]), 1, 20_000)
    offsets, neighbours, _ = graph.out_rows
    around = neighbours[offsets[33] : offsets[34]]
    counts = np.bincount(found.vertex[found.step == 1], minlength=34)
    assert counts.sum() == counts[around].sum()
    assert as_likely(counts[around], np.ones(len(around)))


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_weighted_steps_are_as_likely_as_their_weights(scale: float) -> None:
    weights = np.array([0.0, 1.0, 2.0, 0.0, 5.0, 0.5, 0.0])
    graph = gg.from_edges(np.zeros(7, int), np.arange(1, 8), weights * scale, directed=True)
    found = gg.random_walks(graph, np.array([0]), 3, 20_000, weighted=True)
    counts = np.bincount(found.vertex[found.step == 1], minlength=8)[1:]
    assert (counts[weights == 0] == 0).all()
    assert as_likely(counts[weights > 0], weights[weights > 0])


def test_a_light_edge_is_taken_now_and_then_and_only_zero_never() -> None:
    graph = gg.from_edges(np.zeros(2, int), np.array([1, 2]), np.array([1e-3, 1.0]), directed=True)
    found = gg.random_walks(graph, np.array([0]), 1, 100_000, weighted=True)
    assert 60 < (found.vertex == 1).sum() < 150
    none = gg.from_edges(np.zeros(2, int), np.array([1, 2]), np.zeros(2), directed=True)
    assert gg.random_walks(none, np.array([0]), 5, weighted=True).vertex.tolist() == [0]


@pytest.mark.parametrize(("p", "q"), [(0.25, 4.0), (4.0, 0.5), (1.0, 2.0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_node2vec_steps_are_as_likely_as_their_biases(p: float, q: float, weighted: bool) -> None:
    # From 0 to 1, and from there back to 0, to 2, which 0 knows, or to 3 or 4, which it does not.
    source, destination = np.array([0, 0, 1, 1, 1]), np.array([1, 2, 2, 3, 4])
    weight = np.array([1.0, 0.0, 2.0, 1.0, 3.0])
    graph = gg.from_edges(source, destination, weight, directed=False)
    biases = np.array([1 / p, 0, 1.0, 1 / q, 1 / q]) * (np.array([1.0, 0, 2.0, 1.0, 3.0]) if weighted else 1)
    found = gg.random_walks(graph, np.array([0]), 2, 30_000, weighted=weighted, p=p, q=q)
    path = found.vertex.reshape(-1, 3)
    counts = np.bincount(path[path[:, 1] == 1, 2], minlength=5)
    reachable = biases > 0
    assert as_likely(counts[reachable], biases[reachable])


def test_chance_is_the_hash_of_xxhash() -> None:
    numbers = Draws(np.array([7, 8]), seed=5).numbers(np.array([1]), step=2, draw=3)
    state = xxhash.xxh64_intdigest((8).to_bytes(8, "little"), 5)
    assert 0 <= numbers[0] < 1
    assert numbers[0] != state * 2.0**-64  # mixed further with the step and the draw
    many = Draws(np.arange(100_000), seed=0)
    for step, draw in ((0, 0), (1, 0), (0, 1), (50, 7)):
        assert scipy.stats.kstest(many.numbers(np.arange(100_000), step, draw), "uniform").pvalue > 1e-4
    first, second = (many.numbers(np.arange(100_000), 1, draw) for draw in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02


def test_a_seed_gives_the_same_and_a_walk_does_not_depend_on_later_ones(graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "wiki-Vote")
    one, same, other = (gg.random_walks(graph, np.array([5, 6, 7]), 10, 2, p=0.5, seed=seed).vertex.tolist() for seed in (1, 1, 2))
    assert one == same != other
    few = gg.random_walks(graph, np.array([5, 6]), 10, 2, p=0.5, seed=1).vertex.tolist()
    assert one[: len(few)] == few


def test_p_and_q_of_one_are_uniform_walks(graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "karate")
    ones = gg.Graph(graph.n_vertices, graph.source, graph.destination, np.ones(graph.n_stored), directed=False)
    uniform = gg.random_walks(graph, np.arange(34), 8)
    assert np.unique(uniform.step).tolist() == list(range(9))
    weighted = gg.random_walks(ones, np.arange(34), 8, weighted=True)
    assert (uniform.vertex == weighted.vertex).mean() > 0.99  # the same draws, but for a last bit


def test_what_is_refused() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), directed=True)
    start = np.array([0])
    for options in ({"length": -1}, {"walks": 0}, {"p": 0}, {"q": float("inf")}):
        with pytest.raises(UsageError, match="expected length from 0, walks from 1 on, and finite p and q above 0"):
            gg.random_walks(graph, start, **{"length": 1, **options})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="weighted=True, expected a graph with weights"):
        gg.random_walks(graph, start, 1, weighted=True)
    with pytest.raises(StageError, match="RandomWalks, starts: 1 of 1 ids are no vertices"):
        gg.random_walks(graph, np.array([2]), 1)
    with pytest.raises(StageError, match="RandomWalks expected weights of 0 or more"):
        gg.random_walks(gg.from_edges(start, np.array([1]), np.array([-1.0]), directed=True), start, 1, weighted=True)
