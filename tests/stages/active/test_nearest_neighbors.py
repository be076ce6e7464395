"""Neighbours as edges, the same on every engine."""

from __future__ import annotations

import numpy as np
import polars as pl
from sklearn.neighbors import NearestNeighbors

import gpupipe as gp
from gpupipe.testing.tasks import check_task

POINTS = np.random.default_rng(0).normal(size=(30, 2))
ROWS = pl.DataFrame({"id": range(30), "x": POINTS[:, 0], "y": POINTS[:, 1]})


def test_edges_are_scikit_learns(engine: str) -> None:
    made = check_task(gp.NearestNeighbors(["x", "y"], n_neighbors=3), ROWS, engines=("cpu", engine))
    expected, places = NearestNeighbors(n_neighbors=3).fit(POINTS).kneighbors()
    found = pl.from_arrow(made.to_arrow()).sort("id", "distance")
    assert found["neighbour"].to_list() == places.reshape(-1).tolist()
    np.testing.assert_allclose(found["similarity"], 1 / (1 + expected.reshape(-1)))
