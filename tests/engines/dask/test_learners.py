"""Models trained on many blocks are those of one machine, or say where they came together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from xgboost import XGBClassifier, XGBRegressor

from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import StageError
from gpupipe.core.task import Training
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.engine import DaskEngine

Hold = Callable[[pa.Table], Blocks]


@pytest.fixture
def numbers() -> pa.Table:
    """Return features of few distinct values, so that the bins of boosted trees are the same however they are found."""
    random = np.random.default_rng(2)
    features = random.integers(0, 20, (400, 3)).astype(np.float32)
    target = (features[:, 0] + features[:, 1] > 19).astype(np.int32)
    return pa.table({"a": features[:, 0], "b": features[:, 1], "c": features[:, 2], "y": target, "w": random.random(400) + 0.5})


def trained(engine: DaskEngine, estimator: Any, held: Blocks, target: str | None = "y", weight: str | None = None, **more: Any) -> Any:
    tables = [each for each in (held, more.get("validation")) if each is not None]
    return engine.solve(Training(estimator, ("a", "b", "c"), target, weight, more.get("progress")), tables)


def arrays(table: pa.Table) -> tuple[Any, Any]:
    return np.column_stack([table[name].to_numpy() for name in "abc"]), table["y"].to_numpy()


@pytest.mark.parametrize("estimator", [LinearRegression(), LogisticRegression(max_iter=300, C=0.01), GaussianNB()], ids=str)
def test_exact_fits(estimator: Any, dask_engine: DaskEngine, blocks: Hold, numbers: pa.Table) -> None:
    model = trained(dask_engine, estimator, blocks(numbers))
    features, target = arrays(numbers)
    alone = estimator.fit(features, target)
    assert type(model) is type(alone)
    np.testing.assert_allclose(model.predict(features), alone.predict(features), rtol=1e-4, atol=1e-5)
    assert not dask_engine.ledger.fallbacks


def test_fits_without_a_target(dask_engine: DaskEngine, blocks: Hold, numbers: pa.Table) -> None:
    features, _ = arrays(numbers)
    axes = trained(dask_engine, PCA(2), blocks(numbers), target=None)
    np.testing.assert_allclose(axes.components_, PCA(2).fit(features).components_, atol=1e-5)
    start = features[:4]
    clusters = trained(dask_engine, KMeans(4, init=start, n_init=1), blocks(numbers), target=None)
    np.testing.assert_allclose(clusters.cluster_centers_, KMeans(4, init=start, n_init=1).fit(features).cluster_centers_, atol=1e-4)


@pytest.mark.parametrize("weight", [None, "w"])
def test_boosted_trees_of_the_same_bins_score_the_same(
    weight: str | None, dask_engine: DaskEngine, blocks: Hold, numbers: pa.Table
) -> None:
    estimator = XGBClassifier(n_estimators=8, max_depth=3)
    model = trained(dask_engine, estimator, blocks(numbers), weight=weight)
    features, target = arrays(numbers)
    alone = XGBClassifier(n_estimators=8, max_depth=3).fit(
        features, target, sample_weight=None if weight is None else numbers["w"].to_numpy()
    )
    np.testing.assert_allclose(model.predict_proba(features), alone.predict_proba(features), atol=1e-6)
    assert type(model) is XGBClassifier and model.get_booster().feature_names == ["a", "b", "c"]


def test_rounds_are_told_and_training_stops_early(dask_engine: DaskEngine, blocks: Hold, numbers: pa.Table) -> None:
    told: list[int] = []
    estimator = XGBRegressor(n_estimators=60, early_stopping_rounds=2, max_depth=2)
    model = trained(
        dask_engine, estimator, blocks(numbers), validation=blocks(numbers.slice(0, 90)), progress=lambda n, total, facts: told.append(n)
    )
    assert told == list(range(1, model.get_booster().num_boosted_rounds() + 1))
    assert list(model.evals_result()) == ["validation_0"]


def test_others_come_together_and_the_report_says_so(two_workers: str, dask_engine: DaskEngine, blocks: Hold, numbers: pa.Table) -> None:
    model = trained(dask_engine, RandomForestClassifier(5, random_state=0), blocks(numbers))
    features, target = arrays(numbers)
    assert (model.predict(features) == RandomForestClassifier(5, random_state=0).fit(features, target).predict(features)).all()
    (line,) = dask_engine.ledger.fallbacks
    assert line["reason"].startswith("RandomForestClassifier is trained on one worker, where all rows come together:")
    dask_engine.options = EngineOptions(cluster=two_workers, gather_bytes=100)
    with pytest.raises(StageError, match="RandomForestClassifier must have all rows on one worker: it needs"):
        trained(dask_engine, RandomForestClassifier(5), blocks(numbers))
