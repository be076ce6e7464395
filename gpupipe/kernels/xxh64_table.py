"""XXH64 of the rows of Arrow tables: each column in one form for its kind, hashed by `kernels/xxh64.py` and mixed in.

Numbers that lie in memory as they are hashed go through block by block: a block of values is read, hashed and mixed into its rows' hashes
while it is in the cache, so that a column of them costs no memory of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.errors import ColumnError, DtypeError, UsageError, listing, nearest
from gpupipe.kernels.xxh64 import BLOCK, Hashes, absorb, avalanche, canonicalise_floats, null_hash, started, xxh64_bytes, xxh64_fixed


def hash_table(table: pa.Table, columns: Sequence[str], seed: int = 0, *, single: bool = False) -> Hashes:
    """Return one hash for each row, made of the values in `columns`, in that order.

    Before hashing, integers and booleans become int64 (uint64 keeps its bits), floats float64, dates days, timestamps
    microseconds (nanoseconds rounded down), decimals their digits without exponent; strings and binaries are their bytes; a
    dictionary column hashes as its values. So equal values hash equal whatever the width of their column, except that an
    integer and a float differ, and so do decimals of another scale (1.5 and 1.50). A null hashes to `null_hash`.

    Parameters
    ----------
    single
        Whether floats are rounded to single precision first.

    Raises
    ------
    UsageError
        `columns` is empty.
    ColumnError
        A column is not in the table.
    DtypeError
        A column's dtype has no such form: nested, time of day, duration, interval.

    Examples
    --------
    >>> narrow, wide = pa.array([1, None], pa.int8()), pa.array([1, None], pa.int64())
    >>> hash_table(pa.table({"a": narrow}), ["a"]) == hash_table(pa.table({"a": wide}), ["a"])
    array([ True,  True])
    """
    if not columns:
        raise UsageError("hash_table expected at least one column to hash, got none. Name the columns that identify a row.")
    known = table.column_names
    for name in columns:
        if name not in known:
            raise ColumnError(f"No column {name!r} to hash; the table has {listing(known)}.{nearest(name, known)}")
    hashes = np.empty(table.num_rows, np.uint64)
    hasher = _Hasher(seed, single, np.empty((2, min(len(hashes), BLOCK)), np.uint64))
    for number, name in enumerate(columns):
        at = 0
        for chunk in table.column(name).chunks:
            hasher.enter(hashes[at : at + len(chunk)], chunk, name, is_first=number == 0)
            at += len(chunk)
    return hashes


@dataclass(frozen=True)
class _Hasher:
    """Enters columns into the hashes of rows, block by block."""

    seed: int
    single: bool
    room: npt.NDArray[np.uint64]  # two blocks: what is hashed, and what is made on the way

    def enter(self, hashes: Hashes, array: pa.Array, name: str, *, is_first: bool) -> None:
        """Enter the values of one array into the hashes of its rows, which hold nothing yet where it is the first column's."""
        numbers = _plain_numbers(array)
        whole = _hash_array(array, name, self.seed) if numbers is None else np.empty(0, np.uint64)
        missing = array.is_null().to_numpy(zero_copy_only=False) if numbers is not None and array.null_count else None
        for at in range(0, len(hashes), BLOCK):
            mine = hashes[at : at + BLOCK]
            lanes, spare = self.room[:, : len(mine)]
            if numbers is None:
                np.copyto(lanes, whole[at : at + BLOCK])
            else:
                self._hash_numbers(numbers[at : at + BLOCK], lanes, spare)
                if missing is not None:
                    lanes[missing[at : at + BLOCK]] = np.uint64(null_hash(self.seed))
            if not is_first:
                absorb(mine, lanes, spare)
                avalanche(lanes, spare)
            np.copyto(mine, lanes)

    def _hash_numbers(self, values: npt.NDArray[Any], lanes: Hashes, spare: Hashes) -> None:
        """Put the hashes of numbers into the lanes."""
        if values.dtype.kind == "f":
            if self.single and values.dtype == np.float64:
                with np.errstate(over="ignore", invalid="ignore"):  # what is too large is infinite
                    values = np.multiply(values, 1, out=spare.view(np.float32)[: len(values)], casting="same_kind")
            np.copyto(lanes.view(np.float64), values)
            canonicalise_floats(lanes)
        else:
            np.copyto(lanes if values.dtype == np.uint64 else lanes.view(np.int64), values)
        absorb(started(self.seed), lanes, spare)
        avalanche(lanes, spare)


def _plain_numbers(array: pa.Array) -> npt.NDArray[Any] | None:
    """The values of an array that are hashed as they lie in memory, with any value in place of a null; None for other arrays."""
    types, dtype = pa.types, array.type
    if types.is_integer(dtype) or types.is_floating(dtype):
        numbers = np.dtype(dtype.to_pandas_dtype())
    elif types.is_date32(dtype):
        numbers = np.dtype(np.int32)
    elif types.is_timestamp(dtype) and dtype.unit == "us":
        numbers = np.dtype(np.int64)
    else:
        return None
    held = array.buffers()[1]
    return np.frombuffer(held, numbers)[array.offset : array.offset + len(array)] if held is not None else np.empty(0, numbers)


def _hash_array(array: pa.Array, name: str, seed: int) -> Hashes:
    if pa.types.is_dictionary(array.type):
        of_values = np.append(_hash_array(array.dictionary, name, seed), np.uint64(null_hash(seed)))
        indices = pc.fill_null(array.indices.cast(pa.int64()), len(array.dictionary))
        hashes: Hashes = of_values[indices.to_numpy(zero_copy_only=False)]
        return hashes
    if pa.types.is_null(array.type):
        return np.full(len(array), null_hash(seed), np.uint64)
    hashes = _hash_values(array, name, seed)
    if array.null_count:
        hashes[array.is_null().to_numpy(zero_copy_only=False)] = np.uint64(null_hash(seed))
    return hashes


def _hash_values(array: pa.Array, name: str, seed: int) -> Hashes:
    """The hashes of an array's values; what it says of a null is to be overwritten."""
    dtype, types = array.type, pa.types
    if types.is_decimal(dtype):
        array = _decimal_text(array)
    elif types.is_string(dtype) or types.is_large_string(dtype) or types.is_binary(dtype) or types.is_large_binary(dtype):
        pass
    elif types.is_string_view(dtype) or types.is_binary_view(dtype) or types.is_fixed_size_binary(dtype):
        array = array.cast(pa.large_binary() if not types.is_string_view(dtype) else pa.large_string())
    else:
        return np.asarray(xxh64_fixed(_numbers(array, name), seed))
    wide = types.is_large_string(array.type) or types.is_large_binary(array.type)
    _, offsets, data = array.buffers()
    if len(array) == 0 or offsets is None:
        return np.empty(0, np.uint64)
    positions = np.frombuffer(offsets, np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1]
    text = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return xxh64_bytes(text, positions, seed)


def _numbers(array: pa.Array, name: str) -> npt.NDArray[Any]:
    """The array's values as int64, uint64 or float64, with any value in place of a null."""
    dtype, types = array.type, pa.types
    if types.is_uint64(dtype):
        target = dtype
    elif types.is_integer(dtype) or types.is_boolean(dtype) or types.is_timestamp(dtype):
        target = pa.int64()
    elif types.is_floating(dtype):
        target = pa.float64()
    elif types.is_date(dtype):
        array = array.cast(pa.date32()).cast(pa.int32())
        target = pa.int64()
    else:
        raise DtypeError(
            f"Column {name!r} is {dtype}, which has no hash; expected numbers, booleans, text, bytes, dates, timestamps, decimals "
            "or a dictionary of these. Cast it, or leave it out of the key."
        )
    numbers: npt.NDArray[Any] = pc.fill_null(array.cast(target), pa.scalar(0, target)).to_numpy(zero_copy_only=False)
    if not types.is_timestamp(dtype):
        return numbers
    scale = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}[dtype.unit]
    return numbers // 1_000 if dtype.unit == "ns" else numbers * scale


def _decimal_text(array: pa.Array) -> pa.Array:
    text = array.cast(pa.string())
    if not pc.any(pc.match_substring(text, "E")).as_py():
        return text
    return pa.array([None if value is None else format(Decimal(value), "f") for value in text.to_pylist()], pa.string())
