"""PageRank as a stage, against NetworkX and against published ranks of real graphs."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import narwhals.stable.v2 as nw
import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.core.errors import UsageError, WiringError
from gpupipe.testing.tasks import check_task

EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([0.0, 0.5, 1.0, 3.0])), min_size=1, max_size=30)


@given(EDGES, st.booleans())
def test_law(rows: list[tuple[int, int, float]], directed: bool) -> None:
    """The ranks of NetworkX, on every engine, in any order."""
    edges = pl.DataFrame(rows, schema=["a", "b", "w"], orient="row").unique(["a", "b"], keep="first", maintain_order=True)
    if not directed:
        low, high = pl.min_horizontal("a", "b"), pl.max_horizontal("a", "b")
        edges = edges.select(low.alias("a"), high.alias("b"), "w").unique(["a", "b"], keep="first", maintain_order=True)
    made = check_task(lambda table: gp.ToGraph("a", "b", "w", directed=directed)(table) >> gp.PageRank(tol=1e-12), edges, rtol=1e-10)
    theirs = (nx.DiGraph if directed else nx.Graph)()
    theirs.add_weighted_edges_from(edges.iter_rows())
    expected = nx.pagerank(theirs, tol=1e-14, max_iter=1000)
    assert dict(made.rows()) == pytest.approx(expected, abs=1e-10)


def test_on_each_engine(engine: str) -> None:
    edges = pl.DataFrame({"a": np.arange(200) % 17, "b": np.arange(200) ** 2 % 23})
    made = check_task(lambda table: gp.PageRank()(gp.ToGraph("a", "b", directed=True)(table)), edges, engines=("cpu", engine))
    assert made["pagerank"].sum() == pytest.approx(1)


def test_published_ranks(shared_data: Path, engine: str) -> None:
    """The twenty highest ranks of a published network of votes."""
    reference = json.loads((shared_data / "graphs" / "reference_shared.json").read_text())
    with gzip.open(shared_data / "graphs" / "wiki-Vote.txt.gz", "rt") as lines:
        pairs = [line.split() for line in lines if not line.startswith("#")]
    edges = gp.FromFrame(pl.DataFrame({"a": [int(one) for one, _ in pairs], "b": [int(other) for _, other in pairs]})).node()
    ranks = gp.PageRank(tol=1e-13, max_iter=1000)(gp.ToGraph("a", "b", directed=True)(edges))
    top = gp.SortRows("pagerank", descending=True, limit=20)(ranks)
    made = gp.Pipeline("votes", top=top, total=gp.Scalar(nw.col("pagerank").sum())(ranks)).run(engine)
    (votes,) = [graph for name, graph in reference.items() if "wiki" in name]
    assert dict(made["top"].rows()) == pytest.approx(dict(votes["pagerank"]["top20"]), abs=1e-9)
    assert made["total"] == pytest.approx(1)


def test_a_graph_is_let_go_and_its_index_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stages of one graph share the object that the functions of graphs take."""
    from gpupipe.kinds.graph import GraphData  # local: what is watched here

    made = []
    original = GraphData.graph.func  # type: ignore[attr-defined]

    def watched(self: GraphData) -> object:
        made.append(id(self))
        return original(self)

    monkeypatch.setattr(GraphData.graph, "func", watched)
    table = gp.FromFrame(pl.DataFrame({"a": [1, 2], "b": [2, 3]})).node()
    graph = gp.ToGraph("a", "b", directed=True)(table)
    gp.Pipeline("twice", ranks=gp.PageRank()(graph), degrees=gp.Degrees()(graph)).run("cpu")
    assert len(made) == 1


WRONG = {
    "alpha=1.0": gp.PageRank(alpha=1.0),
    "tol=0": gp.HITS(tol=0),
    "beta=0": gp.Katz(beta=0),
    "max_iter=0": gp.Eigenvector(max_iter=0),
    "iterations=0": gp.LabelPropagation(0),
    "k=-1": gp.KCore(-1),
    "k=1": gp.KTruss(1),
    "k=0": gp.Betweenness(k=0),
    "cutoff=-1": gp.ShortestPaths("a", cutoff=-1),
    "resolution=0": gp.Louvain(resolution=0),
    "p=0": gp.RandomWalks(2, p=0),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_options_are_told_in_the_plan(text: str) -> None:
    graph = gp.ToGraph("a", "b", directed=False)(gp.FromFrame(pl.DataFrame({"a": ["a"], "b": ["b"]})).node())
    with pytest.raises(UsageError, match=re.escape(text)):
        gp.Pipeline("wrong", made=WRONG[text](graph)).plan()


def test_a_table_is_no_graph() -> None:
    with pytest.raises(WiringError, match=r"PageRank takes graphs here, got DataFrame\. Make one first: gp\.ToGraph"):
        gp.PageRank().apply(pl.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(WiringError, match=r"ToGraph takes tables here, got GraphData\."):
        gp.ToGraph("a", "b", directed=True).apply(gp.ToGraph("a", "b", directed=True).apply(pl.DataFrame({"a": [1], "b": [2]})))
