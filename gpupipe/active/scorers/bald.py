"""BALD: what members disagree on, beyond what each of them is unsure of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.active.scorers._members import summed
from gpupipe.active.scorers.entropy import entropy


def bald(members: Iterable[Any]) -> Any:
    """Return the entropy of the members' mean less the mean of their entropies, in nats, as float64 [n_rows]; never below 0.

    Members may be a generator, of an ensemble or of passes with dropout: only their running sums are held.

    Parameters
    ----------
    members
        For each member probabilities [n_classes, n_rows].

    Raises
    ------
    UsageError
        There is no member, or they have not the same classes and rows.

    Source
    ------
    Houlsby et al. (2011), arXiv 1112.5745, equation 2; Gal, Islam and Ghahramani (2017), arXiv 1703.02910, for dropout.

    Examples
    --------
    >>> import numpy as np
    >>> sure_of_a, sure_of_b = np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])
    >>> bald([sure_of_a, sure_of_b]).round(6).tolist()
    [0.693147]
    """
    total, entropies, n_members = summed(members)
    total /= n_members
    entropies /= n_members
    made = entropy(total) - entropies
    return array_module(made).maximum(made, 0.0)
