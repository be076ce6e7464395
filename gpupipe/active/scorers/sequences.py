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


def sequence_disagreement(votes: Any, mean_mnlp: Any, n_passes: int) -> Any:
    """Return how far a network with dropout disagrees about each whole sequence (BALD of sequences), as float64 [n_sequences], from 0 on.

    It is 1 less the share of passes that give the most frequent sequence of tags. Of equal votes the larger mean MNLP comes first: it
    counts less than one vote.

    Parameters
    ----------
    votes
        [n_sequences] how many passes gave the most frequent sequence.
    mean_mnlp
        [n_sequences] the mean over passes of what `mnlp` gives, from 0 on.
    n_passes
        How many passes there were.

    Raises
    ------
    UsageError
        There were no passes, or more votes than passes.

    Source
    ------
    Shen et al. (2018), arXiv 1707.05928, section 4, after Gal et al. (2017), arXiv 1703.02910.

    Examples
    --------
    >>> import numpy as np
    >>> sequence_disagreement(np.array([4, 1]), np.array([0.0, 1.0]), 4).tolist()
    [0.0, 0.8125]
    """
    xp = array_module(mean_mnlp)
    if n_passes < 1 or bool((xp.asarray(votes) > n_passes).any()):
        raise UsageError(f"Expected at most as many votes as passes, and one pass or more, got {n_passes} passes.")
    return 1 - (xp.asarray(votes) - 0.5 * mean_mnlp / (1 + mean_mnlp)) / n_passes
