"""Metrics on the device: only the numbers leave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cudf
import cupy as cp
import numpy as np

from gpupipe.core.engine import ScoringRecipe
from gpupipe.core.errors import StageError, UnsupportedError, listing
from gpupipe.engines._estimators import score_arrays
from gpupipe.engines.cudf.frames import Crossing, lazy_of, numbers_of
from gpupipe.engines.cudf.models import labels_of
from gpupipe.kernels.scores import (
    LABEL_METRICS,
    NUMBER_METRICS,
    confusion,
    roc_curve,
    score_labels,
    score_numbers,
    score_probability,
)

PROBABILITY_METRICS = ("roc_auc", "average_precision", "log_loss", "brier")


def score_on_device(recipe: ScoringRecipe, frame: Any, crossing: Crossing, fallbacks: str) -> Mapping[str, Any]:
    """Return the metrics of a cuDF frame's predictions, and the curves that the report draws.

    Raises
    ------
    StageError
        There are no rows, a label is missing, or a metric has no meaning on them.
    UnsupportedError
        A metric is of the host alone, and fallbacks are refused.
    """
    if len(frame) == 0:
        msg = "Expected rows to evaluate, got an empty table. Look at the filters and splits before it."
        raise StageError(msg)
    several = recipe.probability is not None and recipe.probability not in frame.columns
    hosted = [name for name in recipe.metrics if name not in _DEVICE or (name in PROBABILITY_METRICS and several)]
    if hosted and fallbacks != "host":
        msg = (
            f"Engine 'gpu' has no {listing(hosted)} on the device. Leave {'it' if len(hosted) == 1 else 'them'} out, use fallbacks='host', "
            "or engine 'cpu'."
        )
        raise UnsupportedError(msg)
    if hosted:
        crossing.ledger.fall_back(f"{listing(hosted)} on the host")
        return score_arrays(recipe, lazy_of(crossing.to_host(frame, f"predictions for {listing(hosted)}")).collect())
    weight = None if recipe.weight is None else frame[recipe.weight].to_cupy().astype(cp.float64)
    truth = labels_of(frame, recipe.target)
    values = {metric: _metric(metric, recipe, frame, truth, weight) for metric in recipe.metrics}
    curves = []
    if "roc_auc" in recipe.metrics and recipe.probability is not None:
        x, y = roc_curve(_positive(truth, "roc_auc"), frame[recipe.probability].to_cupy(), weight, cp)
        curves.append({"kind": "roc", "x": x, "y": y, "auc": values["roc_auc"]})
    return {"values": values, "curves": curves}


_DEVICE = (*PROBABILITY_METRICS, *LABEL_METRICS, *NUMBER_METRICS)


def _metric(metric: str, recipe: ScoringRecipe, frame: Any, truth: Any, weight: Any) -> float:
    """Return one metric."""
    if metric in PROBABILITY_METRICS:
        return score_probability(metric, _positive(truth, metric), frame[recipe.probability].to_cupy(), weight, cp)
    predicted = labels_of(frame, str(recipe.prediction))
    if metric in NUMBER_METRICS:
        return score_numbers(metric, numbers_of(truth), numbers_of(predicted), weight, cp)
    codes, classes = cudf.concat([truth, predicted], ignore_index=True).factorize(sort=True)
    n_rows = len(frame)
    return score_labels(metric, confusion(codes[:n_rows].astype(cp.int64), codes[n_rows:].astype(cp.int64), len(classes), weight, cp))


def _positive(truth: Any, metric: str) -> Any:
    """Return a CuPy array of which rows are of the last class in sorted order."""
    codes, classes = truth.factorize(sort=True)
    if len(classes) != 2:
        msg = f"{metric} needs two classes among the rows, got {len(classes)}. Take more rows."
        raise StageError(msg)
    return codes == np.int8(1)
