"""Models trained on the device: near those of the host, answering on the device, and loaded by a process that sees no GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

import gpupipe as gp
from gpupipe.core.engine import EngineOptions

RANDOM = np.random.default_rng(0)
N = 4000
FEATURES = RANDOM.random((N, 4))
ROWS = pl.DataFrame({f"x{j}": FEATURES[:, j] for j in range(4)}).with_columns(
    pl.Series("number", FEATURES @ [1.0, -2.0, 3.0, 0.5] + RANDOM.normal(size=N) * 0.01),
    pl.Series("label", (FEATURES @ [1.0, -2.0, 3.0, 0.5] > 1.2).astype(int)),
    pl.Series("word", np.where(FEATURES[:, 0] > 0.5, "high", "low")),
)
CLASSIFIERS = [
    LogisticRegression(), RandomForestClassifier(20, random_state=0), DecisionTreeClassifier(max_depth=8), KNeighborsClassifier(), SVC(),
    MultinomialNB(), XGBClassifier(n_estimators=20),
]  # fmt: skip
REGRESSORS = [
    LinearRegression(), Ridge(), Lasso(0.001), ElasticNet(0.001), RandomForestRegressor(20, random_state=0),
    DecisionTreeRegressor(max_depth=10), KNeighborsRegressor(), SVR(), XGBRegressor(n_estimators=50),
]  # fmt: skip
HELD = EngineOptions(crossings="raise", crossings_budget=200_000)
COLUMNS = ["x0", "x1", "x2", "x3"]
LOAD = """
import sys, polars as pl, gpupipe as gp
rows = pl.read_parquet(sys.argv[1])
gp.load(sys.argv[2]).apply(rows).write_parquet(sys.argv[3])
"""


def name_of(estimator: Any) -> str:
    """Return how a test names an estimator."""
    return type(estimator).__name__


def trained(estimator: Any, target: str | None, options: EngineOptions = HELD) -> gp.pipeline.Result:
    """Return the model and the rows with its answers."""
    table = gp.FromFrame(ROWS).node()
    model = gp.Learn(estimator, target=target, features=COLUMNS).fit(table)
    return gp.Pipeline("p", model=model, out=model(table)).run("gpu", options=options)


def loaded_without_a_gpu(model: Any, folder: Path) -> pl.DataFrame:
    """Return what a process that sees no device predicts with the saved model."""
    gp.save(model, folder / "model")
    ROWS.write_parquet(folder / "rows.parquet")
    call = [sys.executable, "-c", LOAD, str(folder / "rows.parquet"), str(folder / "model"), str(folder / "out.parquet")]
    subprocess.run(call, check=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""})
    return pl.read_parquet(folder / "out.parquet")


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name_of)
def test_classifiers(estimator: Any, tmp_path: Path) -> None:
    made = trained(estimator, "label")
    answer = made["out"].to_polars()["prediction"].to_numpy()
    least = 0.6 if isinstance(estimator, MultinomialNB) else 0.9
    assert (answer == ROWS["label"].to_numpy()).mean() > least
    again = loaded_without_a_gpu(made["model"], tmp_path)["prediction"].to_numpy()
    assert (answer == again).mean() > 0.999


@pytest.mark.parametrize("estimator", REGRESSORS, ids=name_of)
def test_regressors(estimator: Any, tmp_path: Path) -> None:
    made = trained(estimator, "number")
    answer = made["out"].to_polars()["prediction"].to_numpy()
    assert np.corrcoef(answer, ROWS["number"].to_numpy())[0, 1] > 0.95
    again = loaded_without_a_gpu(made["model"], tmp_path)["prediction"].to_numpy()
    np.testing.assert_allclose(answer, again, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("estimator", [PCA(2), TruncatedSVD(2)], ids=name_of)
def test_transformers(estimator: Any, tmp_path: Path) -> None:
    made = trained(estimator, None)
    answer = made["out"].to_polars()
    again = loaded_without_a_gpu(made["model"], tmp_path)
    new = [name for name in answer.columns if name not in ROWS.columns]
    assert len(new) == 2
    np.testing.assert_allclose(answer.select(new).to_numpy(), again.select(new).to_numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("estimator", [KMeans(3, n_init=1, random_state=0), IsolationForest(random_state=0)], ids=name_of)
def test_clusterers(estimator: Any, tmp_path: Path) -> None:
    made = trained(estimator, None)
    column = made["out"].columns[-1]
    again = loaded_without_a_gpu(made["model"], tmp_path)
    assert (made["out"].to_polars()[column].to_numpy() == again[column].to_numpy()).mean() > 0.99


def test_three_classes() -> None:
    table = gp.FromFrame(ROWS.with_columns(label=(pl.col("x0") * 3).floor().cast(pl.Int64))).node()
    model = gp.Learn(XGBClassifier(n_estimators=20), target="label", features=COLUMNS).fit(table)
    made = gp.Pipeline("p", out=model.predict_proba(model.predict(table))).run("gpu", options=HELD)["out"].to_polars()
    assert (made["prediction"] == made["label"]).mean() > 0.99
    total = made.select(pl.sum_horizontal("probability_0", "probability_1", "probability_2").alias("p"))["p"]
    assert total.to_numpy() == pytest.approx(1.0, abs=1e-5)


def test_words_as_labels() -> None:
    made = trained(RandomForestClassifier(20, random_state=0), "word")
    assert set(made["out"].to_polars()["prediction"].unique()) == {"high", "low"}


def test_metrics_are_those_of_the_host() -> None:
    results = []
    for engine in ("cpu", "gpu"):
        table = gp.FromFrame(ROWS).node()
        model = gp.Learn(XGBClassifier(n_estimators=20), target="label", features=COLUMNS).fit(table)
        scored = model.predict_proba(model.predict(table))
        names = ["roc_auc", "average_precision", "log_loss", "brier", "accuracy", "precision", "recall", "f1", "matthews"]
        results.append(gp.Pipeline("p", scores=gp.Evaluate(names, target="label")(scored)).run(engine)["scores"])
    for name, value in results[0].items():
        assert results[1][name] == pytest.approx(value, abs=0.02), name


def test_early_stopping_on_a_validation_table() -> None:
    table = gp.FromFrame(ROWS).node()
    train, held_out = gp.Split((0.8, 0.2), by=COLUMNS, seed=0)(table)
    model = gp.Learn(XGBClassifier(n_estimators=200, early_stopping_rounds=3), target="label", features=COLUMNS).fit(train, held_out)
    made = gp.Pipeline("p", model=model, out=model(held_out)).run("gpu", options=HELD)
    history = made.report["models"][0]["history"]
    assert history and max(map(len, history.values())) < 200
