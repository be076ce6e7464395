"""Edges put into form: loops, both directions, parallel edges; real files with all of them; what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.graphs as gg
from gpupipe.core.errors import DtypeError, StageError, UsageError
from tests.graphs.examples import DIRECTED, REAL, edge_rows, real_graph, real_rows
from tests.graphs.test_graph import same

RULES = {"sum": sum, "min": min, "max": max, "mean": lambda each: sum(each) / len(each), "count": len}


def arrays(rows: list[tuple[int, int, float]]) -> tuple[Any, Any, Any]:
    return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int64), np.array([row[2] for row in rows])


@given(edge_rows(), st.booleans(), st.sampled_from(list(RULES)), st.sampled_from(["keep", "drop"]))
def test_parallel_edges_by_hand(drawn: Any, directed: bool, rule: str, loops: str) -> None:
    rows, n_vertices, _ = drawn
    by_pair: dict[tuple[int, int], list[float]] = {}
    for u, v, weight in rows:
        if u != v or loops == "keep":
            by_pair.setdefault((u, v) if directed else (min(u, v), max(u, v)), []).append(weight)
    graph = gg.from_edges(*arrays(rows), n_vertices, directed=directed, duplicates=rule, loops=loops)
    source, destination, weight = graph.edges()
    found = dict(zip(zip(source.tolist(), destination.tolist(), strict=True), weight.tolist(), strict=True))
    assert found == {pair: RULES[rule](sorted(each)) for pair, each in by_pair.items()}
    assert list(found) == sorted(found)
    assert graph.n_folded == sum(len(each) - 1 for each in by_pair.values())
    keys = graph.source.astype(np.int64) * n_vertices + graph.destination
    assert (np.diff(keys) > 0).all()
    if not directed:
        stored = set(zip(graph.source.tolist(), graph.destination.tolist(), graph.weight.tolist(), strict=True))
        assert stored == {(v, u, weight) for u, v, weight in stored}


@given(edge_rows(), st.booleans(), st.randoms())
def test_the_order_of_rows_changes_nothing(drawn: Any, directed: bool, random: Any) -> None:
    rows, n_vertices, _ = drawn
    rows = [(u, v, weight * 0.1) for u, v, weight in rows]  # sums of tenths depend on their order
    mixed = random.sample(rows, len(rows))
    for rule in RULES:
        first, second = (gg.from_edges(*arrays(each), n_vertices, directed=directed, duplicates=rule) for each in (rows, mixed))
        assert same(first, second)


@given(edge_rows(), st.booleans())
def test_without_weights_pairs_are_what_networkx_keeps(drawn: Any, directed: bool) -> None:
    rows, n_vertices, _ = drawn
    graph = gg.from_edges(*arrays(rows)[:2], None, n_vertices, directed=directed)
    theirs = (nx.DiGraph if directed else nx.Graph)([row[:2] for row in rows])
    ours = graph.edges()
    pairs = {(u, v) if directed else (min(u, v), max(u, v)) for u, v in theirs.edges}
    assert set(zip(ours[0].tolist(), ours[1].tolist(), strict=True)) == pairs
    assert graph.weight is None


@given(edge_rows(), st.randoms())
def test_listed_both_ways_is_listed_once(drawn: Any, random: Any) -> None:
    rows, n_vertices, _ = drawn
    both = rows + [(v, u, weight) for u, v, weight in rows if u != v]
    mixed = random.sample(both, len(both))
    one = gg.from_edges(*arrays(rows), n_vertices, directed=False, duplicates="sum")
    two = gg.from_edges(*arrays(mixed), n_vertices, directed=False, duplicates="sum", listed="both")
    assert same(one, two)
    assert one.n_folded == two.n_folded


@pytest.mark.parametrize("name", REAL)
def test_real_files_have_the_counts_of_the_reference(graph_folder: Path, reference: Any, name: str) -> None:
    rows, known = real_rows(graph_folder, name), reference[name]
    assert len(rows.source) == known["input_rows"]
    graph = real_graph(graph_folder, name)
    assert graph.n_vertices == known["nodes"]
    assert graph.directed == known["directed"] == (name in DIRECTED)
    assert (graph.n_edges, graph.n_loops) == (known["distinct_edges"], known["self_loops"])
    assert graph.simple.n_edges == known["undirected_simple_edges"]


def test_real_files_are_listed_both_ways(graph_folder: Path) -> None:
    for name in ("karate", "dolphins", "polbooks", "netscience"):
        rows = real_rows(graph_folder, name)
        graph = gg.from_edges(*rows[1:], rows.n_vertices, directed=False, listed="both")
        assert (2 * graph.n_edges, graph.n_folded) == (len(rows.source), 0)
        with pytest.raises(StageError, match="Every edge is listed in both directions: say listed='both'"):
            gg.from_edges(*rows[1:], rows.n_vertices, directed=False)
    rows = real_rows(graph_folder, "karate-asymmetric")
    with pytest.raises(StageError, match="78 of 78 rows have no such partner"):
        gg.from_edges(*rows[1:], rows.n_vertices, directed=False, listed="both")
    once = gg.from_edges(*rows[1:], rows.n_vertices, directed=False)
    assert same(once, real_graph(graph_folder, "karate", weighted=True))


def test_real_files_with_loops_and_parallel_edges(graph_folder: Path) -> None:
    rows = real_rows(graph_folder, "dolphins_s_loop")
    graph = gg.from_edges(*rows[1:], rows.n_vertices, directed=False, listed="both")
    assert (graph.n_edges, graph.n_loops) == (162, 3)
    assert gg.from_edges(*rows[1:], rows.n_vertices, directed=False, listed="both", loops="drop").n_edges == 159
    with pytest.raises(StageError, match="3 edges are loops"):
        gg.from_edges(*rows[1:], rows.n_vertices, directed=False, listed="both", loops="error")
    rows = real_rows(graph_folder, "karate_multi_edge")
    with pytest.raises(StageError, match="4 of 160 rows have no such partner"):  # the four that were added stand there one way
        gg.from_edges(*rows[1:], rows.n_vertices, directed=False, listed="both")
    with pytest.raises(StageError, match="82 of 160 rows are edges that another row has.*duplicates='sum'"):
        gg.from_edges(*rows[1:], rows.n_vertices, directed=False)
    multiple = gg.from_edges(*rows[1:], rows.n_vertices, directed=False, duplicates="count")
    assert (multiple.n_edges, multiple.n_folded, np.bincount(multiple.edges()[2].astype(int)).tolist()) == (78, 82, [0, 0, 74, 4])
    rows = real_rows(graph_folder, "dining_prefs")
    assert rows.keys[:3].tolist() == ["Ada", "Adele", "Alice"]
    assert gg.from_edges(*rows[1:], rows.n_vertices, directed=True).n_edges == 52


def test_the_mirror_is_told_apart_from_parallel_edges() -> None:
    source, destination, weight = np.array([0, 0]), np.array([1, 1]), np.ones(2)
    with pytest.raises(StageError, match="1 of 2 rows are edges that another row has.*duplicates='sum'"):
        gg.from_edges(source, destination, weight, directed=False)
    with pytest.raises(StageError, match="1 of 3 rows"):
        gg.from_edges(np.array([0, 1, 1]), np.array([1, 0, 2]), np.ones(3), directed=False, duplicates="error")
    with pytest.raises(StageError, match="2 of 2 rows have no such partner"):
        gg.from_edges(np.array([0, 1]), np.array([1, 0]), np.array([1.0, 2.0]), directed=False, listed="both")
    assert gg.from_edges(np.array([0, 1]), np.array([1, 0]), np.array([1.0, 2.0]), directed=True).n_edges == 2


def test_vertices_without_edges_and_no_edges() -> None:
    assert gg.from_edges(np.array([0]), np.array([1]), n_vertices=5, directed=True).n_vertices == 5
    none = np.zeros(0, np.int64)
    for directed in (True, False):
        for weight in (None, np.zeros(0)):
            for listed in ("once",) if directed else ("once", "both"):
                graph = gg.from_edges(none, none, weight, 3, directed=directed, listed=listed)
                assert (graph.n_edges, graph.simple.n_edges, graph.reverse().n_edges) == (0, 0, 0)
    assert gg.from_edges(none, none, directed=False).n_vertices == 0


def test_float32_stays_and_whole_numbers_become_float64() -> None:
    ends = np.array([0, 1]), np.array([1, 2])
    assert gg.from_edges(*ends, np.ones(2, np.float32), directed=False).weight.dtype == np.float32
    assert gg.from_edges(*ends, np.ones(2, np.int8), directed=False).weight.dtype == np.float64
    assert gg.from_edges(*ends, np.ones(2, np.float32), directed=False, duplicates="mean").weight.dtype == np.float32


def test_inputs_are_left_alone() -> None:
    source, destination, weight = np.array([2, 0, 2]), np.array([1, 1, 1]), np.array([1.0, 2.0, 3.0])
    gg.from_edges(source, destination, weight, directed=False, duplicates="sum")
    assert (source.tolist(), destination.tolist(), weight.tolist()) == ([2, 0, 2], [1, 1, 1], [1, 2, 3])


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"duplicates": "sum"}, UsageError, "edges without weights expected one of 'any', 'error', 'count'"),
        ({"duplicates": "any", "weight": np.ones(2)}, UsageError, "edges with weights expected one of 'error', 'sum'"),
        ({"loops": "no"}, UsageError, "loops='no'"),
        ({"listed": "twice"}, UsageError, "listed='twice'"),
        ({"listed": "both", "directed": True}, UsageError, "but the graph is directed"),
        ({"weight": np.array([1.0, np.nan])}, StageError, "1 of 2 weights are NaN and 0 infinite"),
        ({"weight": np.array([np.inf, np.nan])}, StageError, "1 of 2 weights are NaN and 1 infinite"),
        ({"weight": np.ones(3)}, UsageError, r"arrays of one length, got \[2, 2, 3\]"),
        ({"weight": np.array(["a", "b"])}, DtypeError, "weight expected real numbers"),
        ({"n_vertices": 2}, StageError, "destination: 1 of 2 ids are no vertices, 2 for one; the graph's are 0 to 1"),
        ({"source": np.array([0.0, 1.0])}, DtypeError, "source expected ids of vertices, whole numbers, got dtype float64"),
    ],
)
def test_what_is_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    call = {"source": np.array([0, 1]), "destination": np.array([1, 2]), "directed": False, **options}
    with pytest.raises(error, match=text):
        gg.from_edges(**call)


def test_lists_are_no_arrays() -> None:
    with pytest.raises(UsageError, match="Expected an array of NumPy or CuPy, got list"):
        gg.from_edges([0], [1], directed=True)
