"""The row of a table that is nearest in time to each row of another one, within each key, as array operations."""

from __future__ import annotations

from typing import Any

import numpy as np


def asof_places(
    key: Any,
    at: Any,
    other_key: Any,
    other_at: Any,
    strategy: str,
    tolerance: int | None,
    *,
    exact: bool = True,
    xp: Any = np,
) -> Any:
    """Return for each row the place of the other table's row that it is joined to, or -1.

    Parameters
    ----------
    key, at
        [n_rows] int64: a code per key, and the point in time.
    other_key, other_at
        [n_others] int64; among rows of one time, a later place comes later.
    strategy
        ``"backward"``: the last one that is no later; ``"forward"``: the first one that is no earlier; ``"nearest"``: the closer of both,
        the later one where they are as close.
    tolerance
        How far apart the times may be.
    exact
        Whether a row of the same time counts.

    Examples
    --------
    >>> asof_places(np.array([0, 0]), np.array([5, 0]), np.array([0, 0]), np.array([1, 4]), "backward", None).tolist()
    [1, -1]
    """
    if len(other_at) == 0 or len(at) == 0:
        return xp.full(len(at), -1)
    order = xp.lexsort(xp.stack((other_at, other_key)))
    times, place = xp.unique(xp.concatenate([at, other_at]), return_inverse=True)
    codes = xp.concatenate([key, other_key]) * len(times) + place
    code, ordered = codes[: len(at)], codes[len(at) :][order]
    before = xp.searchsorted(ordered, code, side="right" if exact else "left") - 1
    after = xp.searchsorted(ordered, code, side="left" if exact else "right")
    if strategy == "nearest":  # of several rows of one time, the last one
        after = xp.searchsorted(ordered, ordered[xp.clip(after, 0, len(order) - 1)], side="right") - 1 + (after == len(order))
    key_of, at_of = other_key[order], other_at[order]
    gaps = []
    for found, sign in ((before, 1), (after, -1)):
        inside = xp.clip(found, 0, len(order) - 1)
        gap = sign * (at - at_of[inside])
        known = (found >= 0) & (found < len(order)) & (key_of[inside] == key)
        known &= gap <= tolerance if tolerance is not None else True
        gaps.append((known, gap, order[inside]))
    (has_before, gap_before, row_before), (has_after, gap_after, row_after) = gaps
    if strategy == "nearest":
        takes_after = has_after & (~has_before | (gap_after <= gap_before))
        return xp.where(takes_after, row_after, xp.where(has_before, row_before, -1))
    has, row = (has_before, row_before) if strategy == "backward" else (has_after, row_after)
    return xp.where(has, row, -1)
