"""Rolling windows over an integer index within each key, as array operations.

Rows are sorted by key and index; the rows of a window are then a range ``[first, last)`` of the sorted rows, found by binary search, and
each aggregate is a reduction over ranges. Ranges overlap, so ``ufunc.reduceat`` gets each as a pair of positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def window_ranges(key: Ints, index: Ints, start: int, stop: int) -> tuple[Ints, Ints, Ints]:
    """Return the sorting order of the rows, and for each sorted row the first and past-the-last sorted row of its window.

    Parameters
    ----------
    key
        [n_rows] a code per key.
    index
        [n_rows] the position within the key; need not be sorted or unique.
    start, stop
        The window holds the rows of the same key with index in ``[index + start, index + stop)``.
    """
    order = np.lexsort((index, key))
    key, index = key[order], index[order]
    if len(index) == 0:
        return order, order, order
    low = int(index.min()) + min(start, 0)
    width = int(index.max()) + max(stop, 0) - low + 2
    code = np.cumsum(np.concatenate(([0], (np.diff(key) != 0).astype(np.int64)))) * width + (index - low)
    floor = code - (index - low)
    first = np.searchsorted(code, np.clip(code + start, floor, None), side="left")
    last = np.searchsorted(code, np.clip(code + stop, floor, floor + width - 1), side="left")
    return order, first, np.maximum(first, last)


def reduce_ranges(values: Floats, first: Ints, last: Ints, function: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return the function of ``values[first:last]`` for each range, and which ranges hold a value.

    Parameters
    ----------
    values
        [n_rows] the values in sorted order, missing ones masked (``numpy.ma``).
    function
        ``min``, ``max``, ``sum``, ``mean`` or ``count``.
    """
    data = np.ma.getdata(values)
    valid = ~np.ma.getmaskarray(values)
    counts = _sums(valid.astype(np.int64), first, last)
    if function == "count":
        return counts, np.ones(len(first), dtype=bool)
    if function in ("sum", "mean"):
        total = _reduceat(np.add, np.where(valid, data, 0), first, last)
        if function == "sum":
            return np.where(first < last, total, 0), np.ones(len(first), dtype=bool)
        return total / np.maximum(counts, 1), counts > 0
    neutral = _neutral(data.dtype, function)
    reduced = _reduceat(np.fmin if function == "min" else np.fmax, np.where(valid, data, neutral), first, last)
    return reduced, counts > 0


def _neutral(dtype: np.dtype[Any], function: str) -> Any:
    """Return the value that never wins a minimum or maximum."""
    if np.issubdtype(dtype, np.floating):
        return np.nan  # fmin and fmax pass over NaN unless all is NaN
    limits = np.iinfo(dtype)
    return limits.max if function == "min" else limits.min


def _sums(values: Ints, first: Ints, last: Ints) -> Ints:
    """Return exact sums of integer ranges through a running total."""
    running = np.concatenate(([0], np.cumsum(values)))
    return running[last] - running[first]


def _reduceat(ufunc: Any, values: Any, first: Ints, last: Ints) -> Any:
    """Return ``ufunc.reduce(values[first:last])`` for each range; empty ranges give whatever stands at their start."""
    padded = np.append(values, values[-1:])
    pairs = np.empty(2 * len(first), dtype=np.int64)
    pairs[0::2], pairs[1::2] = first, last
    return ufunc.reduceat(padded, np.minimum(pairs, len(values)))[0::2] if len(first) else values[:0]
