"""Mean divergence of a committee's members from their mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpupipe.active.scorers.bald import bald


def mean_kl(members: Iterable[Any]) -> Any:
    """Return the mean over members of their Kullback-Leibler divergence from the mean of all, in nats, as float64 [n_rows].

    With members of equal weight that is `bald`, which is how it is computed.

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
    McCallum and Nigam (1998), "Employing EM and pool-based active learning for text classification", section 3.

    Examples
    --------
    >>> import numpy as np
    >>> mean_kl([np.array([[0.5], [0.5]]), np.array([[0.5], [0.5]])]).tolist()
    [0.0]
    """
    return bald(members)
