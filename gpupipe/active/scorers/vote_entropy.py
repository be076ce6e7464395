"""Vote entropy: how a committee's votes are spread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpupipe.active.scorers._members import summed, votes
from gpupipe.active.scorers.entropy import entropy


def vote_entropy(members: Iterable[Any], *, soft: bool = False) -> Any:
    """Return the entropy of the shares of votes, in nats, as float64 [n_rows].

    Parameters
    ----------
    members
        For each member probabilities [n_classes, n_rows].
    soft
        Whether a member gives each class its probability instead of one vote to the likeliest.

    Raises
    ------
    UsageError
        There is no member, or they have not the same classes and rows.

    Source
    ------
    Dagan and Engelson (1995), "Committee-based sampling for training probabilistic classifiers", section 4.

    Examples
    --------
    >>> import numpy as np
    >>> first, second = np.array([[0.9], [0.1]]), np.array([[0.2], [0.8]])
    >>> vote_entropy([first, second]).round(6).tolist()
    [0.693147]
    """
    if soft:
        total, _, n_members = summed(members)
        return entropy(total / n_members)
    counts, n_members = votes(members)
    return entropy(counts / n_members)
