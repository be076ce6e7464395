"""Features of pairs, against NetworkX."""

from __future__ import annotations

import networkx as nx
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.testing.tasks import check_task
from tests.stages.graphs.known_graphs import edges_of, simple_of

PAIRS = pl.DataFrame({"u": ["k00", "k03", "k01"], "v": ["k01", "k05", "k02"]})


def test_features(engine: str) -> None:
    graph = gp.ToGraph("a", "b", directed=False)
    made = check_task(
        lambda edges, table: gp.LinkFeatures(("u", "v"))(graph(edges), table), edges_of(), PAIRS, engines=("cpu", engine), rtol=1e-12
    )
    theirs = simple_of(edges_of())
    found = {(row["u"], row["v"]): row for row in made.to_arrow().to_pylist()}
    for name, function in {
        "jaccard": nx.jaccard_coefficient,
        "adamic_adar": nx.adamic_adar_index,
        "resource_allocation": nx.resource_allocation_index,
        "preferential": nx.preferential_attachment,
    }.items():
        for u, v, value in function(theirs, PAIRS.rows()):
            assert found[u, v][name] == pytest.approx(value)
    assert found["k00", "k01"]["common"] == len(list(nx.common_neighbors(theirs, "k00", "k01")))
