"""Projections of two kinds of things onto one, against NetworkX."""

from __future__ import annotations

import networkx as nx
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, StageError
from gpupipe.testing.tasks import check_task

RANDOM = np.random.default_rng(3)
CLICKS = pl.DataFrame({"item": RANDOM.integers(0, 9, 40), "visit": [f"s{number}" for number in RANDOM.integers(0, 12, 40)]}).unique(
    maintain_order=True
)


def test_shared_others(engine: str) -> None:
    made = check_task(lambda table: gp.FromGraph()(gp.Project("item", "visit")(table)), CLICKS, engines=("cpu", engine))
    theirs = nx.Graph(CLICKS.rows())
    projected = nx.bipartite.weighted_projected_graph(theirs, set(CLICKS["item"]))
    expected = {(min(u, v), max(u, v)): float(w) for u, v, w in projected.edges(data="weight")}
    assert {(u, v): w for u, v, w in made.rows()} == expected


def test_hubs_can_be_left_out_and_missing_values_are_told() -> None:
    most = CLICKS.group_by("visit").len()["len"].max()
    assert (
        gp.Project("item", "visit", max_degree=int(most) - 1).apply(CLICKS).graph.n_edges
        < gp.Project("item", "visit").apply(CLICKS).graph.n_edges
    )
    with pytest.raises(StageError, match="a value in every row of 'item', got 1 missing"):
        gp.Project("item", "visit").apply(pl.DataFrame({"item": [None, 1], "visit": [1, 1]}))
    with pytest.raises(ColumnError, match="'items'"):
        gp.Pipeline("p", made=gp.Project("items", "visit")(gp.FromFrame(CLICKS).node())).check()
