"""Parts of graphs, against NetworkX."""

from __future__ import annotations

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import StageError
from gpupipe.testing.tasks import check_task
from tests.stages.graphs.known_graphs import edges_of, theirs_of

SOME = pl.DataFrame({"a": ["k05", "k00", "k01", "k00", "k03"], "note": [1, 2, 3, 4, 5]})


def test_edges_between_some_vertices(engine: str) -> None:
    graph = gp.ToGraph("a", "b", "w", directed=True)
    made = check_task(lambda edges, table: gp.FromGraph()(gp.Subgraph()(graph(edges), table)), edges_of(), SOME, engines=("cpu", engine))
    theirs = theirs_of(edges_of(), directed=True).subgraph(SOME["a"].to_list())
    assert sorted(made.rows()) == sorted(theirs.edges(data="weight"))


def test_a_key_that_is_no_vertex_is_told() -> None:
    edges, some = gp.FromFrame(edges_of()).node(), gp.FromFrame(pl.DataFrame({"a": ["nobody"]})).node()
    with pytest.raises(StageError, match="got 1 keys that are none, 'nobody' for one"):
        gp.Pipeline("p", made=gp.Subgraph()(gp.ToGraph("a", "b", directed=True)(edges), some)).run("cpu")
