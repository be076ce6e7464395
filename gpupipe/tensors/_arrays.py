"""What every kernel here asks of an array first: its library, its dtype, whether its values are numbers; and sums in double precision."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import DtypeError, UsageError

_HOST_BLOCK, _DEVICE_BLOCK = 1 << 16, 1 << 24  # elements: on the host a block stays in the cache, on a device it is worth a launch


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


def as_floats(array: Any, what: str = "The tensor") -> Any:
    """Return the array as float32 where it is that, else as float64.

    Raises
    ------
    DtypeError
        It has no real numbers.
    """
    xp = array_module(array)
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{what} has dtype {array.dtype}; expected real numbers. Cast it to float64 or float32.")
    return array if array.dtype in (np.float32, np.float64) else array.astype(xp.float64)


def as_tensor(array: Any, *, least_order: int = 2) -> Any:
    """Return a tensor as a contiguous array of floats, the array itself where it is one.

    Raises
    ------
    UsageError
        It has fewer than `least_order` dimensions, or one of them is empty.
    DtypeError
        It has no real numbers.
    """
    tensor = as_floats(array)
    if tensor.ndim < least_order:
        raise UsageError(
            f"A decomposition expected a tensor of order {least_order} or more, got one of order {tensor.ndim} (shape {tensor.shape}). "
            "Reshape it so that each kind of index is a dimension."
        )
    if 0 in tensor.shape:
        raise UsageError(f"Dimension {tensor.shape.index(0)} of the tensor is empty (shape {tensor.shape}): there is nothing to decompose.")
    return array_module(tensor).ascontiguousarray(tensor)


def blocks_of(array: Any) -> Iterator[Any]:
    """Yield the elements of an array in its order, a flat block at a time; a contiguous one is not copied."""
    flat = array.reshape(-1)
    size = _HOST_BLOCK if isinstance(flat, np.ndarray) else _DEVICE_BLOCK
    for at in range(0, len(flat), size):
        yield flat[at : at + size]


def sum_of_squares(array: Any) -> float:
    """Return the sum of an array's squares, added up in double precision.

    Examples
    --------
    >>> sum_of_squares(np.full(3, 2.0, np.float32))
    12.0
    """
    total = 0.0
    for block in blocks_of(array):
        exact = block.astype(np.float64, copy=False)
        total = total + exact @ exact
    return float(total)


def finite_sum_of_squares(tensor: Any, hint: str = "Pass mask=~isnan(tensor) where cells are missing, or fill them.") -> float:
    """Return `sum_of_squares`, having made sure that every value is a finite number.

    Raises
    ------
    UsageError
        Some are NaN, or infinite, or too large to be squared.
    """
    xp = array_module(tensor)
    with np.errstate(over="ignore", invalid="ignore"):
        total = sum_of_squares(tensor)
    if np.isfinite(total):
        return total
    n_nan, n_infinite = (int(sum(int(is_one(block).sum()) for block in blocks_of(tensor))) for is_one in (xp.isnan, xp.isinf))
    if n_nan:
        raise UsageError(f"{n_nan} of {tensor.size} values are NaN. {hint}")
    if n_infinite:
        raise UsageError(f"{n_infinite} of {tensor.size} values are infinite. Replace them, or hide them with mask=isfinite(tensor).")
    raise UsageError("The squares of the values do not fit into double precision. Divide the tensor by its largest value.")


def inner(left: Any, right: Any) -> float:
    """Return the sum of products of two arrays of one shape, in double precision."""
    return float((left.astype(np.float64, copy=False) * right.astype(np.float64, copy=False)).sum())


def normals(xp: Any, seed: np.random.Generator, shape: Sequence[int], dtype: Any = np.float64) -> Any:
    """Return standard normal numbers, drawn on the host so that a seed means the same everywhere."""
    return xp.asarray(seed.standard_normal(tuple(shape)), dtype=dtype)


def require_mode(tensor: Any, mode: int) -> int:
    """Return the number of a dimension, counted from 0.

    Raises
    ------
    UsageError
        The tensor has no such dimension.
    """
    if not -tensor.ndim <= mode < tensor.ndim:
        raise UsageError(f"There is no mode {mode}: the tensor has modes 0 to {tensor.ndim - 1} (shape {tuple(tensor.shape)}).")
    return int(mode % tensor.ndim)


def stable_argsort(array: Any) -> Any:
    """Return the places that sort an array, equal values in their order; CuPy knows no other kind of sorting, and takes no name for it."""
    return array.argsort(kind="stable") if isinstance(array, np.ndarray) else array.argsort()


def signs_of_largest(rows: Any) -> Any:
    """Return for each row (along the last axis) the sign of its entry of largest absolute value, the first of equals; 1 for zeros."""
    xp = array_module(rows)
    at = xp.abs(rows).argmax(axis=-1)
    largest = xp.take_along_axis(rows, at[..., None], axis=-1)[..., 0]
    return xp.where(largest < 0, -1.0, 1.0).astype(rows.dtype)
