"""Ranked batch: uncertainty against likeness to what is chosen, row after row."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError


def ranked_batch(scores: Any, embeddings: Any, n_rows: int, *, centers: Any = None) -> Any:
    """Return the places of a batch, in the order it was ranked, as int64.

    Each pick is the row with the largest ``alpha (1 - s) + (1 - alpha) u``: u its score, s its largest similarity ``1 / (1 + distance)`` to
    what is labelled or picked, alpha the share of rows that are neither. A pick costs one product of the matrix and
    a row. Where nothing is labelled, the first pick is that with the largest score.

    Parameters
    ----------
    scores
        [n_rows] in [0, 1], such as least confidence; others are brought there by their range.
    embeddings
        [n_rows, n_features] of rows without a label.
    centers
        [n_labelled, n_features], rows that are labelled.

    Raises
    ------
    UsageError
        The number is below 1.

    Source
    ------
    Cardoso et al. (2017), "Ranked batch-mode active learning", equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0], [0.01], [5.0]])
    >>> ranked_batch(np.array([0.9, 0.9, 0.5]), rows, 2).tolist()
    [0, 2]
    """
    xp = array_module(embeddings)
    if n_rows < 1:
        raise UsageError(f"Expected a budget of 1 row or more, got {n_rows}. Nothing is chosen with less.")
    n_labelled = 0 if centers is None else len(centers)
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 1.0)
    inside = (low >= 0 and high <= 1) or low == high
    uncertain = scores.astype(xp.float64) if inside else (scores - low) / (high - low)
    squares = xp.einsum("ij,ij->i", embeddings, embeddings)
    alike = xp.zeros(len(embeddings))
    for center in () if centers is None else centers:
        xp.maximum(alike, _similarity(xp, embeddings, squares, center), out=alike)
    open_rows = xp.ones(len(embeddings), bool)
    picked: list[int] = []
    for _ in range(min(n_rows, len(embeddings))):
        known = n_labelled + len(picked)
        alpha = (len(embeddings) - len(picked)) / (len(embeddings) + n_labelled) if known else 0.0
        ranked = alpha * (1 - alike) + (1 - alpha) * uncertain
        place = int(xp.argmax(xp.where(open_rows, ranked, -xp.inf)))
        picked.append(place)
        open_rows[place] = False
        xp.maximum(alike, _similarity(xp, embeddings, squares, embeddings[place]), out=alike)
    return xp.asarray(picked, dtype=xp.int64)


def _similarity(xp: Any, embeddings: Any, squares: Any, center: Any) -> Any:
    """Return ``1 / (1 + distance)`` to a row."""
    return 1 / (1 + xp.sqrt(xp.maximum(squares - 2 * (embeddings @ center) + center @ center, 0)))
