"""Walks: along edges, the same on every engine, as often as chance says."""

from __future__ import annotations

from itertools import pairwise

import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError
from tests.stages.graphs.known_graphs import edges_of, on, theirs_of


@pytest.mark.parametrize("options", [{}, {"weighted": True}, {"p": 0.25, "q": 4.0}], ids=str)
def test_walks_follow_edges(options: dict[str, float], engine: str) -> None:
    made = on(engine, gp.RandomWalks(6, walks=2, seed=7, **options), directed=True, weighted=True)  # type: ignore[arg-type]
    theirs = theirs_of(edges_of(), directed=True)
    walks: dict[int, list[str]] = {}
    for walk, step, vertex in sorted(made.rows()):
        walks.setdefault(walk, []).append(vertex)
        assert step == len(walks[walk]) - 1
    assert len(walks) == 2 * len(theirs)
    for walk in walks.values():
        assert all(theirs.has_edge(one, other) for one, other in pairwise(walk))
        assert len(walk) == 7 or not theirs[walk[-1]]


def test_starts_and_refusals() -> None:
    made = gp.RandomWalks(3, starts=["k00"], walks=5).apply(gp.ToGraph("a", "b", directed=False).apply(edges_of()))
    assert set(made.filter(made["step"] == 0)["a"].to_list()) == {"k00"}
    with pytest.raises(UsageError, match="a length and a number of walks of 1 or more"):
        gp.RandomWalks(0)
