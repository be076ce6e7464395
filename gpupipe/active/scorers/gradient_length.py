"""Expected gradient length: how much a label would change the last layer, whatever it turns out to be."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module, blocks, columns_of
from gpupipe.core.errors import UsageError


def gradient_length(probabilities: Any, features: Any) -> Any:
    r"""Return the expected length of the loss's gradient in the weights of a linear last layer, as float64 [n_rows].

    With softmax and cross entropy the gradient for class k is ``(p - e_k)`` times the layer's input h, so that the expectation is
    ``|h| * sum_k p_k |p - e_k|``, with ``|p - e_k|^2 = sum_j p_j^2 - 2 p_k + 1``: no gradient is made.

    Parameters
    ----------
    probabilities
        [n_classes, n_rows], or a sequence of as many columns.
    features
        [n_rows, n_features], what goes into the last layer.

    Raises
    ------
    UsageError
        Rows of the two differ in number.

    Source
    ------
    Settles, Craven and Ray (2007), "Multiple-instance active learning", section 3, for the expectation.

    Examples
    --------
    >>> import numpy as np
    >>> gradient_length(np.array([[0.5], [0.5]]), np.array([[3.0, 4.0]])).round(6).tolist()
    [3.535534]
    """
    columns = columns_of(probabilities)
    xp = array_module(columns[0])
    if len(features) != len(columns[0]):
        raise UsageError(f"Expected features of {len(columns[0])} rows, as there are probabilities, got {len(features)}.")
    made = xp.empty(len(columns[0]), xp.float64)
    for rows in blocks(columns[0]):
        parts = [column[rows].astype(xp.float64) for column in columns]
        squares = sum(part * part for part in parts)
        expected = sum(part * xp.sqrt(xp.maximum(squares - 2 * part + 1, 0.0)) for part in parts)
        made[rows] = expected * xp.sqrt((features[rows].astype(xp.float64) ** 2).sum(axis=1))
    return made
