"""Margin: how close the two likeliest classes are."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module, blocks, columns_of


def margin(probabilities: Any) -> Any:
    """Return the second largest probability of each row less the largest, as float64 [n_rows]: at most 0, and 0 where they are equal.

    Two running maxima over the columns; nothing is sorted.

    Parameters
    ----------
    probabilities
        [n_classes, n_rows] of two classes or more, or a sequence of as many columns.

    Raises
    ------
    UsageError
        They are no columns of one length, or fewer than two.

    Source
    ------
    Scheffer, Decomain and Wrobel (2001), "Active hidden Markov models for information extraction".

    Examples
    --------
    >>> import numpy as np
    >>> margin(np.array([[0.75, 0.5], [0.25, 0.5], [0.0, 0.0]])).tolist()
    [-0.5, 0.0]
    """
    columns = columns_of(probabilities, least=2)
    xp = array_module(columns[0])
    made = xp.empty(len(columns[0]), xp.float64)
    for rows in blocks(columns[0]):
        one, other = columns[0][rows], columns[1][rows]
        first, second = xp.maximum(one, other), xp.minimum(one, other)
        for column in columns[2:]:
            part = column[rows]
            xp.maximum(second, xp.minimum(first, part), out=second)  # what the new one pushes off the first place, or itself
            xp.maximum(first, part, out=first)
        made[rows] = second
        made[rows] -= first
    return made
