"""What the forecasters ask of arrays: which library they are of, sums in a fixed order, small systems of equations for all series.

A sum over time adds one row after the other. ``sum(axis=0)`` would do so for many series but not for one, and a series must get the same
bits alone as in a batch.
"""

from __future__ import annotations

import sys
from statistics import NormalDist
from typing import Any

import numpy as np


def array_library(array: Any) -> Any:
    """Return CuPy for an array on a device, else NumPy.

    Examples
    --------
    >>> array_library([1.0, 2.0]).__name__
    'numpy'
    """
    return sys.modules["cupy"] if type(array).__module__.partition(".")[0] == "cupy" else np


def to_host(array: Any) -> Any:
    """Return the array as NumPy's."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


def total(rows: Any, xp: Any) -> Any:
    """Return the sum over the first axis, one row after the other; of no rows, zeros."""
    if len(rows) == 0:
        return xp.zeros(rows.shape[1:])
    return xp.cumsum(rows, axis=0)[-1]


def quantile_of_normal(share: float) -> float:
    """Return the standard normal quantile.

    Examples
    --------
    >>> round(quantile_of_normal(0.975), 6)
    1.959964
    """
    return NormalDist().inv_cdf(share)


def factorized(matrix: Any, xp: Any, tiny: float = 1e-13) -> tuple[Any, Any]:
    """Return the lower Cholesky factor of each series' matrix, and which pivots [k, n_series] were no more than rounding.

    Such a pivot is replaced by one, with zeros below it.

    Parameters
    ----------
    matrix
        [k, k, n_series], symmetric; only the lower triangle is read.
    tiny
        A pivot below this share of its diagonal entry counts as rounding.
    """
    size = len(matrix)
    factor = xp.zeros_like(matrix)
    singular = xp.zeros(matrix.shape[1:], dtype=bool)
    for column in range(size):
        rest = matrix[column:, column].copy()
        for before in range(column):
            rest -= factor[column:, before] * factor[column, before]
        bad = ~(rest[0] > tiny * matrix[column, column])
        singular[column] = bad
        pivot = xp.sqrt(xp.where(bad, 1.0, rest[0]))
        factor[column:, column] = xp.where(bad, 0.0, rest / pivot)
        factor[column, column] = pivot
    return factor, singular


def forward_solved(factor: Any, right: Any) -> Any:
    """Return ``L^-1 right`` for lower factors [k, k, n_series] and right sides [k, ..., n_series]."""
    made = right.copy()
    for row in range(len(made)):
        for before in range(row):
            made[row] -= factor[row, before] * made[before]
        made[row] /= factor[row, row]
    return made


def backward_solved(factor: Any, right: Any) -> Any:
    """Return ``L'^-1 right`` for lower factors [k, k, n_series] and right sides [k, ..., n_series]."""
    made = right.copy()
    for row in reversed(range(len(made))):
        for after in range(row + 1, len(made)):
            made[row] -= factor[after, row] * made[after]
        made[row] /= factor[row, row]
    return made
