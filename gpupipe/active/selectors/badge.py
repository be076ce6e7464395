"""BADGE: k-means++ seeding in the space of the last layer's gradients, which is never made."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.active._arrays import array_module, columns_of
from gpupipe.core.errors import UsageError


def badge(probabilities: Any, features: Any, n_rows: int, *, seed: int = 0) -> Any:
    r"""Return the places of rows that are uncertain and unlike each other, in the order they were picked, as int64.

    A row's gradient, were its likeliest class true, is ``g = a h'`` with ``a = p - e``, h what goes into the last layer. Products of such
    matrices factor, ``<g_i, g_j> = <a_i, a_j> <h_i, h_j>``, so that distances need no array of classes times features. The first pick is
    the longest gradient; each later one is drawn with probability in proportion to the squared distance to the nearest pick.

    Parameters
    ----------
    probabilities
        [n_classes, n_rows], or a sequence of as many columns.
    features
        [n_rows, n_features] of floats.
    seed
        Of the draws, which are from the rows in their order: sort them by hash first where that is not to matter.

    Raises
    ------
    UsageError
        The number is below 1, or features are of other rows.

    Source
    ------
    Ash et al. (2020), arXiv 1906.03671, algorithm 1; Arthur and Vassilvitskii (2007) for the seeding.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[0.5, 0.5, 1.0], [0.5, 0.5, 0.0]])
    >>> badge(p, np.array([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]), 2).tolist()
    [1, 2]
    """
    columns = columns_of(probabilities, least=2)
    xp = array_module(columns[0])
    if n_rows < 1 or len(features) != len(columns[0]):
        msg = f"badge expects a budget of 1 row or more, and features of {len(columns[0])} rows, got {n_rows} and {len(features)} rows."
        raise UsageError(msg)
    errors = _errors(xp, columns, features.dtype)
    squares = (errors * errors).sum(axis=0) * xp.einsum("ij,ij->i", features, features)
    nearest = xp.full(len(squares), xp.inf, squares.dtype)
    chance = np.random.default_rng(seed)
    place = int(xp.argmax(squares))
    picked: list[int] = []
    for _ in range(min(n_rows, len(squares))):
        picked.append(place)
        products = errors[:, place] @ errors
        products *= features @ features[place]
        products *= -2
        products += squares
        products += squares[place]
        xp.minimum(nearest, products, out=nearest)
        xp.maximum(nearest, 0, out=nearest)
        nearest[picked] = 0
        place = _drawn(xp, nearest, picked, float(chance.random()))
    return xp.asarray(picked, dtype=xp.int64)


def _errors(xp: Any, columns: Any, dtype: Any) -> Any:
    """Return probabilities less 1 at the likeliest class, [n_classes, n_rows]."""
    made = xp.stack([column.astype(dtype) for column in columns])
    largest, likeliest = made[0].copy(), xp.zeros(made.shape[1], xp.int64)
    for number in range(1, len(made)):
        likeliest[made[number] > largest] = number
        xp.maximum(largest, made[number], out=largest)
    made[likeliest, xp.arange(made.shape[1])] -= 1
    return made


def _drawn(xp: Any, weights: Any, picked: list[int], uniform: float) -> int:
    """Return a place drawn in proportion to the weights; where all are 0, the first that is not picked."""
    total = xp.cumsum(weights, dtype=xp.float64)
    if float(total[-1]) <= 0:
        taken = set(picked)
        return next((place for place in range(len(weights)) if place not in taken), 0)
    place = int(xp.searchsorted(total, uniform * float(total[-1]), side="right"))
    return min(place, int(xp.nonzero(weights)[0][-1]))
