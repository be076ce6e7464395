"""Nearest neighbours of rows, by their distance, a block of rows at a time."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError

_CELLS = 1 << 24  # distances held at a time


def nearest_neighbors(rows: Any, n_neighbors: int) -> tuple[Any, Any]:
    """Return the places of each row's nearest other rows, the nearest first, [n_rows, n_neighbors], and their Euclidean distances.

    Of equal distances the first row comes first. All distances are computed, a block of rows at a time: exact, and in time with the square
    of their number.

    Parameters
    ----------
    rows
        [n_rows, n_features] of floats.

    Raises
    ------
    UsageError
        The number is below 1, or rows are not as many and one more.

    Examples
    --------
    >>> import numpy as np
    >>> places, distances = nearest_neighbors(np.array([[0.0], [1.0], [3.0]]), 1)
    >>> places.tolist(), distances.tolist()
    ([[1], [0], [1]], [[1.0], [1.0], [2.0]])
    """
    xp, n = array_module(rows), len(rows)
    if not 1 <= n_neighbors < max(n, 1):
        raise UsageError(f"Expected 1 neighbour or more, and fewer than the {n} rows, got {n_neighbors}.")
    values = rows.astype(xp.float64)
    squares = (values * values).sum(axis=1)
    places, distances = xp.empty((n, n_neighbors), xp.int64), xp.empty((n, n_neighbors))
    size = max(1, _CELLS // n)
    for at in range(0, n, size):
        part = slice(at, min(at + size, n))
        found = squares[part, None] + squares - 2 * values[part] @ values.T
        found[xp.arange(part.stop - at), xp.arange(at, part.stop)] = xp.inf  # a row is no neighbour of its own
        near = xp.sort(xp.argpartition(found, n_neighbors - 1, axis=1)[:, :n_neighbors], axis=1)
        held = xp.take_along_axis(found, near, axis=1)
        order = xp.argsort(held, axis=1, kind="stable")
        places[part] = xp.take_along_axis(near, order, axis=1)
        distances[part] = xp.sqrt(xp.maximum(xp.take_along_axis(held, order, axis=1), 0))
    return places, distances
