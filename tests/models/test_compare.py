"""Compare: scikit-learn's metrics, scipy's bootstrap, the same draws on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats
from sklearn import metrics

import gpupipe as gp
from gpupipe.core.errors import ColumnError, StageError, UsageError, WiringError

CHANCE = np.random.default_rng(0)
ROWS = pl.DataFrame({"id": range(200), "y": CHANCE.normal(size=200)}).with_columns(prediction=pl.col("y") + CHANCE.normal(size=200))
OTHER = ROWS.with_columns(prediction=pl.col("prediction") * 0.9).sample(fraction=1, shuffle=True, seed=1)
LABELS = pl.DataFrame({"y": CHANCE.choice(["no", "yes"], 200), "probability": CHANCE.uniform(size=200)}).with_columns(
    prediction=pl.when(pl.col("probability") > 0.4).then(pl.lit("yes")).otherwise(pl.lit("no"))
)


def test_metrics_and_draws_are_those_of_every_engine(engine: str) -> None:
    tables = {"plain": gp.FromFrame(ROWS).node(), "less": gp.FromFrame(OTHER).node()}
    compared = gp.Compare(["rmse", "mae"], target="y", key="id", n_samples=300)
    made = gp.Pipeline("p", c=compared(**tables)).run(engine)["c"]
    assert made["plain"]["rmse"] == pytest.approx(metrics.root_mean_squared_error(ROWS["y"], ROWS["prediction"]))
    assert made["less"]["mae"] == pytest.approx(metrics.mean_absolute_error(OTHER["y"], OTHER["prediction"]))
    expected = compared.of(plain=ROWS, less=OTHER)
    for name, values in expected.items():
        assert made[name] == pytest.approx(values, rel=1e-9)
    assert made["less"]["mae_difference"] == pytest.approx(made["less"]["mae"] - made["plain"]["mae"])
    assert (
        made["less"]["mae_difference_high"] - made["less"]["mae_difference_low"] < (made["less"]["mae_high"] - made["less"]["mae_low"]) / 2
    )


def test_intervals_are_those_of_scipys_bootstrap() -> None:
    made = gp.Compare("mae", target="y", n_samples=4000, level=0.9).of(model=ROWS)["model"]
    error = (ROWS["y"] - ROWS["prediction"]).abs().to_numpy()
    known = scipy.stats.bootstrap((error,), np.mean, n_resamples=4000, confidence_level=0.9, method="percentile", rng=0).confidence_interval
    assert (made["mae_low"], made["mae_high"]) == pytest.approx((known.low, known.high), abs=0.006)


def test_labels_and_probabilities() -> None:
    made = gp.Compare(["f1", "accuracy", "roc_auc", "log_loss"], target="y", n_samples=20).of(model=LABELS)["model"]
    truth, guess, score = LABELS["y"].to_numpy(), LABELS["prediction"].to_numpy(), LABELS["probability"].to_numpy()
    assert made["f1"] == pytest.approx(metrics.f1_score(truth, guess, pos_label="yes"))
    assert made["accuracy"] == pytest.approx(metrics.accuracy_score(truth, guess))
    assert made["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth == "yes", score))
    assert made["log_loss"] == pytest.approx(metrics.log_loss(truth == "yes", score))
    assert made["roc_auc_low"] < made["roc_auc"] < made["roc_auc_high"]


def test_the_report_has_a_table_for_each_metric() -> None:
    report = gp.Pipeline("p", c=gp.Compare(["mae", "r2"], target="y", n_samples=5)(a=gp.FromFrame(ROWS).node())).run("cpu").report
    (card,) = [one for one in report["cards"] if one["title"] == "Comparison"]
    assert [part["title"] for part in card["parts"]] == ["mae", "r2"]


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda: gp.Compare("rms", target="y"), UsageError, "Compare knows"),
        (lambda: gp.Compare("mae", target="y", n_samples=1), UsageError, "n_samples of 2 or more"),
        (lambda: gp.Compare("mae", target="y")(gp.FromFrame(ROWS).node()), WiringError, "by the names of their models"),
        (lambda: gp.Compare("mae", target="z").of(a=ROWS), ColumnError, "There is no column 'z'"),
        (lambda: gp.Compare("mae", target="y", key="id").of(a=ROWS, b=ROWS.head(9)), StageError, "those of 'b' are not those of 'a'"),
        (lambda: gp.Compare("mae", target="y").of(a=ROWS.head(0)), StageError, "got none of 'a'"),
        (lambda: gp.Compare("roc_auc", target="y").of(a=LABELS.with_columns(y=pl.lit("no"))), StageError, "needs two classes"),
        (lambda: gp.Compare("mae", target="y").of(a=ROWS.with_columns(y=None).cast({"y": pl.Float64})), StageError, "missing ones in 'y'"),
    ],
)
def test_wrong_calls(call: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        call()
