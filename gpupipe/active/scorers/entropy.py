"""Entropy: how many nats the class of a row is worth."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module, blocks, columns_of, entropy_of


def entropy(probabilities: Any) -> Any:
    """Return the entropy of each row in nats, as float64 [n_rows]; 0 log 0 is 0.

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
    Shannon (1948), theorem 2.

    Examples
    --------
    >>> import numpy as np
    >>> entropy(np.array([[0.5, 1.0], [0.5, 0.0]])).round(6).tolist()
    [0.693147, 0.0]
    """
    columns = columns_of(probabilities)
    xp = array_module(columns[0])
    made = xp.empty(len(columns[0]), xp.float64)
    for rows in blocks(columns[0]):
        made[rows] = entropy_of(columns, rows)
    return made
