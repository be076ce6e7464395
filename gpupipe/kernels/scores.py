"""Metrics of predictions as array operations, so that a device keeps the rows and only the numbers leave it.

The definitions are scikit-learn's (``sklearn.metrics``), with weights. Labels come as integers from 0 on, in the sorted order of what they
stand for. ``xp`` is the array library: NumPy, or CuPy for arrays on a device; every function takes arrays of that library alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gpupipe.core.errors import StageError


def score_probability(metric: str, positive: Any, score: Any, weight: Any, xp: Any = np) -> float:
    """Return a metric of the probability of one class.

    Parameters
    ----------
    metric
        ``roc_auc``, ``average_precision``, ``log_loss`` or ``brier``.
    positive
        [n_rows] whether the row is of the class.
    weight
        [n_rows] how much each row counts, or None.

    Raises
    ------
    StageError
        All rows are of one class.

    Examples
    --------
    >>> positive, score = np.array([False, True, False, True]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> score_probability("roc_auc", positive, score, None)
    1.0
    """
    weight = xp.ones(len(score)) if weight is None else weight.astype(xp.float64)
    if metric == "log_loss":
        tiny = np.finfo(score.dtype).eps
        clipped = xp.clip(score.astype(xp.float64), tiny, 1 - tiny)
        return float(-xp.average(xp.where(positive, xp.log(clipped), xp.log1p(-clipped)), weights=weight))
    if metric == "brier":
        return float(xp.average((score.astype(xp.float64) - positive) ** 2, weights=weight))
    false, true = roc_counts(positive, score, weight, xp)
    n_false, n_true = float(false[-1]), float(true[-1])
    if not n_false or not n_true:
        msg = f"{metric} needs two classes among the rows, got one. Take more rows."
        raise StageError(msg)
    if metric == "roc_auc":
        return float(xp.sum(xp.diff(false) * (true[1:] + true[:-1])) / (2 * n_false * n_true))
    precision = true[1:] / (true[1:] + false[1:])
    return float(xp.sum(xp.diff(true) * precision) / n_true)


def score_classes(metric: str, truth: Any, scores: Any, weight: Any, xp: Any = np) -> float:
    """Return a metric of the probabilities of several classes; ``roc_auc`` is the mean over classes, each against the others.

    ``roc_auc`` is NaN where a class has no rows, as scikit-learn's is.

    Parameters
    ----------
    metric
        ``roc_auc`` or ``log_loss``.
    truth
        [n_rows] the class of each row.
    scores
        [n_rows, n_classes] made to sum to one in each row.

    Examples
    --------
    >>> scores = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])
    >>> score_classes("roc_auc", np.array([0, 1, 2]), scores, None)
    1.0
    """
    scores = scores.astype(xp.float64)
    scores = scores / scores.sum(axis=1, keepdims=True)
    if metric == "log_loss":
        weight = xp.ones(len(truth)) if weight is None else weight.astype(xp.float64)
        tiny = np.finfo(np.float64).eps
        likely = xp.clip(scores[xp.arange(len(truth)), truth], tiny, 1 - tiny)
        return float(-xp.average(xp.log(likely), weights=weight))
    areas = []
    for number in range(scores.shape[1]):
        positive = truth == number
        there_is_one = 0 < int(positive.sum()) < len(truth)
        areas.append(score_probability(metric, positive, scores[:, number], weight, xp) if there_is_one else float("nan"))
    return float(np.mean(areas))


def roc_counts(positive: Any, score: Any, weight: Any, xp: Any = np) -> tuple[Any, Any]:
    """Return the weights of the false and of the true positives, from none to all, at each distinct score from the highest down."""
    order = xp.argsort(-score)
    positive, score, weight = positive[order], score[order], weight[order]
    steps = xp.concatenate((xp.flatnonzero(xp.diff(score)), xp.asarray([len(score) - 1])))
    true, whole = xp.zeros(len(steps) + 1), xp.zeros(len(steps) + 1)
    true[1:], whole[1:] = xp.cumsum(weight * positive)[steps], xp.cumsum(weight)[steps]
    return whole - true, true


def roc_curve(positive: Any, score: Any, weight: Any, xp: Any = np, n_points: int = 400) -> tuple[list[float], list[float]]:
    """Return at most `n_points` points of the ROC curve: shares of false and of true positives."""
    weight = xp.ones(len(score)) if weight is None else weight.astype(xp.float64)
    false, true = roc_counts(positive, score, weight, xp)
    keep = xp.asarray(np.unique(np.linspace(0, len(false) - 1, min(len(false), n_points)).astype(int)))
    return (false[keep] / false[-1]).tolist(), (true[keep] / true[-1]).tolist()


def confusion(truth: Any, predicted: Any, n_classes: int, weight: Any, xp: Any = np) -> Any:
    """Return the weights of the rows, [true class, predicted class], as a NumPy array on the host."""
    counted = xp.bincount(truth * n_classes + predicted, weights=weight, minlength=n_classes * n_classes)
    return np.asarray(counted.tolist(), dtype=np.float64).reshape(n_classes, n_classes)


def score_labels(metric: str, table: Any) -> float:
    """Return a metric of predicted labels from their confusion; of two classes, precision, recall and f1 are of the last one.

    Parameters
    ----------
    metric
        ``accuracy``, ``balanced_accuracy``, ``precision``, ``recall``, ``f1`` or ``matthews``.
    table
        See `confusion`.

    Examples
    --------
    >>> score_labels("accuracy", np.array([[2.0, 1.0], [0.0, 1.0]]))
    0.75
    """
    hits, of_truth, of_guess, whole = np.diag(table), table.sum(axis=1), table.sum(axis=0), table.sum()
    if metric == "accuracy":
        return float(hits.sum() / whole)
    if metric == "balanced_accuracy":
        return float((hits[of_truth > 0] / of_truth[of_truth > 0]).mean())
    if metric == "matthews":
        products = of_truth @ of_guess
        spread = (whole**2 - of_guess @ of_guess) * (whole**2 - of_truth @ of_truth)
        return float((hits.sum() * whole - products) / np.sqrt(spread)) if spread else 0.0
    over, under = {"precision": (of_guess, 0.0), "recall": (of_truth, 0.0), "f1": (of_guess + of_truth, 0.0)}[metric]
    each = np.divide((2 if metric == "f1" else 1) * hits, over, out=np.full(len(hits), under), where=over > 0)
    if len(hits) <= 2:
        return float(each[-1])
    return float(each[(of_truth + of_guess) > 0].mean())


def score_numbers(metric: str, truth: Any, predicted: Any, weight: Any, xp: Any = np) -> float:
    """Return a metric of predicted numbers.

    Parameters
    ----------
    metric
        ``mse``, ``rmse``, ``mae``, ``median_ae``, ``r2``, ``mape`` or ``explained_variance``.

    Examples
    --------
    >>> score_numbers("mae", np.array([1.0, 2.0]), np.array([1.0, 4.0]), None)
    1.0
    """
    truth, predicted = truth.astype(xp.float64), predicted.astype(xp.float64)
    weight = xp.ones(len(truth)) if weight is None else weight.astype(xp.float64)
    error = truth - predicted

    def mean(values: Any) -> float:
        return float(xp.average(values, weights=weight))

    if metric in ("r2", "explained_variance"):
        spread = mean((truth - mean(truth)) ** 2)
        left = mean((error - (mean(error) if metric == "explained_variance" else 0.0)) ** 2)
        return 1.0 - left / spread if spread else float(left == 0.0)
    made: Mapping[str, Callable[[], float]] = {
        "mse": lambda: mean(error**2),
        "rmse": lambda: float(np.sqrt(mean(error**2))),
        "mae": lambda: mean(xp.abs(error)),
        "median_ae": lambda: _weighted_median(xp.abs(error), weight, xp),
        "mape": lambda: mean(xp.abs(error) / xp.maximum(xp.abs(truth), np.finfo(np.float64).eps)),
    }
    return made[metric]()


def _weighted_median(values: Any, weight: Any, xp: Any) -> float:
    """Return the value in the middle of the weight, or the mean of the two where the middle lies between them."""
    order = xp.argsort(values)
    values, running = values[order], xp.cumsum(weight[order])
    half = float(running[-1]) / 2
    low = int(xp.searchsorted(running, xp.asarray(half), side="left"))
    high = int(xp.searchsorted(running, xp.asarray(half), side="right"))
    return float(values[low] + values[min(high, len(values) - 1)]) / 2
