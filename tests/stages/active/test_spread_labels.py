"""Semi-supervised baselines: labels spread over a graph of neighbours, and scikit-learn's self-training, in pipelines."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelPropagation, SelfTrainingClassifier

import gpupipe as gp
from gpupipe.core.errors import ColumnError, StageError
from gpupipe.testing.tasks import check_task

X, Y = load_digits(return_X_y=True)
COLUMNS = [f"p{number}" for number in range(64)]
N = 300
ROWS = pl.DataFrame({"id": [f"d{at:04d}" for at in range(N)], **{name: X[:N, at] / 16 for at, name in enumerate(COLUMNS)}})
KNOWN = pl.DataFrame({"id": [f"d{at:04d}" for at in range(0, N, 10)], "label": [f"c{Y[at]}" for at in range(0, N, 10)]})


def spread(rows: Any, known: Any) -> Any:
    near = gp.NearestNeighbors(COLUMNS, n_neighbors=5)(rows)
    return gp.SpreadLabels()(gp.ToGraph("id", "neighbour", weight="similarity", directed=False, duplicates="max")(near), known)


def test_labels_of_neighbours(engine: str) -> None:
    made = check_task(spread, ROWS, KNOWN, engines=("cpu", engine), rtol=1e-6)
    found = pl.from_arrow(made.to_arrow()).sort("id")
    right = found["label"].to_numpy() == np.array([f"c{one}" for one in Y[:N]])
    assert len(found) == N and right.mean() > 0.85
    labels = np.full(N, -1)
    labels[::10] = Y[0:N:10]
    theirs = LabelPropagation(kernel="knn", n_neighbors=6, max_iter=3000).fit(X[:N] / 16, labels)  # 5 others and the row itself
    assert right.mean() >= (theirs.transduction_ == Y[:N]).mean() - 0.05


def test_self_training_is_scikit_learns() -> None:
    """Rows without a label have -1; the estimator labels them itself, those first that it is sure of."""
    labels = np.where(np.arange(N) % 10 == 0, Y[:N], -1)
    table = gp.FromFrame(ROWS.with_columns(label=pl.Series(labels))).node()
    learner = SelfTrainingClassifier(LogisticRegression(max_iter=300), threshold=0.9)
    model = gp.Learn(learner, target="label", features=COLUMNS).fit(table)
    made = gp.Pipeline("self", made=model.predict(table)).run("cpu")["made"]
    theirs = SelfTrainingClassifier(LogisticRegression(max_iter=300), threshold=0.9).fit(X[:N] / 16, labels)
    assert made["prediction"].to_list() == theirs.predict(X[:N] / 16).tolist()


def test_what_is_wrong_is_told() -> None:
    rows, known = gp.FromFrame(ROWS).node(), gp.FromFrame(KNOWN).node()
    with pytest.raises(ColumnError, match="'label'"):
        gp.Pipeline("p", made=spread(rows, gp.Rename(label="name")(known))).check()
    lacking = gp.WithColumns(label=nw.when(nw.col("id") == "d0000").then(None).otherwise(nw.col("label")))(known)
    with pytest.raises(StageError, match="a label in each row, got 1 without one"):
        gp.Pipeline("p", made=spread(rows, lacking)).run("cpu")
    with pytest.raises(StageError, match="more than 5 rows"):
        gp.NearestNeighbors(COLUMNS, n_neighbors=5).apply(ROWS.head(3))
    with pytest.raises(StageError, match="finite numbers"):
        gp.NearestNeighbors("p0", n_neighbors=1).apply(ROWS.with_columns(p0=pl.lit(float("inf"))))
