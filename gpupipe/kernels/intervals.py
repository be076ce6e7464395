"""Which values lie in which intervals, within each key, as array operations.

Values are sorted by key, so that those of an interval are a range of them, whose ends are found by binary search. What it takes grows with
the values, the intervals and the pairs that come out, and not with values times intervals.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def interval_pairs(keys: tuple[Any, Any], value: Any, ends: tuple[Any, Any], is_open: Any, closed: str, xp: Any = np) -> tuple[Any, Any]:
    """Return the pairs of a value and an interval of one key that holds it: the values' places, and the intervals'.

    Parameters
    ----------
    keys
        [n_values] and [n_intervals] int64, from 0 on.
    value
        [n_values], in whatever dtype they are sorted by; NaN is larger than every number.
    ends
        [n_intervals] where each interval begins and ends.
    is_open
        [n_intervals] whether an interval has no end.
    closed
        Which ends belong to an interval: ``"left"``, ``"right"``, ``"both"`` or ``"none"``.

    Examples
    --------
    >>> key = np.zeros(2, dtype=np.int64)
    >>> interval_pairs((key, key), np.array([3, 9]), (np.array([0, 5]), np.array([5, 9])), np.zeros(2, dtype=bool), "both")
    (array([0, 1]), array([0, 1]))
    """
    values, place = xp.unique(xp.concatenate([value, *ends]), return_inverse=True)
    width, n_values, n_intervals = len(values) + 1, len(value), len(ends[0])
    code = keys[0] * width + place[:n_values]
    order = xp.argsort(code)
    ordered, floor = code[order], keys[1] * width
    begin, end = place[n_values : n_values + n_intervals], place[n_values + n_intervals :]
    first = xp.searchsorted(ordered, floor + begin, side="left" if closed in ("left", "both") else "right")
    last = xp.searchsorted(ordered, floor + end, side="right" if closed in ("right", "both") else "left")
    last = xp.where(is_open, xp.searchsorted(ordered, floor + width, side="left"), last)
    counts = xp.maximum(last - first, 0)
    interval = xp.repeat(xp.arange(n_intervals), counts)
    within = xp.arange(len(interval)) - xp.repeat(xp.cumsum(counts) - counts, counts)
    return order[xp.repeat(first, counts) + within], interval
