"""Moments and cumulants contracted with vectors: what power methods and whitening need, with nothing of size d to the order on the way.

Source: Anandkumar, Ge, Hsu, Kakade, Telgarsky, "Tensor decompositions for learning latent variable models", JMLR 15 (2014), section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, as_floats, finite_sum_of_squares
from gpupipe.tensors.moments import MOST_ORDER, Moments

_BLOCK_ROWS = 1 << 14
_DEVICE_BLOCK_ROWS = 1 << 22


def moment_along(rows: Any, vectors: Any, order: int, *, central: bool = False) -> Any:
    """Return the moment of an order contracted with a vector in all modes but one, ``M(I, v, ..., v)``, for each of several vectors.

    Parameters
    ----------
    rows
        (n, d).
    vectors
        (d, k), or (d,) for one.
    order
        2 to 4.
    central
        Take the columns' means off first.

    Returns
    -------
    (d, k), or (d,). For the moment contracted in all modes, ``M(W, ..., W)``, take ``moment(rows @ W, order)``.

    Raises
    ------
    UsageError
        The sizes do not fit, there are no rows, or a value is not finite.

    Examples
    --------
    >>> moment_along(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 0.0]), 3)
    array([14., 19.])
    """
    rows, vectors = _checked(rows, vectors, order)
    if central:
        sums = Moments(1).update(rows)
        origin = sums.origin + sums._sums[0] / sums.n_rows
    else:
        origin = array_module(rows).zeros(rows.shape[1:])
    alone = vectors.ndim == 1
    found = _along(rows, vectors[:, None] if alone else vectors, order, origin)[0].astype(rows.dtype)
    return found[:, 0] if alone else found


def cumulant_along(rows: Any, vectors: Any, order: int) -> Any:
    """Return the cumulant of an order (sums divided by n) contracted with a vector in all modes but one, for each of several vectors.

    Parameters
    ----------
    rows, vectors, order
        As in `moment_along`.

    Raises
    ------
    UsageError
        The sizes do not fit, there are no rows, or a value is not finite.

    Examples
    --------
    >>> cumulant_along(np.array([[0.0], [0.0], [3.0]]), np.array([2.0]), 3)
    array([8.])
    """
    rows, vectors = _checked(rows, vectors, order)
    alone = vectors.ndim == 1
    columns = vectors[:, None] if alone else vectors
    sums = Moments(1).update(rows)
    origin = sums.origin + sums._sums[0] / sums.n_rows
    found, pairs, variances = _along(rows, columns, order, origin)
    if order == 4:  # C v (v^T C v), in each of the three pairings
        found = found - 3 * pairs * variances
    found = found.astype(rows.dtype)
    return found[:, 0] if alone else found


def _checked(rows: Any, vectors: Any, order: int) -> tuple[Any, Any]:
    rows, vectors = as_floats(rows, "The block of rows"), as_floats(vectors, "The array of vectors")
    if order not in range(2, MOST_ORDER + 1):
        raise UsageError(f"A moment along vectors is of order 2 to {MOST_ORDER}, got {order}.")
    if rows.ndim != 2 or len(rows) == 0 or vectors.ndim not in (1, 2) or vectors.shape[0] != rows.shape[1]:
        raise UsageError(
            f"Rows (n, d) and vectors (d, k) or (d,) were expected, got shapes {tuple(rows.shape)} and {tuple(vectors.shape)}."
        )
    finite_sum_of_squares(rows, "Leave the rows out, or fill them.")
    return rows, vectors.astype(rows.dtype)


def _along(rows: Any, vectors: Any, order: int, origin: Any) -> tuple[Any, Any, Any]:
    """Return the moment about the origin along each vector, and the second one contracted with each once and twice."""
    xp = array_module(rows)
    n, size = rows.shape
    total, pairs, variances = xp.zeros((size, vectors.shape[1])), xp.zeros((size, vectors.shape[1])), xp.zeros(vectors.shape[1])
    step = _BLOCK_ROWS if xp is np else _DEVICE_BLOCK_ROWS
    for at in range(0, n, step):
        block = (rows[at : at + step] - origin).astype(rows.dtype)
        seen = block @ vectors
        total += block.T @ seen ** (order - 1)
        if order == 4:
            pairs += block.T @ seen
            variances += (seen.astype(np.float64) ** 2).sum(0)
    return total / n, pairs / n, variances / n
