"""Holdings: measured, pickled and moved field by field."""

from __future__ import annotations

import pickle

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from gpupipe.core.ledger import Ledger
from gpupipe.engines._host_tools import HostTools
from gpupipe.kinds.graph import GraphData

KEYS = nw.from_native(pl.DataFrame({"k": ["a", "b"]}), eager_only=True)
GRAPH = GraphData(np.array([0, 1], np.int32), np.array([1, 0], np.int32), None, KEYS, directed=True)


def test_bytes_are_those_of_arrays_and_tables() -> None:
    assert GRAPH.n_bytes == 16 + KEYS.estimated_size()


def test_what_is_cached_does_not_travel() -> None:
    assert GRAPH.graph.n_edges == 2
    assert "graph" in vars(GRAPH)
    again = pickle.loads(pickle.dumps(GRAPH))
    assert "graph" not in vars(again)
    assert again.graph.n_edges == 2


def test_what_is_an_engines_own_already_stays_itself() -> None:
    tools = HostTools(lambda table: nw.from_native(pl.from_arrow(table), eager_only=True), Ledger())
    assert GRAPH.adopted(tools) is GRAPH
    arrow = nw.from_native(KEYS.to_arrow(), eager_only=True)
    moved = GraphData(GRAPH.source, GRAPH.destination, None, arrow, directed=True).adopted(tools)
    assert moved.keys.implementation.is_polars()
    assert moved.source is GRAPH.source


def test_it_shows_its_facts() -> None:
    assert repr(GRAPH).startswith("<graph: 2 vertices, 2 edges>")
