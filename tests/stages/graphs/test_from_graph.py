"""Tables of graphs: what goes in comes out."""

from __future__ import annotations

import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError
from tests.stages.graphs.known_graphs import edges_of, on


@pytest.mark.parametrize("directed", [True, False])
def test_edges(directed: bool, engine: str) -> None:
    made = on(engine, gp.FromGraph(), directed=directed, weighted=True)
    assert sorted(made.rows()) == sorted(edges_of().rows())


def test_vertices(engine: str) -> None:
    made = on(engine, gp.FromGraph("vertices"))
    assert made["a"].to_list() == sorted(set(edges_of()["a"]) | set(edges_of()["b"]))
    with pytest.raises(UsageError, match="part='nodes'"):
        gp.FromGraph("nodes")  # type: ignore[arg-type]
