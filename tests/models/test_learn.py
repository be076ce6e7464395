"""Learn: every kind of estimator, on every engine, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder
from sklearn.svm import SVC
from xgboost import XGBClassifier, XGBRegressor

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import ColumnError, DtypeError, PlanError, StageError, UsageError, WiringError
from gpupipe.models.learn import probability_names, task_of

IRIS = load_iris(as_frame=False)
NAMES = ["a", "b", "c", "d"]
FRAME = pl.DataFrame(IRIS.data, schema=NAMES).with_columns(
    kind=pl.Series(np.array(["setosa", "versicolor", "virginica"])[IRIS.target]), number=pl.Series(IRIS.target.astype(np.int32))
)
TWO = FRAME.filter(pl.col("number") > 0)
ON_HOST = EngineOptions(fallbacks="host")  # what cuML lacks; the engines of a CPU have nothing to fall back from
EXACT = {"cpu", "dask", "pandas"}  # which train with scikit-learn's own solvers


def table(frame: pl.DataFrame = FRAME) -> Any:
    return gp.FromFrame(frame).node()


# Naive Bayes takes one pass over the blocks, and logistic regression one for each step: it is held to scikit-learn's in all of its forms in
# tests/engines/_mergeable/test_logistic.py.
@pytest.mark.parametrize(("target", "estimator"), [("kind", LogisticRegression(max_iter=2000, C=0.1, tol=0.01)), ("number", GaussianNB())])
def test_a_classifier_predicts_what_the_estimator_would(engine: str, target: str, estimator: Any) -> None:
    model = gp.Learn(estimator, features=NAMES, target=target).fit(table())
    result = gp.Pipeline("p", out=model(table()), model=model).run(engine)
    reference = clone(estimator).fit(IRIS.data, FRAME[target].to_numpy())
    assert result["out"]["prediction"].to_list() == reference.predict(IRIS.data).tolist()
    assert result["out"].schema["prediction"] == (nw.String() if target == "kind" else nw.Int32())


def test_two_classes_give_the_probability_of_the_last(engine: str) -> None:
    model = gp.Learn(LogisticRegression(max_iter=2000), features=NAMES, target="kind").fit(table(TWO))
    out = gp.Pipeline("p", out=model.predict_proba(table(TWO))).run(engine)["out"]
    tolerance = 1e-4 if engine in EXACT else 1e-8  # another solver stops elsewhere, so it is held to where both are on their way to
    reference = LogisticRegression(max_iter=2000, tol=tolerance).fit(TWO.select(NAMES).to_numpy(), TWO["kind"].to_numpy())
    expected = reference.predict_proba(TWO.select(NAMES).to_numpy())[:, 1]
    assert expected[expected < 0.01].size and expected[expected > 0.99].size
    np.testing.assert_allclose(out["probability"].to_numpy(), expected, rtol=1e-9, atol=0 if engine in EXACT else 2e-3)
    assert list(reference.classes_) == ["versicolor", "virginica"]


def test_three_classes_give_a_column_each_that_later_stages_may_use(engine: str) -> None:
    model = gp.Learn(GaussianNB(), features=NAMES, target="kind").fit(table())
    likely = model.predict_proba(table()) >> gp.Filter(nw.col("probability_virginica") > 0.99)
    out = gp.Pipeline("p", out=likely).run(engine)["out"]
    assert out.columns[-3:] == ["probability_setosa", "probability_versicolor", "probability_virginica"]
    assert set(out["kind"].to_list()) == {"virginica"}


def test_a_column_that_no_class_makes_is_found_once_the_classes_are_known(engine: str) -> None:
    model = gp.Learn(GaussianNB(), features=NAMES, target="kind").fit(table())
    wrong = model.predict_proba(table()) >> gp.Filter(nw.col("probability_tulip") > 0.9)
    with pytest.raises(ColumnError, match="There is no column 'probability_tulip'"):
        gp.Pipeline("p", out=wrong).run(engine)


def test_a_regressor_predicts_float64(engine: str) -> None:
    data = load_diabetes(as_frame=False)
    frame = pl.DataFrame(data.data, schema=[f"x{number}" for number in range(10)]).with_columns(y=pl.Series(data.target))
    for estimator in (Ridge(), XGBRegressor(n_estimators=10)):
        model = gp.Learn(estimator, target="y").fit(table(frame))
        out = gp.Pipeline("p", out=model(table(frame))).run(engine)["out"]
        assert out.schema["prediction"] == nw.Float64()
        expected = type(estimator)(**estimator.get_params()).fit(data.data, data.target).predict(data.data)
        np.testing.assert_allclose(out["prediction"].to_numpy(), expected, rtol=1e-5)


def test_a_clusterer_appends_cluster_and_a_transformer_replaces(engine: str) -> None:
    clusters = gp.Learn(KMeans(3, n_init=1, random_state=0), features=NAMES).fit(table())
    reduced = gp.Learn(PCA(2), features=NAMES).fit(table())
    result = gp.Pipeline("p", c=clusters(table()), r=reduced(table())).run(engine)
    assert sorted(set(result["c"]["cluster"].to_list())) == [0, 1, 2]
    assert result["c"].schema["cluster"] == nw.Int32()
    assert result["r"].columns == ["kind", "number", "pca0", "pca1"]
    np.testing.assert_allclose(np.abs(result["r"]["pca0"].to_numpy()), np.abs(PCA(2).fit_transform(IRIS.data)[:, 0]), atol=1e-8)


def test_a_transformer_that_only_scikit_learn_has(engine: str) -> None:
    scaled = gp.Learn(MinMaxScaler(), features=["a", "b"]).fit(table())
    out = gp.Pipeline("p", s=scaled(table())).run(engine, options=ON_HOST)["s"]
    assert set(out.columns) == {"a", "b", "c", "d", "kind", "number"}
    assert (out["a"].min(), out["a"].max()) == pytest.approx((0.0, 1.0))


def test_what_a_clusterer_lacks_is_not_asked_of_it(engine: str) -> None:
    model = gp.Learn(IsolationForest(n_estimators=20, random_state=0), features=NAMES).fit(table())
    result = gp.Pipeline("p", out=model(table()), model=model).run(engine)
    assert set(result["out"]["cluster"].to_list()) == {-1, 1}
    assert result["model"].methods == ("apply", "predict") and result["model"].outputs == ()


def test_xgboost_stops_early_on_the_validation_table(engine: str) -> None:
    train, validation = gp.Split((0.7, 0.3), seed=1)(table(TWO))
    estimator = XGBClassifier(n_estimators=200, early_stopping_rounds=3, eval_metric="logloss", max_depth=2)
    model = gp.Learn(estimator, features=NAMES, target="late").fit(
        *(part >> gp.WithColumns(late=(nw.col("number") == 2).cast(nw.Int32)) for part in (train, validation))
    )
    told: list[tuple[str, int]] = []
    result = gp.Pipeline("p", model=model).run(
        engine, tell=lambda event, step, facts: told.append((event, facts["number"])) if event == "progress" else None
    )
    assert result["model"].model.best_iteration < 199
    assert len(told) == result["model"].model.get_booster().num_boosted_rounds()
    (described,) = result.report["models"]
    assert list(described["history"]) == ["validation logloss"]
    assert len(described["importance"]) == 4
    assert estimator.get_params()["callbacks"] is None, "the estimator given is never changed"


def test_weights_count(engine: str) -> None:
    weighted = FRAME.with_columns(w=pl.when(pl.col("kind") == "setosa").then(0.0).otherwise(1.0))
    model = gp.Learn(LogisticRegression(max_iter=2000, C=0.1, tol=0.01), features=NAMES, target="kind", weight="w").fit(table(weighted))
    out = gp.Pipeline("p", out=model(table(weighted))).run(engine, options=ON_HOST)["out"]  # cuML would pass over weights of three classes
    reference = LogisticRegression(max_iter=2000, C=0.1, tol=0.01).fit(
        IRIS.data, FRAME["kind"].to_numpy(), sample_weight=weighted["w"].to_numpy()
    )
    assert out["prediction"].to_list() == reference.predict(IRIS.data).tolist()
    assert "setosa" not in out["prediction"].to_list()


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_weights_of_two_classes_count_as_much_as_they_are(engine: str, scale: float) -> None:
    weighted = TWO.with_columns(w=scale * (0.2 + (pl.col("a") > 6).cast(pl.Float64)))
    model = gp.Learn(LogisticRegression(max_iter=5000, C=0.1), features=NAMES, target="kind", weight="w").fit(table(weighted))
    out = gp.Pipeline("p", out=model.predict_proba(table(weighted))).run(engine)["out"]
    data, kind, weight = weighted.select(NAMES).to_numpy(), weighted["kind"].to_numpy(), weighted["w"].to_numpy()
    exact = LogisticRegression(max_iter=5000, C=0.1, tol=1e-8)
    with_weights, without = (exact.fit(data, kind, given).predict_proba(data) for given in (weight, None))
    assert np.abs(with_weights - without).max() > 0.05
    np.testing.assert_allclose(out["probability"].to_numpy(), with_weights[:, 1], atol=5e-3)


def test_missing_features_reach_xgboost_as_missing(engine: str) -> None:
    gaps = TWO.with_columns(a=pl.when(pl.col("b") > 3).then(None).otherwise(pl.col("a")), late=(pl.col("number") == 2).cast(pl.Int32))
    model = gp.Learn(XGBClassifier(n_estimators=5), features=NAMES, target="late").fit(table(gaps))
    out = gp.Pipeline("p", out=model.predict_proba(table(gaps))).run(engine)["out"]
    reference = XGBClassifier(n_estimators=5).fit(gaps.select(NAMES).to_numpy(), gaps["late"].to_numpy())
    np.testing.assert_allclose(out["probability"].to_numpy(), reference.predict_proba(gaps.select(NAMES).to_numpy())[:, 1], rtol=1e-5)


def test_missing_features_are_refused_by_estimators_that_cannot_take_them(engine: str) -> None:
    gaps = table(FRAME.with_columns(a=pl.when(pl.col("b") > 3).then(pl.col("a"))))
    told = r"^Ridge takes no missing values, and there are some in 'a'\. Fill them, with gp\.FillNull or .* leave those rows out"
    with pytest.raises(PlanError, match=told):
        gp.Pipeline("p", model=gp.Learn(Ridge(), features=NAMES, target="number").fit(gaps)).check()
    for same in (gp.Split((0.5, 0.5))(gaps)[0], gp.Standardize("a").fit(gaps)(gaps), gaps >> gp.SortRows("b") >> gp.Drop("kind")):
        with pytest.raises(PlanError, match=told):
            gp.Pipeline("p", model=gp.Learn(Ridge(), features=NAMES, target="number").fit(same)).check()
    computed = gaps >> gp.WithColumns(a=nw.col("a") * 2)  # of which the plan cannot know
    with pytest.raises(StageError, match=told):
        gp.Pipeline("p", model=gp.Learn(Ridge(), features=NAMES, target="number").fit(computed)).run(engine)
    filled = gp.Learn(SimpleImputer(), features=["a"]).fit(gaps)(gaps)
    for mended in (gaps >> gp.FillNull(0.0), gaps >> gp.Filter(~nw.col("a").is_null()), filled):
        gp.Pipeline("p", model=gp.Learn(Ridge(), features=NAMES, target="number").fit(mended)).check()
    gp.Pipeline("p", model=gp.Learn(XGBRegressor(), features=NAMES, target="number").fit(gaps)).check()


def test_a_missing_label_is_refused(engine: str) -> None:
    gaps = FRAME.with_columns(kind=pl.when(pl.col("a") > 5).then(pl.col("kind")))
    model = gp.Learn(LogisticRegression(), features=NAMES, target="kind").fit(table(gaps))
    with pytest.raises(StageError, match=r"Expected a label in every row, got \d+ missing in target 'kind'"):
        gp.Pipeline("p", model=model).run(engine)


@pytest.mark.once_on_clusters("estimator")
@pytest.mark.parametrize(("weight", "got"), [(None, "1 missing"), (float("nan"), "1 missing"), (-1.0, "-1.0")])
@pytest.mark.parametrize("estimator", [LogisticRegression(max_iter=500), XGBClassifier(n_estimators=2)], ids=lambda one: type(one).__name__)
def test_weights_are_there_and_not_negative(estimator: Any, weight: float | None, got: str, engine: str) -> None:
    weighted = TWO.with_columns(number=pl.col("number") - 1, w=pl.Series([weight, *[1.0] * (len(TWO) - 1)]))
    model = gp.Learn(estimator, target="number", features=NAMES, weight="w").fit(gp.FromFrame(weighted, nan_as_null=False).node())
    with pytest.raises(StageError, match=rf"Expected a weight of 0 or more in every row, got {got} in 'w'\. Drop those rows"):
        gp.Pipeline("p", model=model).run(engine, options=ON_HOST)


def test_weights_that_nobody_would_look_at_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"KNeighborsClassifier takes no weights of rows: its fit has no sample_weight\. Leave the weight out"
    ):
        gp.Learn(KNeighborsClassifier(), target="number", weight="w")
    model = gp.Learn(LogisticRegression(), target="number", features=NAMES, weight="kind").fit(table())
    with pytest.raises(DtypeError, match="expects numbers, got String in column 'kind'"):
        gp.Pipeline("p", model=model).check()


def test_what_is_no_feature_is_not_one() -> None:
    for column, what in (("number", "target"), ("w", "weight")):
        with pytest.raises(UsageError, match=rf"'{column}' is its {what}\. Leave it out of the features"):
            gp.Learn(XGBClassifier(), target="number", features=["a", column], weight="w")


def test_what_xgboost_refuses_is_told_without_its_own_code() -> None:
    wrong = TWO.with_columns(a=pl.Series([float("inf"), *[1.0] * (len(TWO) - 1)]), number=pl.col("number") - 1)
    with pytest.raises(StageError, match=r"could not be trained on 100 rows: Input data contains `inf`") as caught:
        gp.Pipeline("p", model=gp.Learn(XGBClassifier(n_estimators=2), target="number", features=NAMES).fit(table(wrong))).run("cpu")
    assert "[bt]" not in str(caught.value)


def test_no_rows_to_train_on(engine: str) -> None:
    model = gp.Learn(LogisticRegression(), features=NAMES, target="kind").fit(table() >> gp.Filter(nw.col("a") > 1000))
    with pytest.raises(StageError, match="Expected rows to train on, got an empty table"):
        gp.Pipeline("p", model=model).run(engine)


def test_an_empty_table_is_predicted_as_empty(engine: str) -> None:
    model = gp.Learn(GaussianNB(), features=NAMES, target="kind").fit(table())
    out = gp.Pipeline("p", out=model(table() >> gp.Filter(nw.col("a") > 1000))).run(engine)["out"]
    assert out.shape == (0, 7)


def test_text_features_are_refused_by_name() -> None:
    model = gp.Learn(LogisticRegression(), target="number").fit(table())
    with pytest.raises(DtypeError, match=r"Learn\(LogisticRegression\) expects numbers, got String in column 'kind'"):
        gp.Pipeline("p", model=model).check()


def test_a_feature_that_is_not_there_names_the_nearest() -> None:
    model = gp.Learn(LogisticRegression(), features=["a", "kindd"], target="number").fit(table())
    with pytest.raises(ColumnError, match="no column 'kindd'. Did you mean 'kind'"):
        gp.Pipeline("p", model=model).check()


def test_what_is_no_estimator_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"expects an estimator, got the class LogisticRegression\. Make one of it: LogisticRegression\(\)"
    ):
        gp.Learn(LogisticRegression, target="number")
    with pytest.raises(UsageError, match=r"expects an unfitted estimator with fit and get_params, such as XGBClassifier\(\), got 'ridge'"):
        gp.Learn("ridge", target="number")
    with pytest.raises(UsageError, match="LogisticRegression is a classifier: it needs a target column"):
        gp.Learn(LogisticRegression())
    with pytest.raises(UsageError, match="PCA is a transformer: it takes no target column"):
        gp.Learn(PCA(), target="number")


def test_methods_that_the_model_lacks_are_refused_when_wired() -> None:
    with pytest.raises(WiringError, match="PCA is a transformer and has no 'predict_proba'"):
        gp.Learn(PCA(), features=NAMES).fit(table()).predict_proba(table())
    with pytest.raises(WiringError, match="SVC is a classifier and has no 'predict_proba'"):
        gp.Learn(SVC(), features=NAMES, target="kind").fit(table()).predict_proba(table())
    with pytest.raises(WiringError, match=r"KMeans is a clusterer and has no 'predict_proba'\. It has 'apply', 'predict', 'transform'\.$"):
        gp.Learn(KMeans(), features=NAMES).fit(table()).predict_proba(table())
    with pytest.raises(WiringError, match="must be trained before it is applied"):
        gp.Learn(PCA(), features=NAMES)(table())


def test_a_validation_table_is_for_xgboost_alone() -> None:
    for fit in (lambda learn: learn.fit(table(), table()), lambda learn: learn.fit_plain(FRAME, FRAME)):
        with pytest.raises(UsageError, match="Ridge takes no validation table"):
            fit(gp.Learn(Ridge(), features=NAMES, target="number"))


def test_a_validation_table_has_rows(engine: str) -> None:
    estimator = XGBClassifier(n_estimators=5, early_stopping_rounds=2)
    model = gp.Learn(estimator, features=NAMES, target="number").fit(table(), table() >> gp.Filter(nw.col("a") > 1000))
    with pytest.raises(StageError, match="Expected rows in the validation table, got none"):
        gp.Pipeline("p", model=model).run(engine)


def test_a_column_of_the_tables_own_is_not_overwritten() -> None:
    own = table() >> gp.WithColumns(prediction=1, probability_setosa=2, pca1=3, cluster=4)
    model = gp.Learn(LogisticRegression(max_iter=2000), features=NAMES, target="kind").fit(table())
    cases = {
        "prediction": model(own),
        "pca1": gp.Learn(PCA(2), features=NAMES).fit(own)(own),
        "cluster": gp.Learn(KMeans(2), features=NAMES).fit(own)(own),
    }
    for column, node in cases.items():
        told = rf"makes the column '{column}', and the table has one already\. Rename that first, as with gp\.Rename\({column}="
        with pytest.raises(ColumnError, match=told):
            gp.Pipeline("p", out=node).check()
    with pytest.raises(ColumnError, match=r"LogisticRegression\.predict_proba makes the column 'probability_setosa'"):
        gp.Pipeline("p", out=model.predict_proba(own)).run("cpu")  # whose classes are known once it is trained
    renamed = own >> gp.Rename(prediction="before")
    assert gp.Pipeline("p", out=model(renamed)).run("cpu")["out"]["before"].to_list() == [1] * len(FRAME)


def test_columns_of_a_transformer_are_named(engine: str) -> None:
    hot = gp.Learn(OneHotEncoder(), features=["number"]).fit(table())
    filled = gp.Learn(SimpleImputer(), features=["a"]).fit(table())
    parts = {"named": gp.Select("number_0", "number_2")(hot(table())), "kept": gp.Select("a")(filled(table()))}
    result = gp.Pipeline("p", parts, fewer=hot(table()) >> gp.Select("number_1")).run(engine, options=ON_HOST)
    assert result["named"].columns == ["number_0", "number_2"] and result["fewer"]["number_1"].sum() == 50
    assert result["kept"]["a"].to_list() == FRAME["a"].to_list()
    (planned,) = [step.schema for step in gp.Pipeline("p", out=hot(table())).plan().steps if step.node.stage.kind == "apply"]
    assert planned is not None and [*planned] == [*NAMES, "kind", "number_*"], "what is not known yet is told as a pattern"
    with pytest.raises(ColumnError, match="There is no column 'numbers_0'"):
        gp.Pipeline("p", out=gp.Select("numbers_0")(hot(table()))).check()
    with pytest.raises(ColumnError, match="There is no column 'number_7'"):
        gp.Pipeline("p", out=gp.Select("number_7")(hot(table()))).run(engine, options=ON_HOST)


def test_what_is_learned_from_is_what_is_planned(engine: str) -> None:
    right = FRAME.select("number", "d", "a", w="b").unique("number", maintain_order=True)
    joined = gp.Select("d", "number", "a")(table()) >> gp.WithColumns(number=nw.col("number") * 1.0, z=nw.col("a") - nw.col("d"))
    joined = gp.Join("number")(joined, table(right) >> gp.Cast({"number": nw.Float64}))
    hot = gp.Learn(OneHotEncoder(), features=["number"]).fit(table())
    models = {"closed": gp.Learn(Ridge(), target="a").fit(joined), "open": gp.Learn(Ridge(), target="a").fit(gp.Drop("kind")(hot(table())))}
    pipeline = gp.Pipeline("p", models)
    wide = gp.Pipeline("p", models, whole=joined)  # in which every column is read
    planned = [step.schema for step in wide.plan().steps if step.node is joined]
    assert planned[0] is not None
    result, whole = pipeline.run(engine, options=ON_HOST), wide.run(engine, options=ON_HOST)
    assert list(planned[0]) == whole["whole"].columns and len(planned[0]) == 7
    assert result["closed"].features == whole["closed"].features == tuple(name for name in planned[0] if name != "a")
    assert result["open"].features == ("b", "c", "d", "number_0", "number_1", "number_2")


def test_a_clusterer_that_cannot_predict_says_so_when_wired() -> None:
    model = gp.Learn(DBSCAN(), features=NAMES).fit(table())
    with pytest.raises(WiringError, match="DBSCAN is a clusterer and has no 'apply'.*It labels the rows.*use gp.FitPredict"):
        model(table())


def test_what_an_estimator_raises_in_a_query_names_the_stage(engine: str) -> None:
    model = gp.Learn(FunctionTransformer(only_small, feature_names_out="one-to-one"), features=["a"]).fit(table())
    with pytest.raises(StageError, match="ValueError: too large for me") as caught:
        gp.Pipeline("p", out=model(table() >> gp.WithColumns(a=nw.col("a") + 100))).run(engine, options=ON_HOST)
    assert "FunctionTransformer" in "".join(caught.value.__notes__)


def only_small(values: Any) -> Any:
    if values.max() > 50:
        raise ValueError("too large for me")
    return values


def test_tasks_come_from_the_estimators_own_tags() -> None:
    assert [task_of(one) for one in (XGBClassifier(), Ridge(), KMeans(), PCA())] == [
        "classifier",
        "regressor",
        "clusterer",
        "transformer",
    ]
    with pytest.raises(UsageError, match="expects a classifier, regressor, clusterer or transformer"):
        task_of(BaseEstimator())


def test_a_trained_model_pickles_and_predicts_the_same() -> None:
    data = load_breast_cancer(as_frame=False)
    frame = pl.DataFrame(data.data, schema=[f"x{number}" for number in range(30)]).with_columns(y=pl.Series(data.target))
    model = gp.Learn(XGBClassifier(n_estimators=3), target="y").fit_plain(frame)
    again = pickle.loads(pickle.dumps(model))
    assert again.apply(frame).equals(model.apply(frame))


def test_names_of_probabilities() -> None:
    assert probability_names([False, True]) == ["probability"]
    assert probability_names(["u", "v", "w"]) == ["probability_u", "probability_v", "probability_w"]


@pytest.mark.parametrize("engine", ["cpu", "pandas"])  # XGBoost trains no linear booster on many workers, and says so
def test_xgboosts_linear_booster_predicts(engine: str) -> None:
    rows = pl.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0], "y": [0, 0, 1, 1]})
    table = gp.FromFrame(rows).node()
    model = gp.Learn(XGBClassifier(booster="gblinear", updater="coord_descent", n_estimators=20), target="y").fit(table)
    result = gp.Pipeline("p", made=model.predict_proba(table), model=model, why=model.contributions(table)).run(engine)
    by_hand = XGBClassifier(booster="gblinear", updater="coord_descent", n_estimators=20).fit(
        rows.select("a", "b").to_numpy(), rows["y"].to_numpy()
    )
    expected = by_hand.predict_proba(rows.select("a", "b").to_numpy())[:, 1]
    assert pl.from_arrow(nw.from_native(result["made"]).to_arrow())["probability"].to_list() == pytest.approx(expected.tolist(), abs=1e-5)
    assert result["model"].predict(rows).tolist() == (expected > 0.5).astype(int).tolist()
