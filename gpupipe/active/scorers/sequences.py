"""Scores of sequences, of the log-probabilities of their tags."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError


def sequence_confidence(log_probabilities: Any, offsets: Any) -> Any:
    """Return minus the log-probability of each sequence's tags, in nats, as float64 [n_sequences]; it prefers long sequences.

    Parameters
    ----------
    log_probabilities
        [n_words], of each word's tag given those before it, on the path that was decoded.
    offsets
        [n_sequences + 1], where each sequence's words begin, as in Arrow's lists.

    Raises
    ------
    UsageError
        Offsets do not ascend from 0 to the number of words.

    Source
    ------
    Culotta and McCallum (2005), "Reducing labeling effort for structured prediction tasks", section 3.

    Examples
    --------
    >>> import numpy as np
    >>> sequence_confidence(np.array([-0.5, -0.25, -1.0]), np.array([0, 2, 3])).tolist()
    [0.75, 1.0]
    """
    xp = array_module(log_probabilities)
    places = xp.asarray(offsets)
    if not len(places) or int(places[0]) or int(places[-1]) != len(log_probabilities) or not bool((places[1:] >= places[:-1]).all()):
        raise UsageError(f"Expected offsets that ascend from 0 to {len(log_probabilities)}, the number of words, got others.")
    sums = xp.concatenate([xp.zeros(1), xp.cumsum(log_probabilities.astype(xp.float64))])
    return -(sums[places[1:]] - sums[places[:-1]])


def mnlp(log_probabilities: Any, offsets: Any) -> Any:
    """Return minus the mean log-probability of each sequence's tags (MNLP), in nats a word, as float64 [n_sequences].

    Of an empty sequence it is 0: there is nothing to ask.

    Parameters
    ----------
    log_probabilities, offsets
        As in `sequence_confidence`.

    Raises
    ------
    UsageError
        Offsets do not ascend from 0 to the number of words.

    Source
    ------
    Shen et al. (2018), arXiv 1707.05928, section 4 (maximum normalized log-probability, with its sign turned so that more is asked first).

    Examples
    --------
    >>> import numpy as np
    >>> mnlp(np.array([-0.5, -0.25, -1.0]), np.array([0, 2, 3])).tolist()
    [0.375, 1.0]
    """
    xp = array_module(log_probabilities)
    places = xp.asarray(offsets)
    totals = sequence_confidence(log_probabilities, places)
    return totals / xp.maximum(places[1:] - places[:-1], 1)
