"""XXH64 of columns on the device, the same as `gpupipe.kernels.xxh64` makes of them on the host.

Numbers go through the very kernel, on CuPy arrays. Text goes through cuDF's ``hash_values(method="xxhash64")``, which is XXH64 of the
UTF-8 bytes with the seed; what it makes of a missing value is replaced by the kernel's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import cudf
import cupy as cp
import numpy as np

from gpupipe.core.errors import DtypeError
from gpupipe.engines.cudf.frames import null_mask, numbers_of
from gpupipe.kernels.xxh64 import combine, null_hash, xxh64_fixed

_DECIMALS = (cudf.Decimal32Dtype, cudf.Decimal64Dtype, cudf.Decimal128Dtype)
_INTO_MICROSECONDS = {"ns": (1000, 1), "us": (1, 1), "ms": (1, 1000), "s": (86_400, 1)}  # seconds are dates, which hash as days


def hash_frame(frame: Any, columns: Sequence[str], seed: int) -> Any:
    """Return a CuPy array of one hash for each row, made of the columns' values in that order."""
    return reduce(combine, (hash_column(frame[name], name, seed) for name in columns))


def hash_column(column: Any, name: str, seed: int) -> Any:
    """Return a CuPy array of each value's hash.

    Raises
    ------
    DtypeError
        The column is of a dtype that has no hash.
    """
    if isinstance(column.dtype, cudf.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    missing = null_mask(column)
    if isinstance(column.dtype, _DECIMALS):
        column = column.astype("str")
    hashes = _text_hashes(column, seed) if column.dtype.kind == "O" or str(column.dtype) == "str" else _number_hashes(column, name, seed)
    return cp.where(missing, np.uint64(null_hash(seed)), hashes)


def _text_hashes(column: Any, seed: int) -> Any:
    """Return the hashes of text."""
    if isinstance(column.dtype, cudf.ListDtype | cudf.StructDtype):
        msg = (
            f"Column {column.name!r} is {column.dtype}, which has no hash; expected numbers, text, dates or times. Leave it out of the key."
        )
        raise DtypeError(msg)
    return column.hash_values(method="xxhash64", seed=seed % 2**64).to_cupy()


def _number_hashes(column: Any, name: str, seed: int) -> Any:
    """Return the hashes of numbers, booleans, dates and times, in the forms that `hash_table` brings them to."""
    kind = column.dtype.kind
    if kind == "m" or kind not in "iufbM":
        msg = f"Column {name!r} is {column.dtype}, which has no hash; expected numbers, text, dates or times. Cast it, or leave it out."
        raise DtypeError(msg)
    numbers = numbers_of(column)
    if kind == "f":
        return xxh64_fixed(numbers.astype(cp.float64), seed)
    if kind == "M":
        unit = column.dtype.unit if hasattr(column.dtype, "unit") else np.datetime_data(column.dtype)[0]
        divisor, factor = _INTO_MICROSECONDS[unit]
        numbers = numbers // divisor * factor
    return xxh64_fixed(numbers if numbers.dtype == np.uint64 else numbers.astype(cp.int64), seed)
