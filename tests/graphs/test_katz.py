"""Katz centrality against the linear system it solves, NetworkX and cuGraph's own files."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from tests.graphs.examples import graphs, real_graph, real_rows, to_networkx, values
from tests.graphs.test_graph import dense


@given(graphs(), st.sampled_from([0.5, 1.0, 3.0]))
def test_the_linear_system(graph: gg.Graph, beta: float) -> None:
    whole = np.where(dense(graph) < 0, 0, dense(graph))
    largest = min(whole.sum(axis=0).max(), whole.sum(axis=1).max())
    alpha = 0.9 / largest if largest else 0.9
    x = np.linalg.solve(np.eye(graph.n_vertices) - alpha * whole.T, np.full(graph.n_vertices, beta))
    found = gg.katz(graph, beta=beta, tol=1e-12, max_iter=1000)
    assert found.values == pytest.approx(x / np.linalg.norm(x), abs=1e-10)


@given(graphs(weights=False))
def test_networkx(graph: gg.Graph) -> None:
    theirs = nx.katz_centrality(to_networkx(graph), alpha=0.02, tol=1e-13 / graph.n_vertices)
    assert gg.katz(graph, alpha=0.02, tol=1e-12).values == pytest.approx(values(theirs), abs=1e-10)


@pytest.mark.parametrize("name", ["karate", "dolphins", "polbooks", "netscience"])
def test_cugraphs_own_files(graph_folder: Path, name: str) -> None:
    graph = real_graph(graph_folder, name)
    known = [int(line) for line in (graph_folder / "cugraph" / f"ref_katz_{name}.csv").read_text().split()]
    found = gg.katz(graph, alpha=1 / (gg.degrees(graph).degree.max() + 1)).values
    keys = real_rows(graph_folder, name).keys
    assert len(known) == 10
    # Equals have no order there: whatever is listed has one of the ten largest values, and larger ones come first.
    listed = found[np.searchsorted(keys, known)]
    assert listed == pytest.approx(np.sort(found)[:-11:-1], abs=1e-9)


def test_a_directed_path_gets_more_along_its_way() -> None:
    found = gg.katz(gg.from_edges(np.arange(4), np.arange(1, 5), directed=True), alpha=0.5).values
    assert (np.diff(found) > 0).all()


def test_a_cycle_converges_by_default() -> None:
    found = gg.katz(gg.from_edges(np.arange(5), (np.arange(5) + 1) % 5, directed=False), max_iter=400)
    assert found.values == pytest.approx([5**-0.5] * 5)


def test_fixed_iterations_start_from_nothing() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), directed=True)
    assert gg.katz(graph, alpha=0.5, iterations=1).values == pytest.approx([0.5**0.5] * 2)
    assert gg.katz(graph, alpha=0.5, iterations=2).values == pytest.approx(np.array([1, 1.5]) / 3.25**0.5)


def test_a_large_alpha_is_never_taken_for_converged(graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "karate")
    radius = 1 / np.linalg.eigvalsh(dense(graph))[-1]
    for alpha in (1.001 * radius, 1.2 * radius, 100.0):
        with pytest.raises(StageError, match="alpha"):
            gg.katz(graph, alpha=alpha, max_iter=5000)
    with pytest.raises(StageError, match="Katz grew beyond all numbers with alpha=100: it has no limit"):
        gg.katz(graph, alpha=100.0, max_iter=5000)


def test_what_is_refused() -> None:
    graph = gg.from_edges(np.array([0]), np.array([1]), np.array([-1.0]), directed=True)
    with pytest.raises(StageError, match="Katz expected weights of 0 or more"):
        gg.katz(graph)
    for options, text in (({"alpha": 0}, "alpha=0"), ({"beta": -1}, "beta=-1"), ({"tol": -1}, "tol=-1")):
        with pytest.raises(UsageError, match=text):
            gg.katz(graph, **options)  # type: ignore[arg-type]
    assert gg.katz(gg.from_edges(np.zeros(0, int), np.zeros(0, int), directed=True)).values.shape == (0,)
    assert gg.katz(gg.from_edges(np.zeros(0, int), np.zeros(0, int), n_vertices=4, directed=True)).values.tolist() == [0.5] * 4
