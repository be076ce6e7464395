"""Labels of any kind: every classifier learns them and answers in them, on every engine; scikit-learn's LabelEncoder is the oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import LabelEncoder
from xgboost import XGBClassifier

import gpupipe as gp
from gpupipe.core.errors import DtypeError, StageError

IRIS = load_iris(as_frame=False)
NAMES = ["a", "b", "c", "d"]
FRAME = pl.DataFrame(IRIS.data, schema=NAMES).with_columns(
    kind=pl.Series(np.array(["setosa", "versicolor", "virginica"])[IRIS.target]),
    year=pl.Series(np.array([2019, 2021, 2020])[IRIS.target]),
    small=pl.Series(IRIS.target < 1),
    even=pl.Series(IRIS.target * 2.0),
)
FEW = {"n_estimators": 4, "max_depth": 3, "n_jobs": 1}


def test_text_and_other_labels_of_xgboost(engine: str, tmp_path: Path) -> None:
    node = gp.FromFrame(FRAME).node()
    models = {
        target: gp.Learn(XGBClassifier(**FEW), features=NAMES, target=target).fit(node) for target in ("kind", "year", "small", "even")
    }
    outputs: dict[str, Any] = {f"{target}_out": model.predict(node) for target, model in models.items()}
    chances = models["kind"].predict_proba(node) >> gp.Filter(nw.col("probability_virginica") > 0.5)
    result = gp.Pipeline("p", outputs, models, chances=chances).run(engine)
    for target in models:
        encoder = LabelEncoder().fit(FRAME[target].to_numpy())
        by_hand = XGBClassifier(**FEW).fit(IRIS.data, encoder.transform(FRAME[target].to_numpy()))
        expected = encoder.inverse_transform(by_hand.predict(IRIS.data))
        out = result[f"{target}_out"]
        assert out["prediction"].to_list() == expected.tolist()
        assert out.schema["prediction"] == out.schema[target], "the prediction has the target's dtype"
        assert result[target].classes == tuple(encoder.classes_.tolist())
        loaded = gp.load(gp.save(result[target], tmp_path / f"{engine}-{target}"))
        assert loaded.predict(FRAME).tolist() == expected.tolist() == loaded.apply(FRAME)["prediction"].to_list()
        np.testing.assert_allclose(loaded.predict_proba(FRAME), by_hand.predict_proba(IRIS.data), rtol=1e-5)
        if target == "kind":
            assert result["chances"]["a"].to_list() == FRAME.filter(by_hand.predict_proba(IRIS.data)[:, 2] > 0.5)["a"].to_list()


def test_the_validation_table_is_of_the_same_labels(engine: str) -> None:
    train, rest = (gp.FromFrame(part).node() for part in (FRAME.gather_every(2), FRAME.gather_every(2, 1)))
    estimator = XGBClassifier(**FEW, early_stopping_rounds=2)
    model = gp.Learn(estimator, features=NAMES, target="kind").fit(train, rest)
    history = gp.Pipeline("p", model=model).run(engine)["model"].model.evals_result()["validation_0"]["mlogloss"]
    assert history[-1] < 0.7
    fewer = gp.Learn(estimator, features=NAMES, target="kind").fit(train >> gp.Filter(nw.col("kind") != "virginica"), rest)
    with pytest.raises(
        StageError, match=r"validation table has labels in 'kind' that the training table has not: 'virginica'\. Split otherwise"
    ):
        gp.Pipeline("p", model=fewer).run(engine)


def test_labels_that_are_missing_are_refused(engine: str) -> None:
    gaps = FRAME.with_columns(kind=pl.when(pl.col("a") > 5).then(pl.col("kind")), even=pl.Series([float("nan"), *FRAME["even"][1:]]))
    node = gp.FromFrame(gaps, nan_as_null=False).node()
    for target, told in (("kind", r"got \d+ missing in target 'kind'"), ("even", "got NaN in target 'even'")):
        with pytest.raises(StageError, match=f"Expected a label in every row, {told}"):
            gp.Pipeline("p", model=gp.Learn(XGBClassifier(**FEW), features=NAMES, target=target).fit(node)).run(engine)


@pytest.mark.parametrize("estimator", [GaussianNB(), XGBClassifier(**FEW)], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("dtype", [nw.Categorical, nw.Decimal(5, 1)], ids=str)
def test_targets_that_no_array_holds(estimator: Any, dtype: Any, engine: str) -> None:
    column = "kind" if dtype == nw.Categorical else "even"
    node = gp.FromFrame(FRAME).node() >> gp.Cast({column: dtype})
    out = gp.Pipeline("p", out=gp.Learn(estimator, features=NAMES, target=column).fit(node)(node)).run(engine)["out"]
    assert out.schema["prediction"] == (nw.Categorical() if dtype == nw.Categorical else nw.Float64())
    assert sum(a == b for a, b in zip(out["prediction"].to_list(), FRAME[column].to_list(), strict=True)) > 140


@pytest.mark.parametrize(
    ("estimator", "target", "told"),
    [
        (LinearRegression(), "day", r"expects numbers in its target, got Date in column 'day'\. Make numbers of it first\."),
        (LogisticRegression(), "day", "expects numbers, text or truth values in its target, got Date"),
        (LinearRegression(), "kind", "expects numbers in its target, got String in column 'kind'"),
    ],
)
def test_targets_that_nobody_takes_are_refused_in_the_plan(estimator: Any, target: str, told: str) -> None:
    node = gp.FromFrame(FRAME.with_columns(day=pl.date(2020, 1, 1))).node()
    with pytest.raises(DtypeError, match=told):
        gp.Pipeline("p", model=gp.Learn(estimator, features=NAMES, target=target).fit(node)).check()
