"""Nearest neighbours, held to scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from gpupipe.active import neighbors
from gpupipe.active._arrays import on_host
from gpupipe.core.errors import UsageError


@pytest.mark.parametrize("cells", [1 << 24, 1000])
def test_they_are_scikit_learns(xp: Any, cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbors, "_CELLS", cells)
    rows = np.random.default_rng(0).normal(size=(100, 4))
    places, distances = (on_host(each) for each in neighbors.nearest_neighbors(xp.asarray(rows), 7))
    expected, theirs = NearestNeighbors(n_neighbors=7).fit(rows).kneighbors()
    np.testing.assert_array_equal(places, theirs)
    np.testing.assert_allclose(distances, expected)
    with pytest.raises(UsageError, match="fewer than the 3 rows, got 3"):
        neighbors.nearest_neighbors(rows[:3], 3)
