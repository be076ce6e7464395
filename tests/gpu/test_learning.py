"""Models trained on the device: near those of the host, answering on the device, and loaded by a process that sees no GPU."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.manifold import TSNE, trustworthiness
from sklearn.metrics import adjusted_rand_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import CrossingError, StageError, UnsupportedError
from gpupipe.core.task import Training
from gpupipe.engines.load import load_engine

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
    LinearSVC(), MultinomialNB(), XGBClassifier(n_estimators=20),
]  # fmt: skip
REGRESSORS = [
    LinearRegression(), Ridge(), Lasso(0.001), ElasticNet(0.001), RandomForestRegressor(20, random_state=0),
    DecisionTreeRegressor(max_depth=10), KNeighborsRegressor(), SVR(), LinearSVR(), XGBRegressor(n_estimators=50),
]  # fmt: skip
TREES = (DecisionTreeClassifier, DecisionTreeRegressor, RandomForestClassifier, RandomForestRegressor)
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
    assert (answer == again).mean() > (0.9999 if isinstance(estimator, TREES) else 0.999)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=name_of)
def test_regressors(estimator: Any, tmp_path: Path) -> None:
    made = trained(estimator, "number")
    answer = made["out"].to_polars()["prediction"].to_numpy()
    assert np.corrcoef(answer, ROWS["number"].to_numpy())[0, 1] > 0.95
    again = loaded_without_a_gpu(made["model"], tmp_path)["prediction"].to_numpy()
    kept = 1e-5 if isinstance(estimator, TREES) else 1e-3  # a row that went to another leaf would be further off, by far
    np.testing.assert_allclose(answer, again, rtol=kept, atol=kept)


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
    assert made["model"].methods == (("apply", "predict", "transform") if isinstance(estimator, KMeans) else ("apply", "predict"))


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


def with_gaps(**dtypes: Any) -> pl.DataFrame:
    """Return the rows with missing values in every feature, some of them in other dtypes."""
    gaps = {name: pl.when(pl.col("number") * 100 % (7 + place) > 1).then(pl.col(name)) for place, name in enumerate(COLUMNS)}
    return ROWS.with_columns(**gaps).with_columns(pl.col(name).mul(1000).cast(dtype) for name, dtype in dtypes.items())


@pytest.mark.parametrize("missing", [np.nan, -1.0])
def test_missing_values_and_weights_reach_xgboost(missing: float) -> None:
    rows = with_gaps(x1=pl.Int64, x2=pl.Float32).with_columns(w=pl.col("x3").is_null().cast(pl.Float64) + 0.5)
    results = []
    for engine in ("cpu", "gpu"):  # whose bins are not the same
        table, held_out = gp.FromFrame(rows[:3000]).node(), gp.FromFrame(rows[3000:]).node()
        estimator = XGBClassifier(n_estimators=200, early_stopping_rounds=5, max_depth=4, missing=missing)
        model = gp.Learn(estimator, target="label", features=COLUMNS, weight="w").fit(table, held_out)
        made = gp.Pipeline("p", model=model, out=model.predict_proba(held_out)).run(engine)
        assert made["model"].model.best_iteration < 199
        results.append(made["out"].to_polars()["probability"].to_numpy())
    assert np.corrcoef(*results)[0, 1] > 0.98


def test_frames_that_xgboost_was_trained_on_can_still_be_spilled() -> None:
    from gpupipe.engines.cudf.frames import native_of  # local: imports RAPIDS, which a skipped test does without
    from gpupipe.engines.cudf.memory import make_room  # local: as above

    engine = load_engine("gpu")
    rows = with_gaps(x2=pl.Float32).with_columns(w=pl.col("x3").is_null().cast(pl.Float64) + 0.5)
    frame = engine.ingested(rows.to_arrow())  # type: ignore[attr-defined]
    engine.solve(Training(XGBRegressor(n_estimators=2), tuple(COLUMNS), "number", "w", None), [frame])
    native = native_of(frame)
    make_room()
    held = [name for name in native.columns if name != "word" and not native[name]._column.data.owner.is_spilled]
    engine.close()
    assert not held, "their addresses were told, so they stay"


def test_training_goes_outside_where_the_device_is_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gpupipe.engines.cudf.device_boosters.rows_at_once", lambda _: 1000)
    table, held_out = gp.FromFrame(with_gaps()[:3000]).node(), gp.FromFrame(with_gaps()[3000:]).node()
    estimator = XGBClassifier(n_estimators=200, early_stopping_rounds=3)

    def run(**options: Any) -> Any:
        model = gp.Learn(estimator, target="label", features=COLUMNS).fit(table, held_out)
        return gp.Pipeline("p", model=model, out=model.predict_proba(held_out)).run("gpu", options=EngineOptions(**options))

    within = run()
    tried: list[int] = []

    def short(*_: Any, **__: Any) -> Any:
        tried.append(1)
        raise MemoryError("std::bad_alloc: out_of_memory")

    monkeypatch.setattr("xgboost.QuantileDMatrix", short)
    outside = run()
    assert len(tried) == 2, "once more after room was made"
    (line,) = outside.report["fallbacks"]
    assert "XGBClassifier was trained from external memory, about 18,000 bytes of bins" in line["reason"]
    assert "out_of_memory" in line["reason"]
    crossed: Counter[tuple[str, str]] = Counter()
    for one in outside.report["crossings"]["events"]:
        crossed[one["direction"], one["reason"].partition(" ")[0]] += one["bytes"]
    assert crossed["device_to_host", "features"] == 4000 * 4 * 4 <= crossed["host_to_device", "features"]
    assert crossed["device_to_host", "bins"] == 18_000
    answers = [made["out"].to_polars()["probability"].to_numpy() for made in (within, outside)]
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-4)
    assert outside["model"].model.best_iteration == within["model"].model.best_iteration
    assert outside.report["models"][0]["history"].keys() == within.report["models"][0]["history"].keys()
    gp.save(outside["model"], tmp_path / "model")
    with pytest.raises(CrossingError, match="features of XGBClassifier, which is trained from external memory"):
        run(crossings="raise", crossings_budget=1000)


def test_text_as_labels_is_refused_by_xgboost() -> None:
    with pytest.raises(
        StageError, match=r"XGBClassifier could not be trained on 4000 rows: .*got text\. Encode the target with EncodeCategory"
    ):
        trained(XGBClassifier(n_estimators=2), "word")


def test_weights_that_cuml_passes_over_are_refused() -> None:
    table = gp.FromFrame(ROWS.with_columns(label=(pl.col("x0") * 3).floor().cast(pl.Int64))).node()
    for options, given in (({"weight": "x1"}, "weights"), ({}, "class_weight")):
        estimator = LogisticRegression(class_weight=None if options else "balanced")
        model = gp.Learn(estimator, target="label", features=["x0", "x2"], **options).fit(table)
        with pytest.raises(UnsupportedError, match=f"cuML's LogisticRegression passes over {given} where there are more than two classes"):
            gp.Pipeline("p", model=model).run("gpu")


def test_what_cuml_lacks_is_refused_unless_the_host_may_do_it() -> None:
    with pytest.raises(UnsupportedError, match="cuML has no counterpart of .*MinMaxScaler"):
        trained(MinMaxScaler(), None)
    made = trained(MinMaxScaler(), None, EngineOptions(fallbacks="host"))
    assert "MinMaxScaler" in made.report["fallbacks"][0]["reason"]


def test_softmax_answers_with_labels_and_probabilities() -> None:
    table = gp.FromFrame(ROWS.with_columns(label=(pl.col("x0") * 3).floor().cast(pl.Int64))).node()
    answers = []
    for objective in ("multi:softmax", "multi:softprob"):
        model = gp.Learn(XGBClassifier(n_estimators=20, objective=objective), target="label", features=COLUMNS).fit(table)
        answers.append(gp.Pipeline("p", out=model.predict_proba(model.predict(table))).run("gpu", options=HELD)["out"].to_polars())
    assert (answers[0]["prediction"] == answers[1]["prediction"]).all()
    np.testing.assert_allclose(answers[0]["probability_1"].to_numpy(), answers[1]["probability_1"].to_numpy(), atol=1e-5)


GROUPS = RANDOM.integers(0, 4, 2000)
GROUPED = pl.DataFrame(RANDOM.normal(size=(2000, 3)) + 30 * GROUPS[:, None] * [1, -1, 0.5], schema=["a", "b", "c"])


def labelled(estimator: Any, options: EngineOptions = HELD) -> Any:
    """Return the labels of the grouped rows, in their order."""
    made = gp.Pipeline("p", out=gp.FitPredict(estimator)(gp.FromFrame(GROUPED).node())).run("gpu", options=options)
    return made["out"].to_polars()["cluster"].to_numpy()


def test_dbscan_labels_the_rows_it_is_fitted_to() -> None:
    assert adjusted_rand_score(labelled(DBSCAN(5.0)), GROUPS) == 1
    model = gp.Learn(DBSCAN(5.0)).fit(gp.FromFrame(GROUPED).node())
    found = gp.Pipeline("p", model=model).run("gpu", options=HELD)["model"].model.labels_
    assert adjusted_rand_score(found.get(), GROUPS) == 1, "and a model tells them where they are"


def test_hdbscan_labels_the_rows_it_is_fitted_to() -> None:
    hdbscan = pytest.importorskip("hdbscan", reason="cuML takes the package hdbscan's estimator, not scikit-learn's")
    found = labelled(hdbscan.HDBSCAN(min_cluster_size=50))
    assert adjusted_rand_score(found, GROUPS) > 0.95


def test_clusterers_without_a_counterpart_run_on_the_host_where_that_is_allowed() -> None:
    with pytest.raises(UnsupportedError, match="cuML has no counterpart of .*AgglomerativeClustering"):
        labelled(AgglomerativeClustering(4))
    assert adjusted_rand_score(labelled(AgglomerativeClustering(4), EngineOptions(fallbacks="host")), GROUPS) == 1


def test_tsne_keeps_neighbours() -> None:
    placed = gp.FitTransform(TSNE(2, random_state=0))(gp.FromFrame(GROUPED).node())
    made = gp.Pipeline("p", out=placed).run("gpu", options=HELD)["out"].to_polars()
    assert made.columns == ["tsne0", "tsne1"]
    assert trustworthiness(GROUPED.to_numpy(), made.to_numpy(), n_neighbors=10) > 0.9


def test_umap_keeps_neighbours_and_places_others() -> None:
    umap = pytest.importorskip("umap", reason="UMAP is the package umap-learn's estimator")
    table = gp.FromFrame(GROUPED).node()
    model = gp.Learn(umap.UMAP(n_components=2, random_state=0)).fit(table)
    made = gp.Pipeline("p", out=model(table)).run("gpu", options=HELD)["out"].to_polars()
    assert trustworthiness(GROUPED.to_numpy(), made.to_numpy(), n_neighbors=10) > 0.9


def test_torch_takes_its_memory_from_the_pool() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch")
    code = """
import torch
from gpupipe.core.engine import EngineOptions
from gpupipe.engines.load import load_engine
load_engine("gpu", EngineOptions(pool_bytes=1 << 27))
print(float(torch.ones(1 << 20, device="cuda").sum()) == 1 << 20)
try:
    torch.ones(1 << 28, device="cuda")
except RuntimeError as error:
    print("memory" in str(error).lower() or "alloc" in str(error).lower())
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True"], done.stderr[-2000:]
