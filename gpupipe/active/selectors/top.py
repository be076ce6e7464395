"""The best rows within a budget, exactly: by a threshold where there are many rows, and mergeable over blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError

_SAMPLED = 1 << 14  # rows from which on a threshold is looked for first
_SHARE = 100  # one row of so many is sampled for it


def top(scores: Any, hashes: Any, n_rows: int) -> Any:
    """Return the places of the best rows, the best first, as int64; of equal scores the smaller hash comes first.

    Where rows are many, a quantile of a sample, less a margin, leaves out nearly all of them before the rest is sorted; should too few be
    left, all are. NaN comes last. On blocks: the best of each block, then of all those, are the best of all.

    Parameters
    ----------
    scores
        [n_rows] of floats; the higher, the better.
    hashes
        [n_rows] of uint64, of the rows' ids, which break ties, so that the choice depends on no order of rows.
    n_rows
        How many; all of them where there are fewer.

    Raises
    ------
    UsageError
        The number is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> top(np.array([0.1, 0.9, 0.9]), np.array([1, 3, 2], np.uint64), 2).tolist()
    [2, 1]
    """
    if n_rows < 1:
        raise UsageError(f"Expected a budget of 1 row or more, got {n_rows}. Nothing is chosen with less.")
    xp = array_module(scores)
    values = xp.where(xp.isnan(scores), -xp.inf, scores)
    places = _survivors(xp, values, n_rows)
    order = xp.lexsort(xp.stack([hashes[places].astype(xp.uint64).view(xp.int64) ^ np.int64(-(1 << 63)), _falling(xp, values[places])]))
    return places[order[:n_rows]]


def _falling(xp: Any, values: Any) -> Any:
    """Return whole numbers that ascend as the floats descend: the bits of a float, read as a whole number, are in the float's order."""
    bits = (-values.astype(xp.float64) + 0.0).view(xp.int64)
    return xp.where(bits < 0, bits ^ np.int64((1 << 63) - 1), bits)


def _survivors(xp: Any, values: Any, n_rows: int) -> Any:
    """Return the places of the rows that may be among the best."""
    total = len(values)
    if total < _SAMPLED or n_rows * 4 > total:
        return xp.arange(total)
    sample = xp.sort(values[::_SHARE])  # which rows are sampled decides the time alone, not the answer
    above = n_rows / total * len(sample)
    margin = 3 * above**0.5 + 5
    least = sample[max(0, len(sample) - 1 - int(above + margin))]
    places = xp.nonzero(values >= least)[0]
    return places if len(places) >= n_rows else xp.arange(total)


def top_budget(scores: Any, hashes: Any, costs: Any, budget: float) -> Any:
    """Return the places of the best rows, the best first, until their costs reach the budget; the row that crosses it is taken.

    On blocks: what is taken of each block within the whole budget, and then of all that, is what is taken of all rows.

    Parameters
    ----------
    costs
        [n_rows] from 0 on, in the budget's unit: words, seconds, questions.

    Raises
    ------
    UsageError
        The budget is not above 0, or a cost is below 0 or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> top_budget(np.array([0.9, 0.8, 0.7]), np.arange(3).astype(np.uint64), np.array([4.0, 4.0, 4.0]), 6).tolist()
    [0, 1]
    """
    xp = array_module(scores)
    if not budget > 0:
        raise UsageError(f"Expected a budget above 0, got {budget}. Nothing is chosen with less.")
    if not bool((costs >= 0).all()):
        raise UsageError("Expected costs from 0 on, got one below, or NaN. Leave such rows out, or give them a cost.")
    if not len(scores):
        return xp.arange(0)
    order = top(scores, hashes, len(scores))
    before = xp.cumsum(costs[order].astype(xp.float64)) - costs[order]
    return order[before < budget]
