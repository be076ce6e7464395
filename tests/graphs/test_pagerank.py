"""PageRank against NetworkX, the reference of real graphs and LDBC's examples; when it ends; what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError, UsageError
from tests.graphs.examples import REAL, graphs, real_graph, real_rows, to_networkx, values


def theirs(graph: gg.Graph, personalization: dict[int, float] | None = None) -> Any:
    """NetworkX's, to a total change of 1e-12; theirs is by vertex."""
    tol = 1e-12 / graph.n_vertices
    found = nx.pagerank(to_networkx(graph), tol=tol, max_iter=500, personalization=personalization, weight="weight")
    return values(found)


@given(graphs())
def test_networkx(graph: gg.Graph) -> None:
    ours = gg.pagerank(graph, tol=1e-12, max_iter=500)
    assert ours.values == pytest.approx(theirs(graph), abs=1e-11)
    assert ours.values.sum() == pytest.approx(1, abs=1e-12)


@given(graphs(), st.data())
def test_networkx_with_personalisation(graph: gg.Graph, data: Any) -> None:
    chosen = data.draw(st.lists(st.integers(0, graph.n_vertices - 1), min_size=1, unique=True))
    weights = [float(1 + at) for at in range(len(chosen))]
    ours = gg.pagerank(graph, personalization=(np.array(chosen), np.array(weights)), tol=1e-12, max_iter=500)
    assert ours.values == pytest.approx(theirs(graph, dict(zip(chosen, weights, strict=True))), abs=1e-11)


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    known = reference[name]["pagerank"]
    found = gg.pagerank(real_graph(graph_folder, name), known["alpha"], tol=1e-12, max_iter=500).values
    keys = real_rows(graph_folder, name).keys.tolist()
    assert len(known["top20"]) >= 20
    for key, value in known["top20"]:
        assert found[keys.index(key)] == pytest.approx(value, abs=1e-9)


def test_a_fixed_number_of_iterations() -> None:
    graph = gg.from_edges(np.array([0, 1, 2, 2]), np.array([2, 2, 0, 1]), directed=True)
    found = gg.pagerank(graph, iterations=3)
    assert (found.iterations, found.converged) == (3, True)
    x = np.full(3, 1 / 3)
    transition = np.array([[0, 0, 1], [0, 0, 1], [0.5, 0.5, 0]])
    for _ in range(3):
        x = 0.85 * x @ transition + 0.05
    assert found.values == pytest.approx(x, abs=1e-15)


def test_the_last_change_bounds_the_error() -> None:
    rng = np.random.default_rng(0)
    graph = gg.from_edges(*rng.integers(0, 300, (2, 900)), n_vertices=300, directed=True)
    limit = gg.pagerank(graph, tol=1e-14, max_iter=1000).values
    found = gg.pagerank(graph, tol=1e-4)
    assert found.residuals[-1] < 1e-4 < found.residuals[-2]
    assert np.abs(found.values - limit).sum() <= 0.85 / 0.15 * found.residuals[-1]


def test_no_convergence() -> None:
    graph = gg.from_edges(np.array([0, 1]), np.array([1, 0]), n_vertices=3, directed=True)
    with pytest.raises(StageError, match="PageRank expected to change by less than tol=1e-08 in total within 2 iterations, and still"):
        gg.pagerank(graph, max_iter=2)
    with pytest.warns(gg.ConvergenceWarning, match="max_iter="):
        found = gg.pagerank(graph, max_iter=2, on_no_convergence="warn")
    assert (found.converged, found.iterations) == (False, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not gg.pagerank(graph, max_iter=2, on_no_convergence="ignore").converged


def test_no_vertices_and_no_edges() -> None:
    none = np.zeros(0, np.int64)
    assert gg.pagerank(gg.from_edges(none, none, directed=True)).values.shape == (0,)
    assert gg.pagerank(gg.from_edges(none, none, n_vertices=4, directed=True)).values.tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"alpha": 1.0}, UsageError, "alpha=1.0: expected a share"),
        ({"tol": 0}, UsageError, "tol=0: expected a number above 0"),
        ({"max_iter": 0}, UsageError, "max_iter=0: expected 1 or more"),
        ({"iterations": 0}, UsageError, "iterations=0: expected 1 or more"),
        ({"on_no_convergence": "no"}, UsageError, "on_no_convergence='no'"),
        ({"personalization": (np.array([9]), np.array([1.0]))}, StageError, "1 of 1 ids are no vertices, 9 for one"),
        ({"personalization": (np.array([1, 1]), np.array([1.0, 1.0]))}, StageError, "names 1 vertices again"),
        ({"personalization": (np.array([1]), np.array([0.0]))}, StageError, "not all 0"),
        ({"personalization": (np.array([0, 1]), np.array([1.0, np.nan]))}, StageError, "finite values"),
        ({"personalization": (np.array([0, 1]), np.array([1.0]))}, UsageError, "got 1 for 2"),
    ],
)
def test_what_is_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    graph = gg.from_edges(np.array([0, 1]), np.array([1, 2]), directed=True)
    with pytest.raises(error, match=text):
        gg.pagerank(graph, **options)


def test_negative_weights_are_refused() -> None:
    for directed in (True, False):  # an edge that is stored twice is one
        graph = gg.from_edges(np.array([0, 1]), np.array([1, 2]), np.array([1.0, -2.0]), directed=directed)
        with pytest.raises(StageError, match="PageRank expected weights of 0 or more, got 1 negative ones of 2"):
            gg.pagerank(graph)
