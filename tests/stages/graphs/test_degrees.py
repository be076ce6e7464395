"""Degrees as a stage, against NetworkX."""

from __future__ import annotations

import networkx as nx
import polars as pl

import gpupipe as gp
from gpupipe.testing.tasks import check_task

EDGES = pl.DataFrame({"a": [1, 1, 2, 5], "b": [2, 1, 3, 1], "w": [0.5, 1.0, 2.0, 0.0]})


def test_directed(engine: str) -> None:
    made = check_task(lambda table: gp.ToGraph("a", "b", "w", directed=True)(table) >> gp.Degrees(), EDGES, engines=("cpu", engine))
    theirs = nx.DiGraph()
    theirs.add_weighted_edges_from(EDGES.iter_rows())
    columns = (theirs.in_degree, theirs.out_degree, theirs.degree)
    expected = [
        (vertex, *(count[vertex] for count in columns), *(count(vertex, weight="weight") for count in columns)) for vertex in sorted(theirs)
    ]
    assert made.rows() == expected


def test_undirected(engine: str) -> None:
    made = check_task(lambda table: gp.ToGraph("a", "b", directed=False)(table) >> gp.Degrees(), EDGES, engines=("cpu", engine))
    theirs = nx.Graph(EDGES.select("a", "b").rows())
    assert made.select("a", "degree").rows() == sorted(theirs.degree)
    assert made.columns == ["a", "in_degree", "out_degree", "degree"]
