"""Permutation importance beside scikit-learn's, on every engine alike; contributions of trees beside XGBoost's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression

import gpupipe as gp
from gpupipe.core.errors import ColumnError, StageError, UsageError, WiringError

CHANCE = np.random.default_rng(0)
X = CHANCE.normal(size=(300, 3))
FRAME = (
    pl.DataFrame(X, schema=["a", "b", "c"])
    .with_columns(y=3 * pl.col("a") + pl.col("b") + CHANCE.normal(size=300))
    .with_columns(kind=pl.when(pl.col("y") > 0).then(pl.lit("yes")).otherwise(pl.lit("no")))
)
FEATURES = ["a", "b", "c"]


def test_importances_are_near_scikit_learns(engine: str) -> None:
    rows = gp.FromFrame(FRAME).node()
    model = gp.Learn(LinearRegression(), features=FEATURES, target="y").fit(rows)
    made = gp.Pipeline("p", made=gp.PermutationImportance("mse", target="y", n_repeats=30)(model, rows)).run(engine)["made"]
    fitted = LinearRegression().fit(X, FRAME["y"].to_numpy())
    known = permutation_importance(fitted, X, FRAME["y"].to_numpy(), scoring="neg_mean_squared_error", n_repeats=30, random_state=0)
    assert made["feature"].to_list() == FEATURES
    assert made["importance"].to_list() == pytest.approx(known.importances_mean.tolist(), rel=0.05, abs=0.02)
    plain = gp.Learn(LinearRegression(), features=FEATURES, target="y").fit_plain(FRAME)
    here = gp.PermutationImportance("mse", target="y", n_repeats=30).apply(plain, FRAME)
    assert made["importance"].to_list() == pytest.approx(here["importance"].to_list(), rel=1e-6)


def test_importances_of_a_classifier_of_text() -> None:
    rows = gp.FromFrame(FRAME).node()
    model = gp.Learn(LogisticRegression(), features=FEATURES, target="kind").fit(rows)
    outputs = {metric: gp.PermutationImportance(metric, target="kind")(model, rows) for metric in ("roc_auc", "accuracy")}
    result = gp.Pipeline("p", outputs).run("cpu")
    for made in result.values():
        assert made["feature"].to_list()[0] == "a"
        assert made["importance"].to_list()[0] > 0.1 > made["importance"].to_list()[2]
    assert [card["title"] for card in result.report["cards"]].count("Permutation importance") == 2


def test_what_has_no_importances() -> None:
    rows = gp.FromFrame(FRAME).node()
    model = gp.Learn(LinearRegression(), features=FEATURES, target="y").fit(rows)
    with pytest.raises(UsageError, match="Did you mean 'rmse'"):
        gp.PermutationImportance("rmsee", target="y")
    with pytest.raises(WiringError, match="expects a model that predicts, got Standardize"):
        gp.Pipeline("p", made=gp.PermutationImportance("rmse", target="y")(gp.Standardize("a").fit(rows), rows)).check()
    with pytest.raises(ColumnError, match="There is no column 'c'"):
        gp.Pipeline("p", made=gp.PermutationImportance("rmse", target="y")(model, gp.Drop("c")(rows))).check()


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (xgboost.XGBRegressor(n_estimators=8), "y"),
        (xgboost.XGBClassifier(n_estimators=8), "kind"),
        (xgboost.XGBRFRegressor(n_estimators=8), "y"),
    ],
)
def test_contributions_are_xgboosts_and_sum_to_the_margin(estimator: Any, target: str, engine: str) -> None:
    rows = gp.FromFrame(FRAME).node()
    model = gp.Learn(estimator, features=FEATURES, target=target).fit(rows)
    result = gp.Pipeline("p", made=model.contributions(rows), model=model).run(engine)
    made, trained = result["made"].to_polars(), result["model"].model
    booster = trained.get_booster()
    expected = booster.predict(xgboost.DMatrix(made.select(FEATURES).to_numpy(), feature_names=booster.feature_names), pred_contribs=True)
    found = made.select([f"contribution_{name}" for name in (*FEATURES, "base")]).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    margin = trained.predict(made.select(FEATURES).to_numpy(), output_margin=True)
    np.testing.assert_allclose(found.sum(axis=1), margin, rtol=1e-4, atol=1e-4)


def test_contributions_stop_where_the_training_did() -> None:
    rows = gp.FromFrame(FRAME).node()
    train, valid = gp.Split((0.5, 0.5))(rows)
    estimator = xgboost.XGBRegressor(n_estimators=200, learning_rate=0.9, early_stopping_rounds=2)
    model = gp.Learn(estimator, features=FEATURES, target="y").fit(train, valid)
    result = gp.Pipeline("p", made=model.contributions(model.predict(rows)), model=model).run("cpu")
    assert result["model"].model.best_iteration < 100
    total = result["made"].select([f"contribution_{name}" for name in (*FEATURES, "base")]).to_numpy().sum(axis=1)
    np.testing.assert_allclose(total, result["made"]["prediction"].to_numpy(), rtol=1e-4, atol=1e-4)


def test_what_has_no_contributions() -> None:
    rows = gp.FromFrame(FRAME.with_columns(three=pl.int_range(pl.len()) % 3)).node()
    with pytest.raises(WiringError, match="has no 'contributions'"):
        gp.Learn(LinearRegression(), features=FEATURES, target="y").fit(rows).contributions(rows)
    model = gp.Learn(xgboost.XGBClassifier(n_estimators=2), features=FEATURES, target="three").fit(rows)
    with pytest.raises(StageError, match="Contributions are of numbers and of two classes"):
        gp.Pipeline("p", made=model.contributions(rows)).run("cpu")
