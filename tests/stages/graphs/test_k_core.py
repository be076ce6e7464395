"""The edges of the k-core, against NetworkX."""

from __future__ import annotations

import networkx as nx
import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError
from tests.stages.graphs.known_graphs import edges_of, made_of, on, simple_of


def pairs(frame: object) -> set[frozenset[str]]:
    return {frozenset(row) for row in frame.rows()}  # type: ignore[attr-defined]


def test_edges() -> None:
    for seed in range(4):
        made = gp.KCore(3).apply(made_of(edges_of(seed), directed=False))
        assert pairs(made) == {frozenset(pair) for pair in nx.k_core(simple_of(edges_of(seed)), 3).edges}


def test_on_each_engine(engine: str) -> None:
    assert pairs(on(engine, gp.KCore(3), directed=True)) == {frozenset(pair) for pair in nx.k_core(simple_of(edges_of()), 3).edges}


def test_what_is_refused() -> None:
    with pytest.raises(UsageError):
        gp.KCore(-1).apply(made_of(edges_of(), directed=False))
