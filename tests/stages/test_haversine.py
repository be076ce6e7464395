from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics.pairwise import haversine_distances

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.testing.laws import check_row_stage


def test_law_and_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    points = chance.uniform(-90, 90, (4, 50)) * [[1], [2], [1], [2]]
    frame = pl.DataFrame(dict(zip("abcd", points, strict=True))).with_columns(a=pl.when(pl.col("a") > 80).then(None).otherwise(pl.col("a")))
    made = check_row_stage(gp.Haversine(("a", "b"), ("c", "d"), unit="m"), frame, rtol=1e-12)["distance"].to_pylist()
    theirs = haversine_distances(np.radians(points[:2].T), np.radians(points[2:].T)).diagonal() * 6371008.8
    for latitude, mine, wanted in zip(frame["a"], made, theirs, strict=True):
        assert mine is None if latitude is None else mine == pytest.approx(wanted, rel=1e-9)


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^Haversine expects \(latitude, longitude\) twice and unit 'km', 'm' or 'mi', got"):
        gp.Haversine(("a", "b"), ("c", "d"), unit="yd")  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match=r"^There is no column 'd'\."):
        gp.Haversine(("a", "b"), ("c", "d")).apply(pl.DataFrame({"a": [1], "b": [1], "c": [1]}))
