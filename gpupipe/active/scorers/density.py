"""Density: rows that are like many others count more."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module, blocks
from gpupipe.core.errors import UsageError


def density(scores: Any, embeddings: Any, sample: Any, beta: float = 1.0) -> Any:
    """Return scores times the mean cosine similarity to a sample, to the power of beta, as float64 [n_rows].

    The mean of cosines to many rows is the cosine's product with one vector, the mean of their directions, so that a row costs one product.
    A mean below 0 counts as 0.

    Parameters
    ----------
    scores
        [n_rows] from 0 on.
    embeddings
        [n_rows, n_features].
    sample
        [n_sample, n_features], a hashed sample of the pool.

    Raises
    ------
    UsageError
        The sample is empty or of other features, or a score is below 0.

    Source
    ------
    Settles and Craven (2008), "An analysis of active learning strategies for sequence labeling tasks", equation 12 (information density).

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> density(np.array([1.0, 1.0]), rows, np.array([[3.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    xp = array_module(embeddings)
    if not len(sample) or sample.shape[1] != embeddings.shape[1]:
        msg = f"density expects a sample of one row or more with {embeddings.shape[1]} features, got one of shape {tuple(sample.shape)}."
        raise UsageError(msg)
    directions = sample / xp.maximum(xp.sqrt((sample * sample).sum(axis=1, keepdims=True)), 1e-300)
    return weighed_by(scores, embeddings, directions.mean(axis=0), beta)


def weighed_by(scores: Any, embeddings: Any, mean: Any, beta: float) -> Any:
    """Return scores times what the cosine to each direction of a sample is in the mean, given the mean of these directions.

    Raises
    ------
    UsageError
        A score is below 0: it would count the more, the fewer rows are like it.
    """
    xp = array_module(embeddings)
    if bool((scores < 0).any()):
        msg = "Density expects scores from 0 on, got some below. Use least_confidence or entropy; margin is 0 at most."
        raise UsageError(msg)
    made = xp.empty(len(embeddings), xp.float64)
    for rows in blocks(embeddings):
        part = embeddings[rows]
        cosines = (part @ mean) / xp.maximum(xp.sqrt((part * part).sum(axis=1)), 1e-300)
        made[rows] = scores[rows] * xp.maximum(cosines, 0.0) ** beta
    return made
