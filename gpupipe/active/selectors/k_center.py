"""K-center greedy: rows that cover the pool, each the farthest from all that are chosen or labelled."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError


def k_center(embeddings: Any, n_rows: int, *, centers: Any = None) -> Any:
    """Return the places of rows that cover the pool, in the order they were picked, as int64: a 2-approximation of k-center.

    One product of the matrix and a row for each pick: distances to the nearest centre are kept, and compared with those to the new one.
    Of equal distances the first row is taken. Without centres the first pick is the row that is farthest from the mean.

    Parameters
    ----------
    embeddings
        [n_rows, n_features]; floats, computed in their own precision.
    centers
        [n_centers, n_features], rows that are labelled already.

    Raises
    ------
    UsageError
        The number is below 1, or the centres have other features.

    Source
    ------
    Sener and Savarese (2018), arXiv 1708.00489, algorithm 1; Gonzalez (1985) for the bound.

    Examples
    --------
    >>> import numpy as np
    >>> k_center(np.array([[0.0], [1.0], [10.0]]), 2, centers=np.array([[0.0]])).tolist()
    [2, 1]
    """
    xp = array_module(embeddings)
    _require(embeddings, n_rows, centers)
    squares = xp.einsum("ij,ij->i", embeddings, embeddings)
    nearest = xp.full(len(embeddings), xp.inf, embeddings.dtype)
    for center in () if centers is None else centers:
        _closer(xp, nearest, embeddings, squares, center.astype(embeddings.dtype))
    picked: list[int] = []
    for _ in range(min(n_rows, len(embeddings))):
        if not picked and (centers is None or not len(centers)):
            place = int(xp.argmax(_distances(embeddings, squares, embeddings.mean(axis=0))))
        else:
            place = int(xp.argmax(nearest))
        picked.append(place)
        _closer(xp, nearest, embeddings, squares, embeddings[place])
        nearest[picked] = -xp.inf  # a row is picked once, also where all others are copies of it
    return xp.asarray(picked, dtype=xp.int64)


def _require(embeddings: Any, n_rows: int, centers: Any) -> None:
    """Raise UsageError for what cannot be chosen from."""
    if n_rows < 1:
        raise UsageError(f"Expected a budget of 1 row or more, got {n_rows}. Nothing is chosen with less.")
    if embeddings.ndim != 2 or embeddings.dtype.kind != "f":
        raise UsageError(f"Expected embeddings as floats [n_rows, n_features], got {embeddings.dtype} of shape {tuple(embeddings.shape)}.")
    if centers is not None and (centers.ndim != 2 or centers.shape[1] != embeddings.shape[1]):
        raise UsageError(f"Expected centres with {embeddings.shape[1]} features, got shape {tuple(centers.shape)}.")


def _distances(embeddings: Any, squares: Any, center: Any) -> Any:
    """Return squared distances to a row."""
    made = embeddings @ (-2 * center)
    made += squares
    made += center @ center
    return made


def _closer(xp: Any, nearest: Any, embeddings: Any, squares: Any, center: Any) -> None:
    """Enter a new centre into the squared distances to the nearest one, in place."""
    xp.minimum(nearest, _distances(embeddings, squares, center), out=nearest)
