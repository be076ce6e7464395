"""Modularity of communities in a table, against NetworkX."""

from __future__ import annotations

import networkx as nx
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import StageError
from gpupipe.testing.tasks import check_task
from tests.stages.graphs.known_graphs import edges_of, theirs_of

GROUPS = pl.DataFrame({"a": sorted(set(edges_of()["a"]) | set(edges_of()["b"]))}).with_columns(community=pl.col("a").hash() % 3)


def test_modularity(engine: str) -> None:
    graph = gp.ToGraph("a", "b", "w", directed=False)
    made = check_task(
        lambda edges, table: gp.Modularity(resolution=1.3)(graph(edges), table), edges_of(), GROUPS, engines=("cpu", engine), rtol=1e-12
    )
    parts = [set(GROUPS.filter(pl.col("community") == number)["a"]) for number in set(GROUPS["community"])]
    assert made == pytest.approx(nx.community.modularity(theirs_of(edges_of(), directed=False), parts, resolution=1.3))


def test_it_may_stand_in_a_later_expression() -> None:
    import narwhals.stable.v2 as nw  # local: one test alone needs it

    edges, groups = gp.FromFrame(edges_of()).node(), gp.FromFrame(GROUPS).node()
    quality = gp.Modularity()(gp.ToGraph("a", "b", directed=False)(edges), groups)
    made = gp.Pipeline("p", made=gp.WithColumns(q=nw.col("w") * 0 + quality)(edges), quality=quality).run("cpu")
    assert made["made"]["q"].to_list() == [made["quality"]] * len(edges_of())


def test_a_vertex_without_a_community_is_told() -> None:
    edges, groups = gp.FromFrame(edges_of()).node(), gp.FromFrame(GROUPS.head(3)).node()
    with pytest.raises(StageError, match=r"one row for each of the graph's \d+ vertices, got 3 rows of 3"):
        gp.Pipeline("p", made=gp.Modularity()(gp.ToGraph("a", "b", directed=False)(edges), groups)).run("cpu")
    graph = gp.ToGraph("a", "b", directed=False).apply(pl.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(StageError, match="Modularity expects a community in every row of 'community', got 1 missing"):
        gp.Modularity().apply(graph, pl.DataFrame({"a": [1, 2], "community": [0, None]}))
