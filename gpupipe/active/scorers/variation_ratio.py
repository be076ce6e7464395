"""Variation ratio: the share of members that do not vote for the commonest class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpupipe.active.scorers._members import votes


def variation_ratio(members: Iterable[Any]) -> Any:
    """Return 1 less the share of the commonest class among the members' votes, as float64 [n_rows].

    Parameters
    ----------
    members
        For each member, or stochastic pass, probabilities [n_classes, n_rows].

    Raises
    ------
    UsageError
        There is no member, or they have not the same classes and rows.

    Source
    ------
    Freeman (1965), "Elementary applied statistics"; Gal, Islam and Ghahramani (2017), arXiv 1703.02910, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> first, second = np.array([[0.9], [0.1]]), np.array([[0.2], [0.8]])
    >>> variation_ratio([first, first, first, second]).tolist()
    [0.25]
    """
    counts, n_members = votes(members)
    return 1.0 - counts.max(axis=0) / n_members
