"""Cross-validation: what is fitted is fitted in each fold, and the scores are scikit-learn's."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError, WiringError

CHANCE = np.random.default_rng(0)
N_ROWS = 300
FRAME = (
    pl.DataFrame({"a": CHANCE.normal(3, 2, N_ROWS), "b": CHANCE.normal(size=N_ROWS)})
    .with_columns(
        y=pl.Series(CHANCE.integers(0, 2, N_ROWS)),
        fold=pl.Series(CHANCE.integers(0, 3, N_ROWS)),
        zip=pl.Series(CHANCE.integers(0, 100, N_ROWS)),
    )
    .with_columns(a=pl.col("a") + pl.col("y"))
)
FOLDS = gp.Folds(3, column="fold")


def build(train: gp.Table, test: gp.Table) -> gp.Table:
    scaler = gp.Standardize(["a", "b"]).fit(train)
    return gp.Learn(LogisticRegression(), features=["a", "b"], target="y").fit(scaler(train)).predict_proba(scaler(test))


def test_scores_are_scikit_learns(engine: str) -> None:
    validated = gp.CrossValidate(build, folds=FOLDS, metrics=["roc_auc", "log_loss"], target="y")(gp.FromFrame(FRAME).node())
    result = gp.Pipeline("p", scores=validated.scores, folds=dict(zip("abc", validated.folds, strict=True))).run(engine)
    expected = cross_validate(
        make_pipeline(StandardScaler(), LogisticRegression()),
        FRAME.select("a", "b").to_numpy(),
        FRAME["y"].to_numpy(),
        cv=PredefinedSplit(FRAME["fold"].to_numpy()),
        scoring=["roc_auc", "neg_log_loss"],
    )
    tolerance = 1e-6 if engine in ("cpu", "pandas") else 1e-4
    assert [result["folds"][name]["roc_auc"] for name in "abc"] == pytest.approx(expected["test_roc_auc"].tolist(), rel=tolerance)
    losses = -expected["test_neg_log_loss"]
    assert result["scores"] == pytest.approx(
        {
            "roc_auc": expected["test_roc_auc"].mean(),
            "roc_auc_std": expected["test_roc_auc"].std(),
            "log_loss": losses.mean(),
            "log_loss_std": losses.std(),
        },
        rel=1e-3 if engine not in ("cpu", "pandas") else 1e-6,
    )


def with_target_mean(train: Any, test: Any) -> tuple[Any, Any]:
    """Encode each zip by the mean of the target among the training rows: a target encoder in three stages."""
    means = gp.GroupBy("zip", mean=nw.col("y").mean())(train)
    return tuple(gp.FillNull(0.5, ["mean"])(gp.Join("zip", how="left")(part, means)) for part in (train, test))  # type: ignore[return-value]


def auc_of(prepared_outside: bool) -> float:
    rows = gp.FromFrame(FRAME).node()

    def encoded(train: gp.Table, test: gp.Table) -> gp.Table:
        train, test = (train, test) if prepared_outside else with_target_mean(train, test)
        return gp.Learn(LogisticRegression(), features=["mean"], target="y").fit(train).predict_proba(test)

    table = with_target_mean(rows, rows)[0] if prepared_outside else rows
    validated = gp.CrossValidate(encoded, folds=gp.Folds(3), metrics="roc_auc", target="y")(table)
    return float(gp.Pipeline("p", scores=validated.scores).run("cpu")["scores"]["roc_auc"])


def test_an_encoder_that_sees_the_target_is_fitted_inside_each_fold() -> None:
    assert auc_of(prepared_outside=True) > 0.75  # a code of three rows tells their labels, though they are chance
    assert auc_of(prepared_outside=False) < 0.6


def test_predictions_of_all_rows_are_made_without_them() -> None:
    rows = gp.FromFrame(FRAME).node()
    validated = gp.CrossValidate(build, folds=FOLDS, metrics="roc_auc", target="y")(rows)
    made = gp.Pipeline("p", made=gp.Concat()(*validated.predictions)).run("cpu")["made"]
    assert len(made) == N_ROWS
    for fold in range(3):
        train, test = FRAME.filter(pl.col("fold") != fold), FRAME.filter(pl.col("fold") == fold)
        by_hand = make_pipeline(StandardScaler(), LogisticRegression()).fit(train.select("a", "b").to_numpy(), train["y"].to_numpy())
        expected = by_hand.predict_proba(test.select("a", "b").to_numpy())[:, 1]
        assert made.filter(nw.col("fold") == fold)["probability"].to_list() == pytest.approx(expected.tolist(), rel=1e-6)


def test_the_report_has_the_folds() -> None:
    validated = gp.CrossValidate(build, folds=FOLDS, metrics="roc_auc", target="y")(gp.FromFrame(FRAME).node())
    report = gp.Pipeline("p", scores=validated.scores).run("cpu").report
    (card,) = [one for one in report["cards"] if one["title"] == "Folds"]
    assert [row[0] for row in card["parts"][0]["rows"]] == ["fold 0", "fold 1", "fold 2"]


def test_wrong_calls() -> None:
    rows = gp.FromFrame(FRAME).node()
    with pytest.raises(UsageError, match=r"expects folds, such as gp\.Folds\(5\)"):
        gp.CrossValidate(build, folds=5, metrics="roc_auc", target="y")
    with pytest.raises(UsageError, match="Did you mean 'roc_auc'"):
        gp.CrossValidate(build, folds=FOLDS, metrics="roc_au", target="y")
    with pytest.raises(UsageError, match="expects a function of a training and a test table"):
        gp.CrossValidate(LogisticRegression(), folds=FOLDS, metrics="roc_auc", target="y")  # type: ignore[arg-type]
    with pytest.raises(WiringError, match="return a table of predictions, got NoneType"):
        gp.CrossValidate(lambda train, test: None, folds=FOLDS, metrics="roc_auc", target="y")(rows)  # type: ignore[arg-type, return-value]
    with pytest.raises(ColumnError, match="There is no column 'z'"):
        gp.Pipeline("p", out=gp.CrossValidate(build, folds=FOLDS, metrics="roc_auc", target="z")(rows).scores).check()
