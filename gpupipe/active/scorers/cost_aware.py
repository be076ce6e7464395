"""Scores for what they cost."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError


def cost_aware(scores: Any, costs: Any, gamma: float = 1.0) -> Any:
    """Return scores divided by ``cost ** gamma``, as float64 [n_rows]; a score below 0 is multiplied instead, so that cost never helps.

    Parameters
    ----------
    costs
        [n_rows] above 0, in any unit.
    gamma
        From 0, where cost does not count, to 1, the greedy rule of a knapsack.

    Raises
    ------
    UsageError
        `gamma` is not in [0, 1], or a cost is not above 0.

    Source
    ------
    Settles, Craven and Friedland (2008), "Active learning with real annotation costs", section 4.

    Examples
    --------
    >>> import numpy as np
    >>> cost_aware(np.array([1.0, 1.0, -1.0]), np.array([1.0, 4.0, 4.0]), 0.5).tolist()
    [1.0, 0.5, -2.0]
    """
    xp = array_module(scores)
    if not 0 <= gamma <= 1:
        raise UsageError(f"cost_aware expects gamma in [0, 1], got {gamma!r}.")
    if not bool((costs > 0).all()):
        raise UsageError("cost_aware expects costs above 0, got one that is not. Leave such rows out, or give them a cost.")
    weight = costs.astype(xp.float64) ** gamma
    return xp.where(scores < 0, scores * weight, scores / weight)
