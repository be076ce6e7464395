"""Katz centrality, against the linear system that it solves."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, on, theirs_of


def test_solution(engine: str) -> None:
    made = by_key(on(engine, gp.Katz(0.05, tol=1e-13), directed=True, weighted=True), "katz")
    adjacency = nx.to_numpy_array(theirs_of(edges_of(), directed=True), nodelist=list(made))
    solved = np.linalg.solve(np.eye(len(made)) - 0.05 * adjacency.T, np.ones(len(made)))
    assert list(made.values()) == pytest.approx(solved / np.linalg.norm(solved), abs=1e-9)
