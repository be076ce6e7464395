"""How alike neighbourhoods are, of given pairs and of all that share a neighbour, against the definition on NetworkX's graph."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import PlanError, StageError
from gpupipe.testing.tasks import check_task
from tests.stages.graphs.known_graphs import edges_of, made_of, on, simple_of


def value(theirs: Any, u: str, v: str) -> float:
    common = len(set(theirs[u]) & set(theirs[v]))
    return 2 * common / (len(theirs[u]) + len(theirs[v])) if common else 0.0


def test_all_pairs_that_share_a_neighbour() -> None:
    for seed in range(3):
        theirs = simple_of(edges_of(seed))
        made = gp.Sorensen().apply(made_of(edges_of(seed), directed=False))
        expected = {(u, v): value(theirs, u, v) for u, v in combinations(sorted(theirs), 2) if set(theirs[u]) & set(theirs[v])}
        assert {(u, v): found for u, v, found in made.rows()} == pytest.approx(expected)


def test_the_largest_on_each_engine(engine: str) -> None:
    made = on(engine, gp.Sorensen(top_k=5))
    assert len(made) == 5


def test_given_pairs_on_each_engine(engine: str) -> None:
    pairs = pl.DataFrame({"u": ["k00", "k03", "k01"], "v": ["k01", "k05", "k01"]})
    graph = gp.ToGraph("a", "b", directed=True)
    made = check_task(
        lambda edges, table: gp.Sorensen(pairs=("u", "v"))(graph(edges), table), edges_of(), pairs, engines=("cpu", engine), rtol=1e-12
    )
    theirs = simple_of(edges_of())
    assert {(u, v): found for u, v, found in made.rows()} == pytest.approx({(u, v): value(theirs, u, v) for u, v in pairs.rows()})


def test_what_is_refused() -> None:
    graph = gp.ToGraph("a", "b", directed=True)(gp.FromFrame(edges_of()).node())
    with pytest.raises(PlanError, match="weighted=True expects an undirected graph with weights"):
        gp.Pipeline("p", made=gp.Sorensen(weighted=True)(graph)).check()
    with pytest.raises(PlanError, match="and a second table with them, or neither"):
        gp.Pipeline("p", made=gp.Sorensen(pairs=("u", "v"))(graph)).check()
    pairs = gp.FromFrame(pl.DataFrame({"u": ["k00"], "v": ["nobody"]})).node()
    with pytest.raises(StageError, match="got 1 keys that are none, 'nobody' for one"):
        gp.Pipeline("p", made=gp.Sorensen(pairs=("u", "v"))(graph, pairs)).run("cpu")
