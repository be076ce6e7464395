"""Entropy: how many nats the class of a row is worth."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import columns_of, entropies_of


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
    return entropies_of(columns_of(probabilities))
