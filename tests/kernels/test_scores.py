"""The metrics against scikit-learn's, on rows with ties, weights and several classes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from gpupipe.core import metrics as names
from gpupipe.core.errors import StageError
from gpupipe.kernels.scores import (
    confusion,
    roc_curve,
    score_classes,
    score_labels,
    score_numbers,
    score_probability,
)

RANDOM = np.random.default_rng(7)
N_ROWS = 501
WEIGHT = RANDOM.random(N_ROWS) + 0.1
SCORE = np.round(RANDOM.random(N_ROWS), 2)  # with ties, 0.0 and 1.0
POSITIVE = RANDOM.random(N_ROWS) < SCORE
OF_PROBABILITY = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score_loss,
}
OF_LABELS = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
    "matthews": metrics.matthews_corrcoef,
}
OF_NUMBERS = {
    "mse": metrics.mean_squared_error,
    "rmse": metrics.root_mean_squared_error,
    "mae": metrics.mean_absolute_error,
    "median_ae": metrics.median_absolute_error,
    "r2": metrics.r2_score,
    "mape": metrics.mean_absolute_percentage_error,
    "explained_variance": metrics.explained_variance_score,
}


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("metric", list(OF_PROBABILITY))
def test_of_probabilities(metric: str, weight: np.ndarray | None) -> None:
    wanted = OF_PROBABILITY[metric](POSITIVE.astype(int), SCORE, sample_weight=weight)
    assert score_probability(metric, POSITIVE, SCORE, weight) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_of_the_probabilities_of_several_classes(metric: str, weight: np.ndarray | None) -> None:
    scores = np.round(RANDOM.random((N_ROWS, 4)), 2) + 0.001
    scores[0] = [0, 1, 1, 0]  # no probability at all for the class that it is of
    truth = np.where(RANDOM.random(N_ROWS) < 0.5, scores.argmax(axis=1), RANDOM.integers(0, 4, N_ROWS))
    truth[0] = 0
    shares = scores / scores.sum(axis=1, keepdims=True)
    options = {"multi_class": "ovr"} if metric == "roc_auc" else {}
    wanted = OF_PROBABILITY[metric](truth, shares, sample_weight=weight, labels=[0, 1, 2, 3], **options)
    assert score_classes(metric, truth, scores, weight) == pytest.approx(wanted, rel=1e-9)


def test_a_class_without_rows_has_no_area() -> None:
    scores = RANDOM.random((N_ROWS, 3))
    assert np.isnan(score_classes("roc_auc", RANDOM.integers(0, 2, N_ROWS), scores, None))
    assert score_classes("log_loss", RANDOM.integers(0, 2, N_ROWS), scores, None) > 0


def test_one_class_alone() -> None:
    with pytest.raises(StageError, match="roc_auc needs two classes among the rows, got one"):
        score_probability("roc_auc", np.ones(3, dtype=bool), np.array([0.1, 0.2, 0.3]), None)


def test_curve() -> None:
    x, y = roc_curve(POSITIVE, SCORE, WEIGHT)
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, pytest.approx(1.0))
    area = metrics.roc_auc_score(POSITIVE, SCORE, sample_weight=WEIGHT)
    assert np.trapezoid(y, x) == pytest.approx(area, abs=1e-3)
    assert len(roc_curve(POSITIVE, SCORE, None, n_points=10)[0]) == 10


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("metric", names.OF_LABELS)
def test_of_labels(metric: str, n_classes: int, weight: np.ndarray | None) -> None:
    truth = RANDOM.integers(0, n_classes, N_ROWS)
    guess = np.where(RANDOM.random(N_ROWS) < 0.6, truth, RANDOM.integers(0, n_classes, N_ROWS))
    options = {}
    if metric in ("precision", "recall", "f1"):
        options = {"average": "binary" if n_classes == 2 else "macro"}
    wanted = OF_LABELS[metric](truth, guess, sample_weight=weight, **options)
    assert score_labels(metric, confusion(truth, guess, n_classes, weight)) == pytest.approx(wanted, rel=1e-9)


def test_a_class_that_nobody_predicts() -> None:
    truth, guess = np.array([0, 1, 2, 2]), np.array([0, 1, 1, 1])
    wanted = metrics.precision_score(truth, guess, average="macro", zero_division=0.0)
    assert score_labels("precision", confusion(truth, guess, 3, None)) == pytest.approx(wanted)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("metric", names.OF_NUMBERS)
@pytest.mark.parametrize("n_rows", [N_ROWS, 4])
def test_of_numbers(metric: str, weight: np.ndarray | None, n_rows: int) -> None:
    truth = RANDOM.normal(size=n_rows)
    guess = truth + RANDOM.normal(size=n_rows)
    kept = None if weight is None else weight[:n_rows]
    assert score_numbers(metric, truth, guess, kept) == pytest.approx(OF_NUMBERS[metric](truth, guess, sample_weight=kept), rel=1e-9)
