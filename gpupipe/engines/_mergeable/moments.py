"""Weights, means and sums of squares about the means, of any shape, merged without loss of digits.

Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance: analysis and recommendations", Am. Stat. 37 (1983).
"""

from __future__ import annotations

import numpy as np

from gpupipe.engines._mergeable.checks import chunks
from gpupipe.engines._mergeable.contract import Array


def moments_of(rows: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Return each column's weight, mean and scatter (the weighted sum of squares about the mean); NaN is left out.

    Examples
    --------
    >>> [part.tolist() for part in moments_of(np.array([[1.0], [3.0], [np.nan]]), np.ones(3))]
    [[2.0], [2.0], [2.0]]
    """
    parts = [_of_chunk(values, weights) for values, weights in chunks(rows, weight)]
    if not parts:
        return np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    return merge_moments(*(np.stack(stacked) for stacked in zip(*parts, strict=True)))


def _of_chunk(values: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Return the moments of some thousand rows."""
    missing = np.isnan(values)
    weights: Array = np.broadcast_to(weight[:, None], values.shape)
    if missing.any():
        weights, values = np.where(missing, 0.0, weights), np.where(missing, 0.0, values)
    total = weights.sum(axis=0)
    divisor = np.where(total == 0, 1.0, total)
    mean = (weights * values).sum(axis=0) / divisor
    return total, mean, (weights * (values - mean) ** 2).sum(axis=0)


def merge_moments(weight: Array, mean: Array, scatter: Array) -> tuple[Array, Array, Array]:
    """Return the moments of all parts' rows; the parts are stacked along the first axis."""
    total = weight.sum(axis=0)
    divisor = np.where(total == 0, 1.0, total)
    merged = (weight * mean).sum(axis=0) / divisor
    return total, merged, scatter.sum(axis=0) + (weight * (mean - merged) ** 2).sum(axis=0)
