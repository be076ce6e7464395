"""Communities by Leiden: their modularity is NetworkX's, and as high as its own method's."""

from __future__ import annotations

import networkx as nx
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import PlanError
from gpupipe.stages.graphs._layout import placed
from tests.stages.graphs.known_graphs import by_key, edges_of, on

KARATE = nx.karate_club_graph()
EDGES = pl.DataFrame([(str(u), str(v)) for u, v in KARATE.edges], schema=["a", "b"], orient="row")


def test_quality(engine: str) -> None:
    graph = gp.ToGraph("a", "b", directed=False)(gp.FromFrame(EDGES).node())
    found = gp.Leiden()(graph)
    made = gp.Pipeline("club", found=found, quality=gp.Modularity()(graph, found)).run(engine)
    communities = by_key(made["found"], "community")
    parts = [{int(key) for key, one in communities.items() if one == number} for number in set(communities.values())]
    assert made["quality"] == pytest.approx(nx.community.modularity(KARATE, parts, weight=None))
    assert made["quality"] >= 0.415
    facts = made.report["stages"][2]["facts"]
    assert facts["communities"] == len(parts)
    assert facts["modularity"] == pytest.approx(made["quality"])
    assert all(nx.is_connected(KARATE.subgraph(part)) for part in parts)


def test_a_directed_graph_needs_a_view(engine: str) -> None:
    graph = gp.ToGraph("a", "b", directed=True)(gp.FromFrame(edges_of()).node())
    with pytest.raises(PlanError, match=r"Leiden expects an undirected graph, got a directed one\. Say view='undirected'"):
        gp.Pipeline("p", made=gp.Leiden()(graph)).check()
    assert len(on(engine, gp.Leiden(view="undirected"), directed=True)) == 14


def test_the_report_is_of_the_view_that_was_asked_for() -> None:
    """Two triangles, their edges directed: of six ends three stay inside, and one edge of seven leaves."""
    edges = gp.FromFrame(pl.DataFrame({"a": [0, 1, 2, 3, 4, 5, 2], "b": [1, 2, 0, 4, 5, 3, 3]})).node()
    graph = gp.ToGraph("a", "b", directed=True)(edges)
    report = gp.Pipeline("view", made=gp.Leiden(view="undirected")(graph)).run("cpu").report
    (card,) = [card for card in report["cards"] if card["title"] == "Communities"]
    drawing, _, table = card["parts"]
    assert table["rows"] == [[0, 3, 3.0, 0.1429], [1, 3, 3.0, 0.1429]]
    assert [(disc["label"], disc["radius"]) for disc in drawing["discs"][:2]] == [("0", 1.0), ("1", 1.0)]
    assert drawing["links"] == [[0, 1, 1.0]]
    assert drawing["discs"][0]["told"] == "community 0: 3 vertices, among them 2, 0, 1"
    vertices = drawing["discs"][2:]  # each in the disc of its community
    assert [each["told"] for each in vertices] == [f"{vertex}: community {vertex // 3}" for vertex in (2, 0, 1, 3, 4, 5)]
    for place, vertex in enumerate(vertices):
        centre = drawing["discs"][place // 3]
        assert 0.4 < np.hypot(vertex["x"] - centre["x"], vertex["y"] - centre["y"]) + vertex["radius"] <= 1.2


def test_a_loop_has_both_ends_in_its_community() -> None:
    edges = pl.DataFrame({"a": [0, 1, 2, 3, 4, 5, 2, 0], "b": [1, 2, 0, 4, 5, 3, 3, 0]})
    report = gp.Pipeline("loop", made=gp.Leiden()(gp.ToGraph("a", "b", directed=False)(gp.FromFrame(edges).node()))).run("cpu").report
    (card,) = [card for card in report["cards"] if card["title"] == "Communities"]
    assert card["parts"][2]["rows"] == [[0, 3, 4.0, round(1 / 7, 4)], [1, 3, 3.0, round(1 / 7, 4)]]  # by networkx.conductance


def test_discs_lie_apart_in_the_same_places() -> None:
    """No disc lies on another, those with a link are nearer than those without, and nothing is left to chance."""
    chance = np.random.default_rng(0)
    sizes = chance.integers(1, 200, 25).astype(float)
    weights = np.zeros((25, 25))
    for first in range(24):
        weights[first, first + 1] = weights[first + 1, first] = 1 + chance.integers(9)
    centres, radii = placed(sizes, weights)
    far = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    together = radii[:, None] + radii[None, :]
    assert (far + 10 * np.eye(25) >= together).all()
    gaps = far - together
    assert np.median(gaps[weights > 0]) < 0.5 * np.median(gaps[(weights == 0) & ~np.eye(25, dtype=bool)])
    np.testing.assert_array_equal(placed(sizes, weights)[0], centres)
    np.testing.assert_allclose(radii**2, sizes / sizes.max())
