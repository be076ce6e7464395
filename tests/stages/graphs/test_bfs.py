"""Distances in edges, against NetworkX."""

from __future__ import annotations

import networkx as nx
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError, StageError, UsageError
from tests.stages.graphs.known_graphs import by_key, edges_of, made_of, on, theirs_of


@pytest.mark.parametrize("directed", [True, False])
def test_distances(directed: bool) -> None:
    for seed in range(4):
        edges = edges_of(seed)
        made = gp.BFS("k03", predecessors=True).apply(made_of(edges, directed=directed))
        theirs = theirs_of(edges, directed=directed)
        expected = nx.single_source_shortest_path_length(theirs, "k03")
        assert by_key(made, "distance") == {vertex: expected.get(vertex) for vertex in theirs}
        for vertex, before in by_key(made, "predecessor").items():
            steps = list(theirs.predecessors(vertex) if directed else theirs[vertex])
            nearer = [one for one in steps if expected.get(one, -9) + 1 == expected.get(vertex)]
            assert before == (min(nearer) if nearer and vertex != "k03" else None)


def test_on_each_engine(engine: str) -> None:
    made = on(engine, gp.BFS(["k00", "k05"], max_depth=2), directed=True)
    assert max(value for value in made["distance"].to_list() if value is not None) <= 2


def test_what_is_refused() -> None:
    with pytest.raises(StageError, match=r"BFS expects vertices of the graph, got 1 keys that are none, 'z' for one\."):
        gp.BFS("z").apply(made_of(edges_of(), directed=True))
    with pytest.raises(DtypeError, match=r"their keys, String in 'a', got \('k00', 1\) for one"):
        gp.BFS(("k00", 1)).apply(made_of(edges_of(), directed=True))
    numbered = gp.ToGraph("a", "b", directed=True)(gp.FromFrame(pl.DataFrame({"a": [1], "b": [2]})).node())
    for stage in (
        gp.BFS(1.5),
        gp.ShortestPaths("1"),
        gp.RandomWalks(2, starts=[1.5]),
    ):  # in the plan, as on no engine the nearest key is meant
        with pytest.raises(DtypeError, match="expects vertices as their keys, Int64 in 'a', got others"):
            gp.Pipeline("wrong", made=stage(numbered)).plan()
    with pytest.raises(UsageError, match="max_depth=-1"):
        gp.BFS("k00", max_depth=-1)
    with pytest.raises(UsageError, match="the key of a vertex or a list of keys"):
        gp.BFS(None)
