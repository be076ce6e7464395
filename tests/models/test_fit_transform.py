"""Coordinates of the rows an estimator is fitted to: those of scikit-learn, on every engine."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import MDS, TSNE, trustworthiness

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import UsageError

RANDOM = np.random.default_rng(6)
FEATURES = RANDOM.normal(size=(200, 4)) + 10 * RANDOM.integers(0, 3, size=(200, 1))
ROWS = pl.DataFrame(FEATURES, schema=["a", "b", "c", "d"]).with_columns(row=pl.int_range(200))
NAMES = ["a", "b", "c", "d"]
ON_HOST = EngineOptions(fallbacks="host")
RANDOM = {"init": "random"} if "init" in signature(MDS).parameters else {}  # scikit-learn before 1.8 knows no other


@pytest.mark.parametrize("estimator", [TSNE(2, random_state=0, perplexity=20), MDS(2, n_init=1, random_state=0, **RANDOM), PCA(2)])
def test_coordinates_take_the_place_of_the_features(engine: str, estimator: Any) -> None:
    made = gp.Pipeline("p", out=gp.FitTransform(estimator, features=NAMES)(gp.FromFrame(ROWS).node())).run(engine, options=ON_HOST)
    frame = made["out"].to_polars().sort("row")
    word = type(estimator).__name__.lower()
    assert frame.schema == {"row": pl.Int64, f"{word}0": pl.Float64, f"{word}1": pl.Float64}
    placed = frame.drop("row").to_numpy()
    again = type(estimator)(**estimator.get_params()).fit_transform(FEATURES)
    least = trustworthiness(FEATURES, again, n_neighbors=10) - 0.05  # neighbours stay neighbours as they do in scikit-learn's
    assert trustworthiness(FEATURES, placed, n_neighbors=10) > least
    assert not any(name.endswith("_") and not name.startswith("_") for name in vars(estimator))


def test_what_is_wrong_is_said_when_it_is_wired() -> None:
    with pytest.raises(UsageError, match=r"n_components=None. Set n_components, or use Learn\(PCA\(\)\)"):
        gp.FitTransform(PCA())
    with pytest.raises(UsageError, match=r"expects an unfitted estimator with fit_transform and get_params, such as TSNE\(\), got 3"):
        gp.FitTransform(3)
    with pytest.raises(UsageError, match=r"got TSNE. It places the rows it is fitted to and no others: use gp.FitTransform\(TSNE"):
        gp.Learn(TSNE())
