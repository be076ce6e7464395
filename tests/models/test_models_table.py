"""The table of models in docs/models.md: each row is run, and what it says of engines is what the engines' own lists say."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import clone, cluster, decomposition, ensemble, linear_model, manifold, naive_bayes, neighbors, svm, tree
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

import gpupipe as gp
from gpupipe.core.errors import StageError, UsageError
from gpupipe.engines._mergeable.choose import why_not_mergeable
from gpupipe.engines.cudf.counterparts import COUNTERPARTS, FORESTS
from gpupipe.models._estimator import task_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "models.md"
MODELS: dict[str, list[Any]] = {
    "boosted trees": [XGBClassifier(n_estimators=3), XGBRegressor(n_estimators=3)],
    "boosted trees, scikit-learn's": [
        ensemble.HistGradientBoostingClassifier(max_iter=3),
        ensemble.HistGradientBoostingRegressor(max_iter=3),
    ],
    "decision tree": [tree.DecisionTreeClassifier(), tree.DecisionTreeRegressor()],
    "random forest": [
        ensemble.RandomForestClassifier(3),
        ensemble.RandomForestRegressor(3),
        XGBRFClassifier(n_estimators=3),
        XGBRFRegressor(n_estimators=3),
    ],
    "linear": [linear_model.LinearRegression(), linear_model.Ridge(), linear_model.Lasso(), linear_model.ElasticNet()],
    "logistic": [linear_model.LogisticRegression()],
    "nearest neighbours": [neighbors.KNeighborsClassifier(3), neighbors.KNeighborsRegressor(3)],
    "support vectors": [svm.SVC(), svm.SVR(), svm.LinearSVC(random_state=0), svm.LinearSVR(random_state=0)],
    "naive Bayes": [naive_bayes.GaussianNB(), naive_bayes.MultinomialNB(), naive_bayes.BernoulliNB()],
    "k-means": [cluster.KMeans(2, n_init=1)],
    "DBSCAN": [cluster.DBSCAN()],
    "HDBSCAN": [cluster.HDBSCAN(copy=True)],
    "PCA": [decomposition.PCA(1)],
    "SVD": [decomposition.TruncatedSVD(1)],
    "t-SNE": [manifold.TSNE(1, perplexity=3, init="random")],
    "isolation forest": [ensemble.IsolationForest(n_estimators=3)],
}
CHANCE = np.random.default_rng(0)
FRAME = pl.DataFrame({"a": CHANCE.uniform(size=30), "b": CHANCE.uniform(size=30)}).with_columns(y=(pl.col("a") > 0.5).cast(pl.Int32))


def stage_of(estimator: Any) -> str:
    """Return the stage that takes an estimator: the one that fits and places others, or one that answers for its own rows."""
    try:
        task_of(estimator)
    except UsageError:
        return "FitTransform"
    places = any(hasattr(estimator, method) for method in ("predict", "transform"))
    return "Learn" if places else "FitPredict"


def row_of(model: str, estimator: Any) -> str:
    """Return the table's row of an estimator."""
    kind = type(estimator)
    boosted, forest = kind.__module__.startswith("xgboost"), kind.__name__.startswith("XGBRF")
    stage = stage_of(estimator)
    if stage != "Learn":
        dask = "all rows on one worker"
    elif boosted and not forest:
        dask = "XGBoost's own distributed training"
    else:
        dask = "exact, from parts" if why_not_mergeable(estimator) is None else "all rows on one worker"
    of_cuml = kind.__name__ in COUNTERPARTS or kind.__name__ in FORESTS or kind.__name__ == "MultinomialNB"
    gpu = "XGBoost's own" if boosted else "cuML's" if of_cuml else "refused, or on the host"
    return f"| {model} | `{kind.__name__}` | `{stage}` | {dask} | {gpu} |"


CASES = [(model, estimator) for model, estimators in MODELS.items() for estimator in estimators]


UMAP = "| UMAP | `UMAP` | `Learn` | all rows on one worker | cuML's |"  # whose import and compiling take a minute


def test_the_table_is_what_the_engines_say() -> None:
    text = DOCUMENT.read_text()
    missing = [row for row in (*(row_of(*case) for case in CASES), UMAP) if row not in text]
    assert not missing, "docs/models.md lacks:\n" + "\n".join(missing)
    assert text.count("` | `") == len(CASES) + 1, "docs/models.md has rows that are not tried here"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["cpu", "dask"])
def test_umap_places_rows_as_by_itself(engine: str, two_workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no TensorFlow, and of its one thread
        from umap import UMAP as Umap  # noqa: N811  # local: as above

        estimator = Umap(n_components=1, n_neighbors=5, n_epochs=5, init="random", random_state=0, n_jobs=1)
        assert row_of("UMAP", estimator) == UMAP
        monkeypatch.setenv("GPUPIPE_CLUSTER", two_workers)
        rows = gp.FromFrame(FRAME).node()
        model = gp.Learn(estimator, features=["a", "b"]).fit(rows)
        made = pl.from_arrow(gp.Pipeline("p", made=model(rows)).run(engine)["made"].to_arrow())
        features = FRAME.select("a", "b").to_numpy()
        wanted = clone(estimator).fit(features).transform(features)[:, 0]
    assert made["umap0"].to_list() == pytest.approx(wanted.tolist(), abs=1e-4)


@pytest.mark.parametrize(("model", "estimator"), CASES, ids=lambda value: value if isinstance(value, str) else type(value).__name__)
def test_each_model_runs(model: str, estimator: Any) -> None:
    rows = gp.FromFrame(FRAME).node()
    stage = stage_of(estimator)
    if stage == "Learn":
        target = "y" if task_of(estimator) in ("classifier", "regressor") else None
        made = gp.Learn(estimator, features=["a", "b"], target=target).fit(rows)(rows)
    else:
        made = (gp.FitPredict if stage == "FitPredict" else gp.FitTransform)(estimator, features=["a", "b"])(rows)
    assert len(gp.Pipeline("p", made=made).run("cpu")["made"]) == 30


RANKED = pl.DataFrame({"x": CHANCE.normal(size=240), "z": CHANCE.normal(size=240), "query": [n % 20 for n in range(240)]})
RANKED = RANKED.with_columns(y=(2 * pl.col("x") + pl.col("z") * 0.3).rank("ordinal").over("query").cast(pl.Int64) // 4)


def test_a_ranker_learns_within_groups_as_xgboost_by_itself(engine: str, tmp_path: Path) -> None:
    ranker = XGBRanker(n_estimators=12, max_depth=3, objective="rank:ndcg", early_stopping_rounds=5)
    train, valid = (gp.FromFrame(frame).node() for frame in (RANKED.head(160), RANKED.tail(80)))
    model = gp.Learn(ranker, target="y", group="query").fit(train, valid)
    made = gp.Pipeline("p", made=model(valid), model=model).run(engine)

    ordered = [frame.sort("query", maintain_order=True) for frame in (RANKED.head(160), RANKED.tail(80))]
    (x, y, query), held_out = ((frame.select("x", "z"), frame["y"].to_numpy(), frame["query"].to_numpy()) for frame in ordered)
    wanted = clone(ranker).fit(x, y, qid=query, eval_set=[held_out[:2]], eval_qid=[held_out[2]], verbose=False)
    scores = pl.from_arrow(made["made"].to_arrow()).sort("query", "x")
    assert np.allclose(scores["prediction"], wanted.predict(scores.select("x", "z")), rtol=1e-5)
    by_query = scores.group_by("query").agg(found=pl.corr("prediction", "y", method="spearman"))
    assert by_query["found"].fill_nan(None).mean() > 0.8
    loaded = gp.load(gp.save(made["model"], tmp_path / "model"))
    assert np.allclose(loaded.predict(scores.drop("prediction")), scores["prediction"]) and loaded.features == ("x", "z")


def test_bad_groups() -> None:
    with pytest.raises(UsageError, match=r"^XGBRanker learns the order of rows within groups: give .* group='query'\.$"):
        gp.Learn(XGBRanker(), target="y")
    with pytest.raises(UsageError, match=r"^XGBRegressor knows no groups of rows, got group='query'\."):
        gp.Learn(XGBRegressor(), target="y", group="query")
    with pytest.raises(UsageError, match=r"^XGBRanker takes no weights of rows: XGBoost has one for each of its groups\."):
        gp.Learn(XGBRanker(), target="y", group="query", weight="x")
    missing = RANKED.with_columns(query=pl.when(pl.col("x") > 0).then("query"))
    with pytest.raises(StageError, match=r"^Expected a group in every row, got \d+ missing in 'query'\."):
        gp.Learn(XGBRanker(), target="y", group="query").fit_plain(missing)
