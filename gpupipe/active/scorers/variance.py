"""Variance over an ensemble's predictions of a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError


def variance(members: Iterable[Any]) -> Any:
    """Return the variance of the members' predictions of each row, as float64 [n_rows], in the square of their unit.

    Parameters
    ----------
    members
        For each member its predictions [n_rows]; may be a generator: only running sums are held.

    Raises
    ------
    UsageError
        There is no member, or they have not as many rows.

    Source
    ------
    Cohn, Ghahramani and Jordan (1996), arXiv cs/9603104, for the aim; Welford (1962) for the sums.

    Examples
    --------
    >>> import numpy as np
    >>> variance([np.array([1.0, 2.0]), np.array([3.0, 2.0])]).tolist()
    [1.0, 0.0]
    """
    mean = squares = None
    n_members = 0
    for member in members:
        xp = array_module(member)
        if mean is None:
            mean, squares = xp.zeros(len(member), xp.float64), xp.zeros(len(member), xp.float64)
        if len(member) != len(mean):
            raise UsageError(f"Expected members with predictions of the same {len(mean)} rows, got {len(member)}.")
        n_members += 1
        step = member - mean
        mean += step / n_members
        squares += step * (member - mean)
    if squares is None:
        raise UsageError("Expected the predictions of one member or more, got none.")
    return squares / n_members
