"""XXH64 over columns agrees with the reference implementation, and does not see how a column is held."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.core.errors import DtypeError
from gpupipe.kernels.xxh64 import combine, xxh64_bytes, xxh64_fixed

SEEDS = st.integers(0, 2**64 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)


def bytes_column(rows: list[bytes], lead: bytes = b"") -> tuple[np.ndarray, np.ndarray]:
    offsets = len(lead) + np.cumsum([0, *map(len, rows)])
    return np.frombuffer(lead + b"".join(rows), np.uint8), offsets


def reference(content: bytes, seed: int = 0) -> int:
    return xxhash.xxh64_intdigest(content, seed)


@pytest.mark.parametrize(("text", "expected"), [(b"", 0xEF46DB3751D8E999), (b"a", 0xD24EC4F1A98C6E5B), (b"abc", 0x44BC2CF5AD770999)])
def test_the_published_vectors(text: bytes, expected: int) -> None:
    assert xxh64_bytes(*bytes_column([text])).tolist() == [expected]


@given(st.lists(st.binary(max_size=200), max_size=40), SEEDS, st.binary(max_size=9))
def test_bytes_are_the_reference(rows: list[bytes], seed: int, lead: bytes) -> None:
    assert xxh64_bytes(*bytes_column(rows, lead), seed=seed).tolist() == [reference(row, seed) for row in rows]


def test_every_length_up_to_three_stripes_and_a_long_row() -> None:
    rows = [bytes(range(n)) for n in range(100)] + [b"x" * 100_003]
    for dtype in (np.int32, np.int64):
        data, offsets = bytes_column(rows)
        assert xxh64_bytes(data, offsets.astype(dtype)).tolist() == [reference(row) for row in rows]


def test_more_rows_than_one_block() -> None:
    rows = [b"%d" % (i * i) for i in range(150_000)]
    hashes = xxh64_bytes(*bytes_column(rows))
    for i in (0, 65_535, 65_536, 131_071, 131_072, 149_999):
        assert hashes[i] == reference(rows[i])
    integers = np.arange(150_000) - 75_000
    hashes = xxh64_fixed(integers)
    for i in (0, 65_535, 65_536, 131_072, 149_999):
        assert hashes[i] == reference(struct.pack("<q", integers[i]))


@given(st.lists(INT64), SEEDS)
def test_integers_are_the_reference(values: list[int], seed: int) -> None:
    array = np.array(values, np.int64)
    expected = [reference(struct.pack("<q", value), seed) for value in values]
    assert xxh64_fixed(array, seed).tolist() == expected
    assert xxh64_fixed(array.view(np.uint64), seed).tolist() == expected
    assert xxh64_fixed(np.repeat(array, 2)[::2], seed).tolist() == expected
    assert array.tolist() == values


@given(st.lists(st.floats()), SEEDS)
def test_floats_are_the_reference_once_canonical(values: list[float], seed: int) -> None:
    canonical = [float("nan") if value != value else value + 0.0 for value in values]
    expected = [reference(struct.pack("<d", value), seed) for value in canonical]
    assert xxh64_fixed(np.array(values, np.float64), seed).tolist() == expected


def test_all_nans_are_one_and_both_zeros() -> None:
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0x7FFFFFFFFFFFFFFF], np.uint64)
    assert len(set(xxh64_fixed(bits.view(np.float64)).tolist())) == 1
    assert len(set(xxh64_fixed(np.array([0.0, -0.0])).tolist())) == 1


@pytest.mark.parametrize("dtype", ["int32", "float32", ">i8", "bool", "datetime64[us]"])
def test_other_items_are_refused(dtype: str) -> None:
    with pytest.raises(DtypeError, match=r"expected int64, uint64 or float64 items, got .*Cast the array first"):
        xxh64_fixed(np.zeros(3, dtype))


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_combine_is_the_step_of_the_specification(left: int, right: int) -> None:
    def turn(value: int, n_bits: int) -> int:
        return ((value << n_bits) | (value >> (64 - n_bits))) % 2**64

    p1, p2, p3, p4 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63
    h = (turn(left ^ turn(right * p2 % 2**64, 31) * p1 % 2**64, 27) * p1 + p4) % 2**64
    h = (h ^ h >> 33) * p2 % 2**64
    h = (h ^ h >> 29) * p3 % 2**64
    assert combine(np.array([left], np.uint64), np.array([right], np.uint64)).tolist() == [h ^ h >> 32]


def test_combine_leaves_its_arguments() -> None:
    left, right = np.arange(3, dtype=np.uint64), np.arange(3, 6, dtype=np.uint64)
    combine(left, right)
    assert left.tolist() == [0, 1, 2] and right.tolist() == [3, 4, 5]
