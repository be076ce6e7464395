"""What a report shows of predictions beside their metrics: curves of probabilities, confusion of labels, residuals of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

MOST_CLASSES = 30  # that a table of confusion is shown for
_BINS = 10


def precision_recall(metrics: Any, positive: Any, score: Any, weight: Any, area: float) -> dict[str, Any]:
    """Return the curve of precision over recall, thinned to at most 400 points."""
    precision, recall, _ = metrics.precision_recall_curve(positive, score, sample_weight=weight)
    keep = np.unique(np.linspace(0, len(recall) - 1, min(len(recall), 400)).astype(int))
    return {"kind": "precision_recall", "x": [float(x) for x in recall[keep]], "y": [float(y) for y in precision[keep]], "auc": area}


def calibration(positive: Any, score: Any, weight: Any) -> dict[str, Any]:
    """Return the share of positive rows over the mean probability, for ten parts of the rows with equally many rows each.

    Examples
    --------
    >>> calibration(np.array([0, 1]), np.array([0.25, 0.75]), None)
    {'kind': 'calibration', 'x': [0.25, 0.75], 'y': [0.0, 1.0]}
    """
    weight = np.ones(len(score)) if weight is None else np.asarray(weight, dtype=np.float64)
    edges = np.unique(np.quantile(score, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, score, side="left")
    whole = np.bincount(bins, weights=weight)
    held = whole > 0
    x, y = (np.bincount(bins, weights=weight * values)[held] / whole[held] for values in (score, positive))
    return {"kind": "calibration", "x": [float(value) for value in x], "y": [float(value) for value in y]}


def confusion_card(metrics: Any, truth: Any, predicted: Any, weight: Any) -> Mapping[str, Any] | None:
    """Return how often each class was taken for each, a row for each true class; None where there are too many."""
    classes = np.unique(np.concatenate([truth, predicted]))
    if len(classes) > MOST_CLASSES:
        return None
    counted = metrics.confusion_matrix(truth, predicted, labels=classes, sample_weight=weight)
    whole = weight is None
    rows = [[str(name), *(int(n) if whole else float(n) for n in row)] for name, row in zip(classes, counted, strict=True)]
    columns = ["true", *map(str, classes)]
    table = {"kind": "table", "title": "Confusion: true classes down, predicted across", "columns": columns, "rows": rows}
    return {"title": "Confusion", "section": "Validation", "parts": [table]}


def residuals_card(truth: Any, predicted: Any) -> Mapping[str, Any]:
    """Return how far predictions lie from the truth: their quantiles, and over the predicted value the median and the middle of 80 %."""
    truth, predicted = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    residual = truth - predicted
    shares = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    facts = {f"{share:.0%}": float(value) for share, value in zip(shares, np.quantile(residual, shares), strict=True)}
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, 2 * _BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, predicted, side="left")
    held = [residual[bins == number] for number in np.unique(bins)]
    x = [float(predicted[bins == number].mean()) for number in np.unique(bins)]
    low, middle, high = (list(map(float, ends)) for ends in zip(*(np.quantile(each, (0.1, 0.5, 0.9)) for each in held), strict=True))
    lines = {
        "kind": "lines",
        "title": "Residuals over predictions",
        "x": "predicted",
        "y": "truth less prediction",
        "curves": [{"label": "median", "x": x, "y": middle}],
        "bands": [{"label": "10 % to 90 %", "x": x, "low": low, "high": high}],
    }
    parts = [{"kind": "facts", "title": "Quantiles of truth less prediction", "values": facts}, lines]
    return {"title": "Residuals", "section": "Validation", "parts": parts}
