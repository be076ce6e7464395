"""Graphs that the tests of graph stages share, as gpupipe has them and as NetworkX does."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import polars as pl

import gpupipe as gp
from gpupipe.testing.tasks import check_task


def edges_of(seed: int = 0, n: int = 14, m: int = 40) -> pl.DataFrame:
    """Return edges between vertices with keys of text, loops among them, each pair once, with weights of which some are equal."""
    random = np.random.default_rng(seed)
    pairs = {tuple(sorted(pair)) for pair in random.integers(0, n, (m, 2)).tolist()}
    rows = [(f"k{one:02}", f"k{other:02}", float(random.integers(1, 5))) for one, other in sorted(pairs)]
    return pl.DataFrame(rows, schema=["a", "b", "w"], orient="row")


def made_of(edges: pl.DataFrame, *, directed: bool, weighted: bool = False) -> Any:
    """Return the graph."""
    return gp.ToGraph("a", "b", "w" if weighted else None, directed=directed).apply(edges)


def theirs_of(edges: pl.DataFrame, *, directed: bool) -> Any:
    """Return NetworkX's graph, with weights."""
    graph: Any = (nx.DiGraph if directed else nx.Graph)()
    graph.add_weighted_edges_from(edges.iter_rows())
    return graph


def simple_of(edges: pl.DataFrame) -> Any:
    """Return NetworkX's undirected graph without loops."""
    graph = theirs_of(edges, directed=False)
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return graph


def on(engine: str, stage: Any, *, directed: bool = False, weighted: bool = False, rtol: float = 1e-9) -> Any:
    """Return the stage's result of the first graph, held to the law on an engine."""
    graph = gp.ToGraph("a", "b", "w" if weighted else None, directed=directed)
    return check_task(lambda table: stage(graph(table)), edges_of(), engines=("cpu", engine), rtol=rtol)


def by_key(frame: Any, column: str) -> dict[Any, Any]:
    """Return a column of a result by vertex."""
    return dict(zip(frame["a"].to_list(), frame[column].to_list(), strict=True))
