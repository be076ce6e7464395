"""Evaluate: each metric against scikit-learn's, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

import gpupipe as gp
from gpupipe.core.errors import ColumnError, StageError, UsageError
from gpupipe.core.metrics import METRICS
from gpupipe.engines._estimators import _function
from tests.cluster_scores import OF_FEATURES, OF_GROUPS

CHANCE = np.random.default_rng(1)
N = 300
FRAME = pl.DataFrame(
    {
        "y": CHANCE.integers(0, 2, N),
        "many": CHANCE.choice(["u", "v", "w"], N),
        "number": CHANCE.normal(5, 1, N),
        "weight": CHANCE.random(N),
        "probability": CHANCE.random(N),
        "prediction": CHANCE.integers(0, 2, N),
        "guess": CHANCE.choice(["u", "v", "w"], N),
        "estimate": CHANCE.normal(5, 1, N),
        "cluster": CHANCE.integers(0, 3, N),
    }
)
Y, P, H = (FRAME[name].to_numpy() for name in ("y", "probability", "prediction"))


def score(engine: str, names: Any, frame: pl.DataFrame = FRAME, **options: Any) -> Any:
    return gp.Pipeline("p", out=gp.Evaluate(names, **options)(gp.FromFrame(frame).node())).run(engine)["out"]


def test_binary_metrics_are_scikit_learns(engine: str) -> None:
    names = [
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "matthews",
        "balanced_accuracy",
    ]
    expected = {
        "roc_auc": metrics.roc_auc_score(Y, P),
        "average_precision": metrics.average_precision_score(Y, P),
        "log_loss": metrics.log_loss(Y, P),
        "brier": metrics.brier_score_loss(Y, P),
        "accuracy": metrics.accuracy_score(Y, H),
        "precision": metrics.precision_score(Y, H),
        "recall": metrics.recall_score(Y, H),
        "f1": metrics.f1_score(Y, H),
        "matthews": metrics.matthews_corrcoef(Y, H),
        "balanced_accuracy": metrics.balanced_accuracy_score(Y, H),
    }
    assert score(engine, names, target="y") == pytest.approx(expected)


def test_metrics_of_several_classes_are_averaged(engine: str) -> None:
    made = score(engine, ["accuracy", "f1"], target="many", prediction="guess")
    assert made["f1"] == pytest.approx(metrics.f1_score(FRAME["many"].to_numpy(), FRAME["guess"].to_numpy(), average="macro"))


def test_probabilities_of_several_classes(engine: str) -> None:
    raw = CHANCE.random((N, 3))
    scores = raw / raw.sum(axis=1, keepdims=True)
    frame = FRAME.drop("probability").with_columns(pl.Series(f"probability_{name}", scores[:, i]) for i, name in enumerate("uvw"))
    made = score(engine, ["log_loss", "roc_auc"], frame, target="many")
    assert made["log_loss"] == pytest.approx(metrics.log_loss(FRAME["many"].to_numpy(), scores))
    assert made["roc_auc"] == pytest.approx(metrics.roc_auc_score(FRAME["many"].to_numpy(), scores, multi_class="ovr"))


def test_regression_metrics(engine: str) -> None:
    truth, guess = FRAME["number"].to_numpy(), FRAME["estimate"].to_numpy()
    names = ["mse", "rmse", "mae", "median_ae", "r2", "mape", "explained_variance"]
    made = score(engine, names, target="number", prediction="estimate")
    assert made["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, guess))
    assert made["mse"] == pytest.approx(made["rmse"] ** 2)
    assert made["r2"] == pytest.approx(metrics.r2_score(truth, guess))
    assert set(made) == set(names)


def test_weights_count(engine: str) -> None:
    made = score(engine, "accuracy", target="y", weight="weight")
    assert made["accuracy"] == pytest.approx(metrics.accuracy_score(Y, H, sample_weight=FRAME["weight"].to_numpy()))


def test_several_classes_and_a_metric_of_two(engine: str) -> None:
    frame = FRAME.drop("probability").with_columns(pl.col("estimate").alias(f"probability_{name}") for name in "uvw")
    with pytest.raises(StageError, match="brier is of two classes, got 3"):
        score(engine, "brier", frame, target="many")


def test_a_class_without_a_probability(engine: str) -> None:
    frame = FRAME.drop("probability").with_columns(pl.col("weight").alias(f"probability_{name}") for name in "xvu")
    with pytest.raises(StageError, match="(?s)log_loss cannot be computed on these 300 rows: .*w"):
        score(engine, "log_loss", frame, target="many")


@pytest.mark.parametrize("target", ["y", "many"])
def test_clusters(engine: str, target: str) -> None:
    made = score(engine, [*OF_GROUPS, *OF_FEATURES], target=target, features=["number", "estimate"])
    both, truth, clusters = FRAME.select("number", "estimate").to_numpy(), FRAME[target].to_numpy(), FRAME["cluster"].to_numpy()
    expected = {name: metric(truth, clusters) for name, metric in OF_GROUPS.items()}
    expected |= {name: metric(both, clusters) for name, metric in OF_FEATURES.items()}
    assert made == pytest.approx(expected, rel=1e-6)


def test_one_cluster_has_no_silhouette(engine: str) -> None:
    with pytest.raises(StageError, match="silhouette cannot be computed on these 300 rows"):
        score(engine, "silhouette", FRAME.with_columns(cluster=pl.lit(2)), features=["number", "estimate"])


def test_the_roc_curve_is_kept_for_the_report(engine: str) -> None:
    node = gp.Evaluate("roc_auc", target="y")(gp.FromFrame(FRAME).node()).named("hold-out")
    (curve,) = gp.Pipeline("p", out=node).run(engine).report["curves"]
    assert curve["label"] == "hold-out" and curve["kind"] == "roc"
    assert curve["x"][0] == curve["y"][0] == 0 and curve["x"][-1] == curve["y"][-1] == 1


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_that_is_offered_is_one_of_scikit_learns_and_documented(metric: str) -> None:
    assert callable(_function(metrics, metric))
    assert gp.Evaluate.__doc__ is not None and f"``{metric}``" in gp.Evaluate.__doc__


def test_one_class_alone_has_no_auc(engine: str) -> None:
    with pytest.raises(StageError, match="roc_auc needs two classes among the rows, got 1: '1'"):
        score(engine, "roc_auc", FRAME.filter(pl.col("y") == 1), target="y")


def test_no_rows_to_evaluate(engine: str) -> None:
    with pytest.raises(StageError, match="Expected rows to evaluate, got an empty table"):
        score(engine, "accuracy", FRAME.head(0), target="y")


def test_missing_truth_is_refused(engine: str) -> None:
    with pytest.raises(StageError, match="missing in target 'y'"):
        score(engine, "accuracy", FRAME.with_columns(y=pl.when(pl.col("number") > 5).then(pl.col("y"))), target="y")


def test_wrong_calls() -> None:
    with pytest.raises(UsageError, match="There is no metric 'rocauc'. Did you mean 'roc_auc'"):
        gp.Evaluate("rocauc", target="y")
    with pytest.raises(UsageError, match="needs target"):
        gp.Evaluate("accuracy")
    with pytest.raises(UsageError, match="needs features"):
        gp.Evaluate("silhouette")
    with pytest.raises(ColumnError, match=r"no column 'probability'.*score model\.predict_proba\(table\)"):
        gp.Pipeline("p", out=gp.Evaluate("roc_auc", target="y")(gp.FromFrame(FRAME.select("y", "prediction")).node())).check()


def profit(truth: Any, prediction: Any) -> float:
    return float((prediction * (10 * truth - 3)).sum())


def worst(truth: Any, probability: Any, weight: Any = None) -> float:
    return float(np.abs(truth - probability).max() * (1 if weight is None else weight.max()))


BINARY = pl.DataFrame(
    {"y": CHANCE.integers(0, 2, 300), "w": CHANCE.integers(1, 4, 300), "probability": CHANCE.uniform(size=300)}
).with_columns(prediction=(pl.col("probability") > 0.6).cast(pl.Int64))


def test_metrics_of_ones_own(engine: str) -> None:
    table = gp.FromFrame(BINARY).node()
    scores = {
        "both": gp.Evaluate("accuracy", target="y", custom={"profit": profit, "worst": worst})(table),
        "own": gp.Evaluate(target="y", weight="w", custom={"worst": worst})(table),
    }
    made = gp.Pipeline("p", scores).run(engine)
    truth, prediction = BINARY["y"].to_numpy(), BINARY["prediction"].to_numpy()
    assert made["both"]["profit"] == profit(truth, prediction)
    assert made["own"] == {"worst": pytest.approx(3 * np.abs(truth - BINARY["probability"].to_numpy()).max())}


def test_wrong_metrics_of_ones_own() -> None:
    table = gp.FromFrame(BINARY).node()
    with pytest.raises(UsageError, match="gets arrays by its parameters' names.*'own' takes 'guess'"):
        gp.Evaluate(target="y", custom={"own": lambda truth, guess: 0.0})
    with pytest.raises(UsageError, match="under new names"):
        gp.Evaluate(target="y", custom={"accuracy": profit})
    with pytest.raises(StageError, match="The metric 'own' failed on 300 rows: ZeroDivisionError"):
        gp.Pipeline("p", s=gp.Evaluate(target="y", custom={"own": lambda truth: 1 / 0})(table)).run("cpu")


def test_the_report_shows_curves_and_confusion_as_scikit_learn_has_them() -> None:
    names = ["roc_auc", "average_precision", "log_loss", "accuracy"]
    report = gp.Pipeline("p", s=gp.Evaluate(names, target="y")(gp.FromFrame(BINARY).node())).run("cpu").report
    curves = {curve["kind"]: curve for curve in report["curves"]}
    precision, recall, _ = metrics.precision_recall_curve(BINARY["y"], BINARY["probability"])
    assert curves["precision_recall"]["x"][0] == recall[0]
    assert curves["precision_recall"]["y"][-1] == precision[-1]
    true, mean = calibration_curve(BINARY["y"], BINARY["probability"], n_bins=10, strategy="quantile")
    assert curves["calibration"]["x"] == pytest.approx(mean.tolist())
    assert curves["calibration"]["y"] == pytest.approx(true.tolist())
    (card,) = [card for card in report["cards"] if card["title"] == "Confusion"]
    counted = metrics.confusion_matrix(BINARY["y"], BINARY["prediction"])
    assert card["parts"][0]["rows"] == [["0", *counted[0].tolist()], ["1", *counted[1].tolist()]]


def test_the_report_shows_residuals() -> None:
    rows = pl.DataFrame({"y": CHANCE.normal(size=200), "prediction": CHANCE.normal(size=200)})
    report = gp.Pipeline("p", s=gp.Evaluate("rmse", target="y")(gp.FromFrame(rows).node())).run("cpu").report
    (card,) = [card for card in report["cards"] if card["title"] == "Residuals"]
    assert card["parts"][0]["values"]["50%"] == pytest.approx(np.median(rows["y"] - rows["prediction"]))
    assert len(card["parts"][1]["curves"][0]["x"]) == 20
