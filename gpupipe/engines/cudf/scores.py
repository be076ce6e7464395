"""Metrics on the device: only the numbers leave it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import cudf
import cupy as cp
import numpy as np

from gpupipe.core.errors import StageError, listing
from gpupipe.core.metrics import OF_CLASSES, OF_CLUSTERS, OF_FEATURES, OF_NUMBERS, OF_PROBABILITY
from gpupipe.core.task import Scoring
from gpupipe.engines.cudf.frames import feature_array, numbers_of
from gpupipe.engines.cudf.models import labels_of
from gpupipe.kernels.scores import (
    confusion,
    roc_curve,
    score_classes,
    score_labels,
    score_numbers,
    score_probability,
)
from gpupipe.kernels.scores_clusters import (
    Contingency,
    contingency,
    score_features,
    score_groups,
)


def score_on_device(recipe: Scoring, frame: Any) -> Mapping[str, Any]:
    """Return the metrics of a cuDF frame's predictions, and the curves that the report draws.

    Raises
    ------
    StageError
        There are no rows, a label is missing, or a metric has no meaning on them.
    """
    if len(frame) == 0:
        msg = "Expected rows to evaluate, got an empty table. Look at the filters and splits before it."
        raise StageError(msg)
    weight = None if recipe.weight is None else frame[recipe.weight].to_cupy().astype(cp.float64)
    truth = labels_of(frame, recipe.target)
    values = {metric: _metric(metric, recipe, frame, truth, weight) for metric in recipe.metrics}
    curves = []
    if "roc_auc" in recipe.metrics and recipe.probability is not None and recipe.probability in frame.columns:
        x, y = roc_curve(_positive(truth, "roc_auc"), frame[recipe.probability].to_cupy(), weight, cp)
        curves.append({"kind": "roc", "x": x, "y": y, "auc": values["roc_auc"]})
    return {"values": values, "curves": curves}


def _metric(metric: str, recipe: Scoring, frame: Any, truth: Any, weight: Any) -> float:
    """Return one metric."""
    if metric in OF_PROBABILITY:
        return _of_probability(metric, recipe, frame, truth, weight)
    predicted = labels_of(frame, str(recipe.prediction))
    if metric in OF_FEATURES:
        codes, _ = predicted.factorize(sort=True)
        return score_features(metric, feature_array(frame, list(recipe.features)), codes.astype(cp.int64), cp)
    if metric in OF_CLUSTERS:
        groups, clusters = (column.factorize(sort=True)[0].astype(cp.int64) for column in (truth, predicted))
        return score_groups(metric, contingency(groups, clusters, cp), expected_by_chance)
    if metric in OF_NUMBERS:
        return score_numbers(metric, numbers_of(truth), numbers_of(predicted), weight, cp)
    codes, classes = cudf.concat([truth, predicted], ignore_index=True).factorize(sort=True)
    n_rows = len(frame)
    return score_labels(metric, confusion(codes[:n_rows].astype(cp.int64), codes[n_rows:].astype(cp.int64), len(classes), weight, cp))


def expected_by_chance(table: Contingency) -> float:
    """Return the mutual information that chance would give, by scikit-learn's own function."""
    matrix = import_module("scipy.sparse").csr_matrix((table.counts, (table.groups, table.clusters)))
    return float(import_module("sklearn.metrics.cluster").expected_mutual_information(matrix, int(table.counts.sum())))


def _of_probability(metric: str, recipe: Scoring, frame: Any, truth: Any, weight: Any) -> float:
    """Return a metric of the probability of the last class, or where there is a column for each class, of them all."""
    prefix = f"{recipe.probability}_"
    several = sorted(name.removeprefix(prefix) for name in frame.columns if name.startswith(prefix))
    if recipe.probability in frame.columns or not several:
        return score_probability(metric, _positive(truth, metric), frame[recipe.probability].to_cupy(), weight, cp)
    if metric not in OF_CLASSES:
        msg = f"{metric} is of two classes, got {len(several)}."
        raise StageError(msg)
    codes, classes = truth.astype("str").factorize(sort=True)
    names = _names(classes)
    unknown = [name for name in names if name not in several]
    if unknown:
        msg = (
            f"{metric} cannot be computed on these {len(frame)} rows: there are rows of the class {listing(unknown)} and no column of its "
            f"probability. There are columns of {listing(several)}. Score what was predicted by a model of the same classes."
        )
        raise StageError(msg)
    place = cp.asarray([several.index(name) for name in names])
    scores = feature_array(frame, [f"{prefix}{name}" for name in several])
    return score_classes(metric, place[codes.astype(cp.int64)], scores, weight, cp)


def _positive(truth: Any, metric: str) -> Any:
    """Return a CuPy array of which rows are of the last class in sorted order."""
    codes, classes = truth.factorize(sort=True)
    if len(classes) != 2:
        msg = f"{metric} needs two classes among the rows, got {len(classes)}: {listing(_names(classes[:20]))}. Take more rows."
        raise StageError(msg)
    return codes == np.int8(1)


def _names(classes: Any) -> list[str]:
    """Return classes as text; a handful of values, which is not counted as a crossing."""
    return [str(value) for value in classes.to_arrow().to_pylist()]
