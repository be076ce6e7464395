"""Triangles against NetworkX and the reference of real graphs, whose totals are those that SNAP publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

import gpupipe.graphs as gg
from tests.graphs.examples import REAL, graphs, real_graph, real_rows, to_networkx, values

# https://snap.stanford.edu/data: vertices, edges and triangles of each page.
SNAP = {
    "facebook_combined": (4039, 88234, 1612010),
    "wiki-Vote": (7115, 103689, 608389),
    "email-Eu-core": (1005, 25571, 105461),
    "ca-GrQc": (5242, 14496, 48260),
}


def simple(graph: gg.Graph) -> Any:
    found = nx.Graph(to_networkx(graph))
    found.remove_edges_from(list(nx.selfloop_edges(found)))
    return found


@given(graphs(20))
def test_networkx(graph: gg.Graph) -> None:
    found = gg.triangles(graph)
    assert found.dtype == np.int64
    assert found.tolist() == values(nx.triangles(simple(graph))).tolist()
    assert gg.transitivity(graph) == pytest.approx(nx.transitivity(simple(graph)), abs=1e-15)
    assert graph.n_wedges == sum(d * (d - 1) // 2 for _, d in simple(graph).degree())


@pytest.mark.parametrize("name", REAL)
def test_the_reference_of_real_graphs(graph_folder: Path, reference: Any, name: str) -> None:
    known, graph, keys = reference[name], real_graph(graph_folder, name), real_rows(graph_folder, name).keys
    found = gg.triangles(graph)
    assert found.sum() == 3 * known["triangles_total"]
    order = np.lexsort([keys, -found])[:10]
    assert [[int(keys[v]), int(found[v])] for v in order] == known["triangles_top10"]
    assert gg.transitivity(graph) == pytest.approx(known["transitivity"], abs=1e-12)


@pytest.mark.parametrize("name", SNAP)
def test_what_snap_publishes(graph_folder: Path, name: str) -> None:
    graph = real_graph(graph_folder, name)
    assert (graph.n_vertices, graph.n_edges, gg.triangles(graph).sum() // 3) == SNAP[name]


def test_more_vertices_than_a_table_has_rows(monkeypatch: pytest.MonkeyPatch, graph_folder: Path) -> None:
    graph = real_graph(graph_folder, "email-Eu-core")
    expected = gg.triangles(graph)
    monkeypatch.setattr("gpupipe.graphs._lookups._HOST_TABLE", (1, 5 * graph.n_vertices))
    monkeypatch.setattr("gpupipe.graphs._lookups._HOST_BLOCK", 100)
    assert gg.triangles(graph).tolist() == expected.tolist()
