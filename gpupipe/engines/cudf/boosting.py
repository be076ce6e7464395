"""XGBoost on rows that come in batches, whose bins it holds in memory or outside of it.

Both ways take the same batches, and so make the same bins: what is trained from external memory is what would have been trained in memory.
Nothing here knows a frame library or a device; rows are arrays of any library that XGBoost takes.

XGBoost's own scikit-learn classes do the fitting, so that a model has the attributes it always has. They ask their method
``_create_dmatrix`` for the matrix of the rows; here it is answered for them (``XGBModel.fit`` and ``XGBClassifier.fit``, 3.2 to 3.4).

Source: XGBoost's tutorial "Using XGBoost External Memory Version"; ``DataIter``, ``QuantileDMatrix`` and ``ExtMemQuantileDMatrix``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xgboost

BATCH_BYTES = 1 << 30  # how large a batch's features are at most; part of what the bins are, so it depends on nothing else
_BINS = 256  # XGBoost's own max_bin


@dataclass(frozen=True, eq=False)
class RowBatches:
    """Rows for XGBoost, of which it is given a batch at a time.

    Parameters
    ----------
    names
        The features' names.
    features
        Makes of a range of rows, from its first to before its last, an array [n_rows, n_features] of floats.
    label
        [n_rows] what is to be predicted.
    weight
        [n_rows] how much each row counts, or None.
    n_at_once
        How many rows a batch has.
    """

    names: tuple[str, ...]
    features: Callable[[int, int], Any]
    label: Any
    weight: Any
    n_at_once: int


@dataclass(frozen=True)
class Outside:
    """Where XGBoost keeps bins outside of its memory.

    Parameters
    ----------
    folder
        Where it puts files; on CUDA it puts the bins into the host's memory instead, and none here.
    host_ratio
        Which share of the bins leaves the device; None where there is no device.
    """

    folder: Path
    host_ratio: float | None


class DeviceBatches(xgboost.DataIter):
    """Hands rows to XGBoost, batch by batch, as often as it asks.

    Parameters
    ----------
    cache
        The path with which XGBoost's files begin; None where it keeps the bins in memory.
    feature_weights
        [n_features] how likely each feature is to be drawn, or None.
    """

    def __init__(self, rows: RowBatches, cache: str | None = None, feature_weights: Any = None) -> None:
        self.rows = rows
        self.feature_weights = feature_weights
        self.start, self.is_done = 0, False
        super().__init__(cache_prefix=cache)

    def reset(self) -> None:
        """Begin at the first row again."""
        self.start, self.is_done = 0, False

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand over the next batch, of no rows where there are none at all; return whether there was one."""
        if self.is_done:
            return False
        stop = min(len(self.rows.label), self.start + self.rows.n_at_once)
        given = {"label": self.rows.label[self.start : stop], "feature_names": list(self.rows.names)}
        if self.rows.weight is not None:
            given["weight"] = self.rows.weight[self.start : stop]
        if self.feature_weights is not None:
            given["feature_weights"] = self.feature_weights
        input_data(data=self.rows.features(self.start, stop), **given)
        self.start, self.is_done = stop, stop == len(self.rows.label)
        return True


def rows_at_once(n_features: int) -> int:
    """Return how many rows of single precision a batch has.

    Examples
    --------
    >>> rows_at_once(1 << 10)
    262144
    """
    return max(1, BATCH_BYTES // (4 * max(1, n_features)))


def fit_in_batches(estimator: Any, train: RowBatches, held_out: RowBatches | None, outside: Outside | None = None) -> Any:
    """Return the estimator of XGBoost's, fitted on rows that come in batches.

    Parameters
    ----------
    held_out
        What it is evaluated on after each round, or None.
    outside
        Where bins are kept that do not fit in memory; in memory unless given.

    Raises
    ------
    ValueError, TypeError
        What XGBoost says of parameters and rows; `xgboost.core.XGBoostError` is a ValueError.
    """
    evaluated = None if held_out is None else [(held_out, held_out.label)]

    def created(ref: Any, data: RowBatches, missing: float, feature_weights: Any = None, **_: Any) -> Any:
        return matrix_of(estimator, data, ref, missing, feature_weights, outside)

    estimator._create_dmatrix = created
    try:
        return estimator.fit(train, train.label, eval_set=evaluated, verbose=False)
    finally:
        del estimator._create_dmatrix


def matrix_of(estimator: Any, rows: RowBatches, ref: Any, missing: float, feature_weights: Any, outside: Outside | None) -> Any:
    """Return the rows as the matrix of bins that the estimator's tree method takes.

    Parameters
    ----------
    ref
        The matrix of the training rows, whose bins these rows get, or None where they are the training rows.
    """
    options: dict[str, Any] = {"missing": missing, "nthread": estimator.n_jobs}
    if estimator.tree_method == "approx":  # which looks for bins anew in each round, so it needs the rows themselves
        whole = rows.features(0, len(rows.label))
        named = {"feature_names": list(rows.names), "feature_weights": feature_weights}
        return xgboost.DMatrix(whole, label=rows.label, weight=rows.weight, **named, **options)
    options |= {"ref": ref, "max_bin": estimator.max_bin}
    if outside is None:
        return xgboost.QuantileDMatrix(DeviceBatches(rows, None, feature_weights), **options)
    cache = str(outside.folder / ("train" if ref is None else "held-out"))
    with xgboost.config_context(verbosity=0):  # else it warns that this is slow, which whoever chose it knows
        return xgboost.ExtMemQuantileDMatrix(DeviceBatches(rows, cache, feature_weights), cache_host_ratio=outside.host_ratio, **options)


def can_be_outside(estimator: Any) -> bool:
    """Whether the estimator's tree method can be trained from external memory.

    Examples
    --------
    >>> from xgboost import XGBRegressor
    >>> can_be_outside(XGBRegressor()), can_be_outside(XGBRegressor(tree_method="approx"))
    (True, False)
    """
    return estimator.tree_method in (None, "auto", "hist") and estimator.booster in (None, "gbtree", "dart")


def n_cached_bytes(n_rows: int, n_features: int, max_bin: int | None) -> int:
    """Return about how many bytes the bins of some rows are: each is a number of as many bits as the bins need, and one for missing.

    Source: XGBoost's ``EllpackPageImpl``, 3.4, which packs the numbers without gaps.

    Examples
    --------
    >>> n_cached_bytes(1000, 8, 255)
    8000
    """
    return math.ceil(n_rows * n_features * math.ceil(math.log2((max_bin or _BINS) + 1)) / 8)
