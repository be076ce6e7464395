"""What every function here asks of arrays: their library, whether they are ids of vertices, and where ranges of rows lie."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gpupipe.core.errors import DtypeError, StageError, UsageError

LARGEST_INT32 = 2**31 - 1


def array_module(array: Any) -> Any:
    """Return the library of an array: NumPy, or CuPy for one on a device.

    Raises
    ------
    UsageError
        It is no array of either.

    Examples
    --------
    >>> array_module(np.zeros(2)).__name__
    'numpy'
    """
    if isinstance(array, np.ndarray):
        return np
    if type(array).__module__.partition(".")[0] == "cupy":
        return sys.modules["cupy"]
    raise UsageError(f"Expected an array of NumPy or CuPy, got {type(array).__name__}. Make one of it: numpy.asarray(...).")


def id_dtype(n_vertices: int, n_stored: int) -> Any:
    """Return the dtype of ids: int32, or int64 where vertices or edges are too many for it.

    Examples
    --------
    >>> id_dtype(10, 2**31).__name__
    'int64'
    """
    return np.int32 if max(n_vertices, n_stored) <= LARGEST_INT32 else np.int64


def require_ids(ids: Any, n_vertices: int, what: str) -> None:
    """Make sure that an array has ids of vertices, 0 to ``n_vertices - 1``.

    Raises
    ------
    UsageError
        It has another number of dimensions than one.
    DtypeError
        It has no whole numbers.
    StageError
        Some are no vertices.
    """
    array_module(ids)
    if ids.ndim != 1:
        raise UsageError(f"{what} expected an array of ids with one dimension, got one of shape {tuple(ids.shape)}.")
    if ids.dtype.kind not in "iu":
        raise DtypeError(f"{what} expected ids of vertices, whole numbers, got dtype {ids.dtype}. Number the keys first, from 0 on.")
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= n_vertices):
        wrong = (ids < 0) | (ids >= n_vertices)
        first = int(ids[wrong][0])
        raise StageError(
            f"{what}: {int(wrong.sum())} of {len(ids)} ids are no vertices, {first} for one; the graph's are 0 to {n_vertices - 1}. "
            "Leave them out, or name all vertices where the graph is made."
        )


def pair_keys(first: Any, second: Any, n_vertices: int) -> Any:
    """Return one number for each pair of ids, int64, in the pairs' order.

    Examples
    --------
    >>> pair_keys(np.array([1, 0]), np.array([2, 2]), 3)
    array([5, 2])
    """
    keys = first.astype(np.int64)  # a copy, which is worked on in place
    keys *= n_vertices
    keys += second
    return keys


def pairs_of(keys: Any, n_vertices: int, dtype: Any) -> tuple[Any, Any]:
    """Return the pairs of such numbers, in a dtype of ids.

    Examples
    --------
    >>> pairs_of(np.array([5, 2]), 3, np.int32)
    (array([1, 0], dtype=int32), array([2, 2], dtype=int32))
    """
    n_vertices = max(n_vertices, 1)
    return (keys // n_vertices).astype(dtype), (keys % n_vertices).astype(dtype)


def offsets_of(ids: Any, n_vertices: int) -> Any:
    """Return where the rows of each id begin in sorted ids, and their number at the end, in the ids' dtype.

    Examples
    --------
    >>> offsets_of(np.array([0, 0, 2], np.int32), 3)
    array([0, 2, 2, 3], dtype=int32)
    """
    xp = array_module(ids)
    # Equal ids are neighbours, so where each of them begins says how many there are: a third of the time of counting them one by one.
    starts = xp.flatnonzero(first_of_equals(ids))
    counts = xp.zeros(n_vertices, ids.dtype)
    counts[ids[starts]] = xp.diff(xp.append(starts, len(ids)))
    offsets = xp.zeros(n_vertices + 1, ids.dtype)
    xp.cumsum(counts, out=offsets[1:])
    return offsets


def sums_of(ids: Any, weights: Any, n_vertices: int) -> Any:
    """Return the sum of weights for each id, float64 also where there is nothing to add.

    Examples
    --------
    >>> sums_of(np.array([2, 2]), np.array([0.5, 1.0]), 3)
    array([0. , 0. , 1.5])
    """
    xp = array_module(ids)
    return xp.bincount(ids, weights=weights, minlength=n_vertices).astype(xp.float64, copy=False)


def positions_of_ranges(starts: Any, counts: Any) -> Any:
    """Return the positions of ranges one after the other: `counts[i]` of them from `starts[i]` on.

    Examples
    --------
    >>> positions_of_ranges(np.array([5, 0]), np.array([2, 3]))
    array([5, 6, 0, 1, 2])
    """
    xp = array_module(starts)
    ends = xp.cumsum(counts, dtype=xp.int64)
    total = int(ends[-1]) if len(ends) else 0
    # Each range's start less the place where it begins in the result, so that adding the place itself gives the position.
    return xp.repeat(starts - (ends - counts), counts) + xp.arange(total)


def sums_of_ranges(values: Any, counts: Any) -> Any:
    """Return the sums of runs of values, `counts[i]` of them in run i and none of 0; of whole numbers and truth values as int64.

    Examples
    --------
    >>> sums_of_ranges(np.array([True, False, True]), np.array([1, 2]))
    array([1, 1])
    >>> sums_of_ranges(np.array([0.5, 1.0, 2.0]), np.array([2, 1]))
    array([1.5, 2. ])
    """
    xp = array_module(values)
    ends = xp.cumsum(counts)
    if values.dtype.kind == "f":
        # Differences of a running sum would be off by its rounding.
        if xp is np:
            return np.add.reduceat(values, ends - counts) if len(counts) else np.zeros(0)
        return sums_of(xp.repeat(xp.arange(len(counts)), counts), values, len(counts))
    running = xp.zeros(len(values) + 1, xp.int64)
    xp.cumsum(values, out=running[1:])
    return running[ends] - running[ends - counts]


def first_of_equals(values: Any) -> Any:
    """Return whether each of sorted values differs from the one before.

    Examples
    --------
    >>> first_of_equals(np.array([1, 1, 2]))
    array([ True, False,  True])
    """
    xp = array_module(values)
    first = xp.ones(len(values), bool)
    xp.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def smallest_of(labels: Any, n_labels: int) -> Any:
    """Return for each position the first position with its label.

    Examples
    --------
    >>> smallest_of(np.array([1, 0, 1, 2]), 3)
    array([0, 1, 0, 3])
    """
    xp = array_module(labels)
    smallest = xp.full(n_labels, len(labels), xp.int64)
    xp.minimum.at(smallest, labels, xp.arange(len(labels)))
    return smallest[labels]
