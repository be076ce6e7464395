"""Hubs and authorities, against NetworkX."""

from __future__ import annotations

import networkx as nx
import pytest

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, on, theirs_of


def test_hubs_and_authorities(engine: str) -> None:
    made = on(engine, gp.HITS(tol=1e-13, max_iter=10_000), directed=True)
    theirs = theirs_of(edges_of(), directed=True)
    nx.set_edge_attributes(theirs, 1.0, "weight")
    hubs, authorities = nx.hits(theirs, max_iter=10_000, tol=1e-14)
    assert by_key(made, "hubs") == pytest.approx(hubs, abs=1e-8)
    assert by_key(made, "authorities") == pytest.approx(authorities, abs=1e-8)
