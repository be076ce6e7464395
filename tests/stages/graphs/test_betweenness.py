"""Betweenness, against NetworkX."""

from __future__ import annotations

import networkx as nx
import pytest

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, made_of, on, theirs_of


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("options", [{}, {"normalized": False}, {"endpoints": True}], ids=str)
def test_exact(directed: bool, options: dict[str, bool]) -> None:
    made = gp.Betweenness(**options).apply(made_of(edges_of(), directed=directed))  # type: ignore[arg-type]
    assert by_key(made, "betweenness") == pytest.approx(nx.betweenness_centrality(theirs_of(edges_of(), directed=directed), **options))


def test_on_each_engine(engine: str) -> None:
    made = on(engine, gp.Betweenness(k=1))
    assert sum(value is None for value in made["betweenness"].to_list()) == 1
