"""Least confidence: how far the likeliest class is from certain."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module, blocks, columns_of


def least_confidence(probabilities: Any) -> Any:
    """Return 1 less the largest probability of each row, as float64 [n_rows].

    Parameters
    ----------
    probabilities
        [n_classes, n_rows], or a sequence of as many columns.

    Raises
    ------
    UsageError
        They are no columns of one length.

    Source
    ------
    Lewis and Gale (1994), arXiv cmp-lg/9407020.

    Examples
    --------
    >>> import numpy as np
    >>> least_confidence(np.array([[0.75, 0.5], [0.25, 0.5]])).tolist()
    [0.25, 0.5]
    """
    columns = columns_of(probabilities)
    xp = array_module(columns[0])
    made = xp.empty(len(columns[0]), xp.float64)
    for rows in blocks(columns[0]):
        largest = columns[0][rows].copy()
        for column in columns[1:]:
            xp.maximum(largest, column[rows], out=largest)
        made[rows] = largest
        made[rows] *= -1
        made[rows] += 1
    return made
