"""Metrics of a frame of predictions on the host, from the house's own array functions; `Compare` and `PermutationImportance` share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import StageError, listing
from gpupipe.core.metrics import OF_LABELS, OF_NUMBERS, OF_PROBABILITY
from gpupipe.core.schema import Schema
from gpupipe.kernels.scores import confusion, score_labels, score_numbers, score_probability

KNOWN = (*OF_PROBABILITY, *OF_LABELS, *OF_NUMBERS)
Arrays = Mapping[str, tuple[Any, Any]]


def needed(metrics: Sequence[str], target: str, prediction: str, probability: str) -> list[str]:
    """Return the columns that metrics need."""
    by_probability = [probability] if any(name in OF_PROBABILITY for name in metrics) else []
    by_prediction = [prediction] if any(name not in OF_PROBABILITY for name in metrics) else []
    return list(dict.fromkeys([target, *by_prediction, *by_probability]))


def check_numbers(metrics: Sequence[str], schema: Schema, columns: Sequence[str], stage: str) -> None:
    """Raise DtypeError where metrics of numbers are asked for, and a column holds none."""
    if any(name in OF_NUMBERS for name in metrics):
        schema.require_numeric(columns, stage)


def arrays_of(frame: Any, metrics: Sequence[str], target: str, prediction: str, probability: str, stage: str) -> Arrays:
    """Return truth and prediction as each metric takes them; labels are numbered in their sorted order.

    Raises
    ------
    StageError
        A value is missing, or there are other than two classes where a metric is of two.
    """
    lacking = [name for name in needed(metrics, target, prediction, probability) if frame[name].null_count()]
    if lacking:
        msg = f"{stage} expects a value in every row, got missing ones in {listing(lacking)}. Drop those rows first."
        raise StageError(msg)
    truth = frame[target].to_numpy()
    made: dict[str, tuple[Any, Any]] = {}
    for metric in metrics:
        if metric in OF_NUMBERS:
            made[metric] = (truth, frame[prediction].to_numpy())
        elif metric in OF_PROBABILITY:
            classes = np.unique(truth)
            if len(classes) != 2:
                msg = f"{metric} needs two classes among the rows, got {len(classes)}. Take more rows, or another metric."
                raise StageError(msg)
            made[metric] = (truth == classes[1], frame[probability].to_numpy())
        else:
            _, codes = np.unique(np.concatenate([truth, frame[prediction].to_numpy()]), return_inverse=True)
            made[metric] = (codes[: len(truth)], codes[len(truth) :])
    return made


def scores_of(arrays: Arrays, rows: Any = None) -> list[float]:
    """Return the metrics of some of the rows; NaN where those are of one class alone, and the metric is of two."""
    made = []
    for metric, pair in arrays.items():
        truth, given = pair if rows is None else (part[rows] for part in pair)
        if metric in OF_NUMBERS:
            made.append(score_numbers(metric, truth, given, None))
        elif metric in OF_PROBABILITY:
            there_are_two = metric in ("log_loss", "brier") or 0 < int(truth.sum()) < len(truth)
            made.append(score_probability(metric, truth, given, None) if there_are_two else float("nan"))
        else:
            made.append(score_labels(metric, confusion(truth, given, int(max(truth.max(), given.max())) + 1, None)))
    return made
