"""The checks of scikit-learn's fits, on one block: the same words for the same faults, and none for a block without rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_array

from gpupipe.engines._mergeable.contract import Array

CHUNK = 4096


def checked_features(estimator: Any, features: Array, n_features: int, *, allow_nan: bool = False) -> Array:
    """Return the features of a block.

    Raises
    ------
    ValueError
        They hold NaN or infinity, or are not as many as before.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> checked_features(Ridge(), np.array([[np.nan]]), 1)
    Traceback (most recent call last):
    ValueError: Input X contains NaN.
    """
    array = check_array(
        features,
        dtype=[np.float64, np.float32],
        ensure_min_samples=0,
        ensure_all_finite="allow-nan" if allow_nan else True,
        estimator=estimator,
        input_name="X",
    )
    if array.shape[1] != n_features:
        msg = f"X has {array.shape[1]} features, but {type(estimator).__name__} is expecting {n_features} features as input."
        raise ValueError(msg)
    made: Array = array
    return made


def checked_numbers(estimator: Any, target: Array | None, n_rows: int) -> Array:
    """Return a regression's target as float64."""
    values = np.asarray(_present(estimator, target)).astype(np.float64)
    made = check_array(values, ensure_2d=False, ensure_min_samples=0, estimator=estimator, input_name="y")
    return _as_long(made, n_rows, "y")


def checked_labels(estimator: Any, target: Array | None, n_rows: int) -> Array:
    """Return a classification's target as it is."""
    values = np.asarray(_present(estimator, target))
    if values.dtype.kind == "f":
        check_array(values, ensure_2d=False, ensure_min_samples=0, estimator=estimator, input_name="y")
    return _as_long(values, n_rows, "y")


def checked_weight(estimator: Any, weight: Array | None, n_rows: int) -> Array:
    """Return the rows' weights as float64; ones where there are none."""
    if weight is None:
        return np.ones(n_rows)
    values = np.asarray(weight).astype(np.float64)
    made = check_array(values, ensure_2d=False, ensure_min_samples=0, estimator=estimator, input_name="sample_weight")
    if (made < 0).any():
        msg = "Negative values in data passed to `sample_weight`."
        raise ValueError(msg)
    return _as_long(made, n_rows, "sample_weight")


def refuse_weight(estimator: Any, weight: Array | None) -> None:
    """Raise what Python raises where an estimator's fit takes no weights."""
    if weight is not None:
        msg = f"{type(estimator).__name__}.fit() got an unexpected keyword argument 'sample_weight'"
        raise TypeError(msg)


def require_rows(estimator: Any, n_rows: int, n_features: int) -> None:
    """Raise what scikit-learn raises where there are no rows at all."""
    check_array(np.zeros((min(n_rows, 1), n_features)), estimator=estimator, input_name="X")


def require_weight(total: float) -> None:
    """Raise what scikit-learn raises where all weights are zero."""
    if total == 0:
        msg = "Sample weights must contain at least one non-zero number."
        raise ValueError(msg)


def chunks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yield the arrays some thousand rows at a time, as float64 where they are floats: what is made of them stays small."""
    for start in range(0, len(arrays[0]), CHUNK):
        cut = (array[start : start + CHUNK] for array in arrays)
        yield tuple(array.astype(np.float64) if array.dtype.kind == "f" else array for array in cut)


def _present(estimator: Any, target: Array | None) -> Array:
    """Return the target, or say that one is needed."""
    if target is None:
        msg = f"{type(estimator).__name__} requires y to be passed, but the target y is None"
        raise ValueError(msg)
    return target


def _as_long(values: Any, n_rows: int, name: str) -> Array:
    """Return the values where they are one for each row."""
    if values.shape != (n_rows,):
        msg = f"Expected one value of {name} for each of {n_rows} rows, got an array of shape {values.shape}."
        raise ValueError(msg)
    made: Array = values
    return made
