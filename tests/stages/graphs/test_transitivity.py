"""Transitivity, against NetworkX."""

from __future__ import annotations

import networkx as nx
import pytest

import gpupipe as gp
from tests.stages.graphs.known_graphs import edges_of, on, simple_of


def test_transitivity(engine: str) -> None:
    assert on(engine, gp.Transitivity()) == pytest.approx(nx.transitivity(simple_of(edges_of())))
