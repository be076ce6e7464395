"""Graphs with communities that were put there, and what a partition is held to."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np

import gpupipe.graphs as gg
from tests.graphs.examples import to_networkx


def planted(n: int, n_groups: int, degree: float, mixing: float, seed: int = 0) -> tuple[gg.Graph, Any]:
    """Return a graph of equal groups with a share of its edges between them, and the group of each vertex."""
    rng = np.random.default_rng(seed)
    n_edges = int(n * degree / 2)
    size = n // n_groups
    source = rng.integers(0, n, n_edges)
    inside = (source // size) * size + rng.integers(0, size, n_edges)
    destination = np.where(rng.random(n_edges) < mixing, rng.integers(0, n, n_edges), inside)
    graph = gg.from_edges(source, destination, None, n, directed=False, loops="drop")
    return graph, np.arange(n) // size


def networkx_modularity(graph: gg.Graph, community: Any, resolution: float) -> float:
    """NetworkX's modularity of a partition."""
    groups = [set(np.flatnonzero(community == label).tolist()) for label in np.unique(community)]
    return float(nx.community.modularity(to_networkx(graph), groups, resolution=resolution))


def in_form(community: Any) -> bool:
    """Whether communities are numbered by size, equals by their smallest vertex."""
    labels, smallest, sizes = np.unique(community, return_index=True, return_counts=True)
    order = sorted(range(len(labels)), key=lambda at: (-sizes[at], smallest[at]))
    return labels.tolist() == list(range(len(labels))) == order


def n_apart(graph: gg.Graph, community: Any) -> int:
    """How many communities are not connected."""
    theirs = to_networkx(graph)
    return sum(not nx.is_connected(theirs.subgraph(np.flatnonzero(community == label).tolist())) for label in np.unique(community))
