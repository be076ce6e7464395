"""What acquisition functions ask of arrays: their library, their columns, and rows a block at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError

BLOCK = 1 << 15  # rows at a time: what is made on the way stays in the cache of one core
_TOGETHER = 8  # columns that are summed before their sum goes into one of float64
TINY = 1e-38  # what stands for 0 in a logarithm: 0 log 0 is 0


def array_module(array: Any) -> Any:
    """Return the library of an array: NumPy, or CuPy for one on a device.

    Raises
    ------
    UsageError
        It is no array of either.
    """
    if isinstance(array, np.ndarray):
        return np
    if type(array).__module__.partition(".")[0] == "cupy":
        return sys.modules["cupy"]
    raise UsageError(f"Expected an array of NumPy or CuPy, got {type(array).__name__}. Make one of it: numpy.asarray(...).")


def columns_of(probabilities: Any, least: int = 1) -> list[Any]:
    """Return the columns of class-major probabilities, each of floats (of float32 at least) and as long as the others.

    Raises
    ------
    UsageError
        There are too few columns, or they are not of one length.
    """
    columns = list(probabilities)
    shapes = [tuple(getattr(column, "shape", ())) for column in columns]
    if len(columns) < least or len(set(shapes)) != 1 or len(shapes[0]) != 1:
        msg = (
            f"Expected {least} or more columns of one length, a class each ([n_classes, n_rows]), got {len(columns)} of shapes "
            f"{shapes[:3]}. Transpose an array of rows: probabilities.T."
        )
        raise UsageError(msg)
    xp = array_module(columns[0])
    wide = [column.astype(xp.float32) if column.dtype == xp.float16 else column for column in columns]  # has no number that small
    return [column if column.dtype.kind == "f" else column.astype(xp.float64) for column in wide]


def blocks(column: Any) -> Iterator[slice]:
    """Yield the rows a block at a time; on a device all at once, since each step there is a launch."""
    size = BLOCK if isinstance(column, np.ndarray) else max(1, len(column))
    for at in range(0, len(column), size):
        yield slice(at, at + size)


def entropies_of(columns: Sequence[Any]) -> Any:
    """Return the entropy of each row in nats, 0 or more: logarithms and sums of a few in the columns' own precision, of all in float64.

    Rows go by the quick way, which is right without zeros, until a block has one; from there on all may have some, as those of trees.
    """
    xp = array_module(columns[0])
    made = xp.empty(len(columns[0]), xp.float64)
    certain = False
    for rows in blocks(columns[0]):
        found = _entropy(columns, rows, certain=certain)
        if not certain and bool(xp.isnan(found).any()):
            certain = True
            found = _entropy(columns, rows, certain=True)
        made[rows] = xp.maximum(found, 0.0, out=found)  # a probability of 1 may be a last digit above it
    return made


def _entropy(columns: Sequence[Any], rows: slice, *, certain: bool) -> Any:
    """Return the entropy of some rows; NaN where a probability is 0, unless some may be, which costs a pass over each column."""
    xp = array_module(columns[0])
    total = xp.zeros(len(columns[0][rows]), xp.float64)
    made = xp.empty(len(total), columns[0].dtype)
    few = xp.empty_like(made)
    with np.errstate(divide="ignore", invalid="ignore"):
        for number, column in enumerate(columns):
            part = column[rows]
            to = made if number % _TOGETHER else few
            xp.log(xp.maximum(part, part.dtype.type(TINY), out=to) if certain else part, out=to)
            to *= part
            if to is made:
                few += made
            if number % _TOGETHER == _TOGETHER - 1 or number == len(columns) - 1:
                total -= few  # a sum in float64 of float32 takes as long as four in float32
    return total


def on_host(array: Any) -> Any:
    """Return an array in the host's memory."""
    return array if isinstance(array, np.ndarray) else array.get()
