"""Eigenvector centrality, against NumPy's eigenvectors."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, on, theirs_of


def test_leading_vector(engine: str) -> None:
    made = by_key(on(engine, gp.Eigenvector(tol=1e-12, max_iter=5000), weighted=True), "eigenvector")
    adjacency = nx.to_numpy_array(theirs_of(edges_of(), directed=False), nodelist=list(made))
    values, vectors = np.linalg.eigh(adjacency)
    assert list(made.values()) == pytest.approx(np.abs(vectors[:, np.argmax(values)]), abs=1e-9)
