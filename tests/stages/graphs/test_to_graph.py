"""Graphs of tables: keys, forms of edges, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import networkx as nx
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError, WiringError
from gpupipe.engines.load import engine_type
from gpupipe.testing.tasks import check_task

EDGES = pl.DataFrame({"a": ["x", "ä", "x", "z"], "b": ["ä", "x", "z", "z"], "w": [1.0, 2.0, 3.0, 4.0]})


def node(frame: pl.DataFrame) -> Any:
    return gp.FromFrame(frame).node()


def numbered(graph: Any) -> tuple[list[Any], list[tuple[int, int]]]:
    return list(graph.keys[graph.keys.columns[0]].to_list()), list(zip(graph.source.tolist(), graph.destination.tolist(), strict=True))


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("directed", [True, False])
def test_law(weight: str | None, directed: bool, engine: str) -> None:
    """One graph on every engine: numbers in the order of the keys' bytes, edges as NetworkX has them."""
    made = check_task(
        gp.ToGraph("a", "b", weight, directed=directed, duplicates="sum" if weight else None),
        EDGES,
        engines=("cpu", engine),
    )
    keys, edges = numbered(made)
    assert keys == ["x", "z", "ä"]
    theirs: Any = (nx.DiGraph if directed else nx.Graph)()
    for one, other, w in EDGES.iter_rows():
        before = theirs.get_edge_data(one, other, {"weight": 0.0})["weight"]
        theirs.add_edge(one, other, weight=before + w)
    adjacency = nx.to_numpy_array(theirs, nodelist=keys, weight="weight" if weight else None)
    ours = np.zeros((3, 3))
    ours[made.source, made.destination] = made.weight if weight else 1
    np.testing.assert_array_equal(ours, adjacency)
    assert len(edges) == np.count_nonzero(adjacency)


@pytest.mark.parametrize(
    "keys",
    [
        pl.Series([3, -1, 300], dtype=pl.Int16),
        pl.Series([3, 2**63, 7], dtype=pl.UInt64),
        pl.Series(["2020-01-03", "1960-01-01", "2020-01-01"]).str.to_date(),
        pl.Series(["b", "", "a"], dtype=pl.Categorical),
        pl.Series([True, False, True]),
    ],
    ids=["int16", "uint64", "date", "categorical", "boolean"],
)
def test_keys_of_any_kind_come_back(keys: pl.Series, engine: str) -> None:
    edges = pl.DataFrame({"a": keys, "b": keys.reverse()})
    made = gp.Pipeline("keys", made=gp.Degrees()(gp.ToGraph("a", "b", directed=True)(node(edges)))).run(engine)["made"]
    wanted = keys.cast(pl.String) if keys.dtype == pl.Categorical else keys
    assert made["a"].to_list() == sorted(set(wanted.to_list()))
    assert made.schema["a"] == nw.from_native(wanted.to_frame("a")).schema["a"]


def test_composite_keys_and_vertices_without_edges(engine: str) -> None:
    edges = pl.DataFrame({"c1": ["de", "de"], "n1": [2, 1], "c2": ["at", "de"], "n2": [1, 2]})
    places = pl.DataFrame({"country": ["de", "at", "fr", "de"], "number": [2, 1, 9, 1]})
    graph = gp.ToGraph(["c1", "n1"], ["c2", "n2"], directed=True, vertices=["country", "number"])(node(edges), node(places))
    made = gp.Pipeline("pairs", made=gp.Degrees()(graph)).run(engine)["made"]
    assert made.select("c1", "n1", "in_degree", "out_degree").rows() == [("at", 1, 1, 0), ("de", 1, 0, 1), ("de", 2, 1, 1), ("fr", 9, 0, 0)]


def test_a_key_that_is_no_vertex_is_told(engine: str) -> None:
    graph = gp.ToGraph("a", "b", directed=True, vertices="k")(node(EDGES), node(pl.DataFrame({"k": ["x", "z"]})))
    with pytest.raises(StageError, match=r"every key of an edge among the vertices; 1 are not, 'ä' for one\. Add them"):
        gp.Pipeline("unknown", made=graph).run(engine)


def test_missing_keys(engine: str) -> None:
    edges = node(pl.DataFrame({"a": ["x", None, "y"], "b": ["y", "x", None]}))
    with pytest.raises(StageError, match=r"no missing key or weight in its edges, got some: 1 in 'a', 1 in 'b'\."):
        gp.Pipeline("missing", made=gp.ToGraph("a", "b", directed=True)(edges)).run(engine)
    made = gp.Pipeline("dropped", made=gp.ToGraph("a", "b", directed=True, nulls="drop")(edges)).run(engine)["made"]
    assert numbered(made) == (["x", "y"], [(0, 1)])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"duplicates": "error"}, "1 of 4 rows are edges that another row has"),
        ({"loops": "error", "duplicates": "sum"}, "1 edges are loops"),
        ({"listed": "both", "duplicates": "sum"}, "have no such partner"),
    ],
)
def test_forms_that_edges_do_not_have(options: dict[str, Any], match: str) -> None:
    with pytest.raises(StageError, match=match):
        gp.ToGraph("a", "b", "w", directed=False, **options).apply(EDGES)


def test_options_and_columns_are_checked_when_they_are_given() -> None:
    with pytest.raises(UsageError, match="duplicates='first'"):
        gp.ToGraph("a", "b", "w", directed=True, duplicates="first")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="keys of as many columns"):
        gp.ToGraph(["a", "w"], "b", directed=True)
    table = node(EDGES.with_columns(n=1))
    with pytest.raises(ColumnError, match="'c'"):
        gp.Pipeline("p", made=gp.ToGraph("a", "c", directed=True)(table)).check()
    with pytest.raises(DtypeError, match="keys of one dtype, got String in 'a' and Int32 in 'n'"):
        gp.Pipeline("p", made=gp.ToGraph("a", "n", directed=True)(table)).check()


def test_ports_say_what_they_take() -> None:
    table = node(EDGES)
    graph = gp.ToGraph("a", "b", directed=True)(table)
    with pytest.raises(WiringError, match=r"PageRank takes graphs of a pipeline, got Table\. Make one first: gp.ToGraph"):
        gp.PageRank()(table)
    with pytest.raises(WiringError, match=r"Limit\(1\) takes tables of a pipeline, got Graph\. Make a table of it first: by a graph stage"):
        graph >> gp.Limit(1)
    with pytest.raises(WiringError, match=r"ToGraph takes 1 to 2 table\(s\), got 3"):
        gp.ToGraph("a", "b", directed=True)(table, table, table)
    with pytest.raises(ColumnError, match="Degrees makes column 'degree', and the key of the graph's vertices is called so"):
        gp.Pipeline("p", made=gp.Degrees()(gp.ToGraph("degree", "b", directed=True)(node(EDGES.rename({"a": "degree"}))))).check()


def test_no_edges(engine: str) -> None:
    graph = gp.ToGraph("a", "b", directed=False)(node(EDGES.clear()))
    made = gp.Pipeline("none", graph=graph, ranks=gp.PageRank()(graph)).run(engine)
    assert made["graph"].describe()["facts"]["vertices"] == 0
    assert made["ranks"].shape == (0, 2)


def test_report_tells_of_the_graph(engine: str) -> None:
    report = gp.Pipeline("told", made=gp.ToGraph("a", "b", directed=False)(node(EDGES))).run(engine).report
    assert report["stages"][1]["facts"] == {
        "vertices": 3,
        "edges": 3,
        "directed": False,
        "weighted": False,
        "loops": 1,
        "parallel edges folded": 1,
        "isolated": 0,
        "largest degree": 3,
        "density": 0.666666667,
    }


def test_a_graph_larger_than_memory_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.engines._host_tools.available_bytes", lambda: 100)
    with pytest.raises(StageError, match=r"A graph of 4 edges and 3 vertices needs about 232 bytes, and there are 100\. Filter the edges"):
        gp.ToGraph("a", "b", directed=False).apply(EDGES)


def test_it_is_refused_before_rows_are_read_where_metadata_count_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    EDGES.write_parquet(tmp_path / "edges.parquet")
    rows = gp.ReadParquet(tmp_path / "edges.parquet").node()
    graph = gp.ToGraph("a", "b", directed=False)(gp.Cast({"a": nw.String})(rows))
    pipeline = gp.Pipeline("large", made=gp.Degrees()(graph))
    kind = engine_type(engine)
    if not kind.lazy:
        pytest.skip(f"engine {engine!r} reads a source as soon as it comes to it")

    def computed(*_: Any) -> Any:
        msg = "the rows were read"
        raise AssertionError(msg)

    monkeypatch.setattr(kind, "task_bytes", 100)
    monkeypatch.setattr(kind, "compute", computed)
    with pytest.raises(StageError, match=r"A graph of 4 edges needs about 232 bytes, and there are 100\. Filter the edges"):
        pipeline.run(engine)
    fewer = gp.ToGraph("a", "b", directed=False)(gp.Filter(nw.col("a") == "u")(rows))
    with pytest.raises(AssertionError, match="the rows were read"):  # how many are left is not known before
        gp.Pipeline("fewer", made=gp.Degrees()(fewer)).run(engine)


def test_reciprocity_is_of_edges_between_two() -> None:
    edges = pl.DataFrame({"a": [0, 1, 1, 2], "b": [1, 0, 2, 2]})
    facts = gp.ToGraph("a", "b", directed=True).apply(edges).describe()["facts"]
    assert facts["reciprocity"] == pytest.approx(nx.overall_reciprocity(nx.DiGraph([(0, 1), (1, 0), (1, 2)])))


@pytest.mark.parametrize("library", ["cpu", "pandas"])
def test_keys_of_bytes(library: str) -> None:
    graph = gp.ToGraph("a", "b", directed=True)(node(pl.DataFrame({"a": [b"x"], "b": [b"y"]})))
    made = gp.Pipeline("bytes", made=gp.BFS(b"x", predecessors=True)(graph)).run(library)["made"]
    assert made.to_polars().rows() == [(b"x", 0, None), (b"y", 1, b"x")]
