"""Rolling windows over an integer index within each key, as array operations.

Rows are sorted by key and index; the rows of a window are then a range ``[first, last)`` of the sorted rows, found by binary search, and
each aggregate is a reduction over ranges. Ranges overlap, so each is put together of blocks whose lengths are powers of two: a few whole
array operations for each power, in whichever array library the rows are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

FUNCTIONS = ("min", "max", "sum", "mean", "count", "std", "var", "median", "quantile", "first", "last")
SAME_DTYPE = ("min", "max", "first", "last")
_GATHERED = 1 << 22
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def window_ranges(key: Any, index: Any, start: int, stop: int, xp: Any = np) -> tuple[Any, Any, Any]:
    """Return the sorting order of the rows, and for each sorted row the first and past-the-last sorted row of its window.

    Rows that are in order already are not sorted again: their order is ``slice(None)``, which as an index changes nothing.

    Parameters
    ----------
    key
        [n_rows] int64, a code per key.
    index
        [n_rows] int64, the position within the key; need not be sorted or unique.
    start, stop
        The window holds the rows of the same key with index in ``[index + start, index + stop)``.
    xp
        The array library: NumPy, or CuPy for arrays on a device.
    """
    order = slice(None) if _in_order(key, index) else xp.lexsort(xp.stack((index, key)))
    key, index = key[order], index[order]
    if len(index) == 0:
        return order, index, index
    changed = xp.zeros(len(key), dtype=xp.int64)
    changed[1:] = key[1:] != key[:-1]
    number = xp.cumsum(changed)
    place, begin, end, width = _places(index, start, stop, int(number[-1]) + 1, xp)
    floor = number * width
    code = floor + place
    first = xp.searchsorted(code, floor + begin, side="left")
    last = xp.searchsorted(code, floor + end, side="left")
    return order, first, xp.maximum(first, last)


def _places(index: Any, start: int, stop: int, n_keys: int, xp: Any) -> tuple[Any, Any, Any, int]:
    """Return each row's place within its key and where its window begins and ends, from 0 up to a width by which keys can be kept apart.

    A place is the index itself from its least value on, where 64 bits hold that for all keys; else its rank among all values there are.
    """
    low = int(index.min()) + min(start, 0)
    width = int(index.max()) + max(stop, 0) - low + 2
    if n_keys * width <= _MOST and low >= _LEAST:
        place = index - low
        return place, xp.maximum(place + start, 0), xp.clip(place + stop, 0, width - 1), width
    values = xp.unique(index)
    begin, end = (_rank(values, index, by, xp) for by in (start, stop))
    return xp.searchsorted(values, index), begin, end, len(values) + 1


def _rank(values: Any, index: Any, by: int, xp: Any) -> Any:
    """Return how many of the sorted values are less than each index moved by a number, neither of which 64 bits need hold."""
    least, most = max(_LEAST, _LEAST - by), min(_MOST, _MOST - by)  # what can be moved and is still a number of 64 bits
    beyond = len(values) if by > 0 else 0
    if least > most:
        return xp.full(len(index), beyond)
    fits = (index >= least) & (index <= most)
    half = by // 2
    moved = xp.where(fits, index, least) + half + (by - half)
    return xp.where(fits, xp.searchsorted(values, moved, side="left"), beyond)


def _in_order(key: Any, index: Any) -> bool:
    """Whether the rows are in the order of their keys, and within a key of their index."""
    return bool(((key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (index[1:] >= index[:-1]))).all())


def reduce_ranges(data: Any, valid: Any, first: Any, last: Any, function: str, xp: Any = np) -> tuple[Any, Any]:
    """Return the function of ``data[first:last]`` for each range, and which ranges hold a value.

    A minimum or maximum passes over NaN unless there is nothing else. Sums of whole numbers wrap; a mean is taken in float64.

    Parameters
    ----------
    data, valid
        [n_rows] the numbers in sorted order, and which of them are there.
    function
        ``min``, ``max``, ``sum``, ``mean``, ``count``, ``std`` and ``var`` (of a sample, from two values on), ``median``,
        ``quantile:0.9`` (linear between two values), ``first`` or ``last``. Quantiles pass over NaN.
    xp
        The array library: NumPy, or CuPy for arrays on a device.

    Examples
    --------
    >>> values, there = np.array([1.0, 5.0, 3.0]), np.array([True, False, True])
    >>> reduce_ranges(values, there, np.array([0, 1]), np.array([2, 3]), "max")
    (array([1., 3.]), array([ True,  True]))
    """
    running = xp.zeros(len(valid) + 1, dtype=xp.int64)
    running[1:] = xp.cumsum(valid)
    counts = running[last] - running[first]
    if function == "count":
        return counts, xp.ones(len(first), dtype=bool)
    if function in ("first", "last"):
        return _ended(data, valid, first, last, function, xp), counts > 0
    if function in ("std", "var"):
        spread = _spread(data.astype(np.float64), valid, first, last, xp)
        return spread if function == "var" else xp.sqrt(spread), counts > 1
    if function == "median" or function.startswith("quantile:"):
        level = 0.5 if function == "median" else float(function.partition(":")[2])
        made = _quantiles(xp.where(valid, data.astype(np.float64), np.nan), first, last, level, xp)
        return made, counts > 0
    if function in ("sum", "mean"):
        data = data.astype(np.float64 if function == "mean" else _wide(data.dtype))
        with np.errstate(over="ignore", invalid="ignore"):  # the sum of both infinities is NaN; a block may even hold those of two keys
            total = _folded(xp.where(valid, data, data.dtype.type(0)), first, last, xp.add, data.dtype.type(0), xp)
        if function == "sum":
            return total, xp.ones(len(first), dtype=bool)
        return total / xp.maximum(counts, 1), counts > 0
    neutral = _neutral(data.dtype, function)
    ufunc = xp.fmin if function == "min" else xp.fmax
    return _folded(xp.where(valid, data, neutral), first, last, ufunc, neutral, xp), counts > 0


def roll_arrays(
    key: Any, index: Any, columns: Sequence[tuple[Any, Any, str]], start: int, stop: int, xp: Any = np
) -> list[tuple[Any, Any]]:
    """Return, for each column, the aggregate of every row's window and whether there is one, in the order of the rows.

    Parameters
    ----------
    key, index
        See `window_ranges`.
    columns
        Numbers, which of them are there, and the function, for each aggregate.
    """
    order, first, last = window_ranges(key, index, start, stop, xp)
    made = []
    for data, valid, function in columns:
        rows = order
        if function in ("first", "last") and len(data):  # rows of one index in the order of their values
            place = xp.unique(xp.where(valid, data, data.dtype.type(0)), return_inverse=True)[1]
            rows = xp.lexsort(xp.stack((place, index, key)))
        reduced, there = reduce_ranges(data[rows], valid[rows], first, last, function, xp)
        values, known = xp.empty_like(reduced), xp.empty_like(there)
        values[order], known[order] = reduced, there
        made.append((values, known))
    return made


def _wide(dtype: Any) -> Any:
    """Return the dtype that sums are taken in."""
    return dtype if dtype.itemsize == 8 else np.dtype(np.float64 if dtype.kind == "f" else np.int64)


def _neutral(dtype: Any, function: str) -> Any:
    """Return the value that never wins a minimum or maximum."""
    if dtype.kind == "f":
        return dtype.type(np.nan)  # fmin and fmax pass over NaN unless all is NaN
    limits = np.iinfo(dtype)
    return dtype.type(limits.max if function == "min" else limits.min)


def _folded(values: Any, first: Any, last: Any, ufunc: Any, neutral: Any, xp: Any) -> Any:
    """Return the reduction of each range; of an empty one, the neutral value.

    After step k, ``blocks[i]`` is the reduction of ``values[i : i + 2**k]``; a range takes the blocks of the ones in its length.
    """
    made = xp.full(len(first), neutral, dtype=values.dtype)
    lengths, at, blocks = last - first, first.copy(), values
    longest = int(lengths.max()) if len(lengths) else 0
    for power in range(longest.bit_length()):
        size = 1 << power
        taken = xp.flatnonzero(lengths & size)
        made[taken] = ufunc(made[taken], blocks[at[taken]])
        at[taken] += size
        if 2 * size <= longest:
            blocks = ufunc(blocks[: len(blocks) - size], blocks[size:])
    return made


def _ended(data: Any, valid: Any, first: Any, last: Any, function: str, xp: Any) -> Any:
    """Return the first or the last value that is there of each range; where there is none, some value."""
    there = xp.flatnonzero(valid)
    if not len(there):
        return xp.zeros(len(first), data.dtype)
    before = xp.concatenate([xp.zeros(1, xp.int64), xp.cumsum(valid)])  # how many are there before each place
    number = before[last] - 1 if function == "last" else before[first]
    return data[there[xp.clip(number, 0, len(there) - 1)]]


def _spread(data: Any, valid: Any, first: Any, last: Any, xp: Any) -> Any:
    """Return the variance of each range's values, of a sample.

    Means and sums of squared deviations of blocks are put together as sums are (Chan, Golub and LeVeque, 1979), so that values far from
    0, and other windows' values, cost no digits. Values that are not there are left out first: a block of some length then has so many.
    Beside an infinite value there is no deviation that is a number.
    """
    if not valid.all():
        before = xp.concatenate([xp.zeros(1, xp.int64), xp.cumsum(valid)])
        data, first, last = data[valid], before[first], before[last]
    data = xp.where(xp.isinf(data), np.nan, data)
    lengths, at = last - first, first.copy()
    mean, square = xp.zeros(len(first)), xp.zeros(len(first))
    longest = int(lengths.max()) if len(lengths) else 0
    means, squares, size = data, xp.zeros(len(data)), 1
    with np.errstate(invalid="ignore", over="ignore"):
        while size <= longest:
            taken = xp.flatnonzero(lengths & size)
            place = at[taken]
            at[taken] = place + size
            had = lengths[taken] & (size - 1)
            apart = means[place] - mean[taken]
            share = size / (had + size)
            begun = had > 0  # before that there is no mean to be apart from
            square[taken] += squares[place] + xp.where(begun, apart * apart * (had * share), 0.0)
            mean[taken] = xp.where(begun, mean[taken] + apart * share, means[place])
            if 2 * size <= longest:
                apart = means[size:] - means[:-size]
                squares = squares[:-size] + squares[size:] + apart * apart * (size / 2)
                means = means[:-size] + apart / 2
            size *= 2
        return square / xp.maximum(lengths - 1, 1)


def _quantiles(data: Any, first: Any, last: Any, level: float, xp: Any) -> Any:
    """Return a quantile of each range's values that are there; ranges of about one length are sorted together, some at a time."""
    made = xp.full(len(first), np.nan)
    lengths = last - first
    order = xp.argsort(lengths)
    order = order[lengths[order] > 0]
    begin = 0
    while begin < len(order):
        longest = int(lengths[order[min(len(order) - 1, begin + max(1, _GATHERED // int(lengths[order[begin]]) // 2))]])
        end = min(len(order), begin + max(1, _GATHERED // longest))
        chosen = order[begin:end]
        places = first[chosen, None] + xp.arange(int(lengths[chosen].max()))
        values = xp.where(places < last[chosen, None], data[xp.clip(places, None, len(data) - 1)], np.nan)
        made[chosen] = _of_sorted(xp.sort(values, axis=1), level, xp)
        begin = end
    return made


def _of_sorted(values: Any, level: float, xp: Any) -> Any:
    """Return a quantile of each row of values in ascending order, in which NaN stands last and counts for nothing."""
    n_values = (~xp.isnan(values)).sum(axis=1)
    place = level * xp.maximum(n_values - 1, 0)
    lower = xp.floor(place).astype(np.int64)
    upper = xp.minimum(lower + 1, xp.maximum(n_values - 1, 0))
    rows = xp.arange(len(values))
    low, high, part = values[rows, lower], values[rows, upper], place - lower
    return xp.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))
