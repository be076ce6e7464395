"""XXH64 over columns agrees with the reference implementation, and does not see how a column is held."""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.kernels.xxh64 import combine, hash_table, null_hash, xxh64_bytes, xxh64_fixed

SEEDS = st.integers(0, 2**64 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)


def bytes_column(rows: list[bytes], lead: bytes = b"") -> tuple[np.ndarray, np.ndarray]:
    offsets = len(lead) + np.cumsum([0, *map(len, rows)])
    return np.frombuffer(lead + b"".join(rows), np.uint8), offsets


def hashes_of(*columns: object, seed: int = 0) -> list[int]:
    table = pa.table({f"c{i}": column for i, column in enumerate(columns)})
    return hash_table(table, table.column_names, seed).tolist()


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


@pytest.mark.parametrize("seed", [0, 7])
def test_integers_hash_alike_at_every_width(seed: int) -> None:
    values = [0, 1, None, 100]
    expected = [reference(struct.pack("<q", v), seed) if v is not None else null_hash(seed) for v in values]
    for dtype in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
        assert hashes_of(pa.array(values, dtype), seed=seed) == expected
    assert hashes_of(pa.array([False, True, None]), seed=seed) == expected[:3]


def test_uint64_keeps_its_bits() -> None:
    assert hashes_of(pa.array([2**64 - 1], pa.uint64())) == hashes_of(pa.array([-1], pa.int64()))


def test_floats_hash_as_float64() -> None:
    values = [0.5, -0.0, float("nan"), None]
    canonical = [0.5, 0.0, float("nan")]
    expected = [reference(struct.pack("<d", value)) for value in canonical] + [null_hash()]
    for dtype in (pa.float16(), pa.float32(), pa.float64()):
        assert hashes_of(pa.array(values, dtype)) == expected


def test_text_hashes_alike_however_it_is_held() -> None:
    values = ["", "é", None, "a long one, beyond one stripe of bytes", "é"]
    expected = [null_hash() if value is None else reference(value.encode()) for value in values]
    for dtype in (pa.string(), pa.large_string(), pa.string_view()):
        array = pa.array(values, dtype)
        assert hashes_of(array) == expected
        assert hashes_of(array.slice(1, 3)) == expected[1:4]
        assert hashes_of(pa.chunked_array([array.slice(3), array.slice(0, 0), array.slice(0, 3)])) == expected[3:] + expected[:3]
    assert hashes_of(pa.array(values).dictionary_encode()) == expected
    assert hashes_of(pa.DictionaryArray.from_arrays([0, 1, None, 0], ["x", None])) == [
        reference(b"x"),
        *[null_hash()] * 2,
        reference(b"x"),
    ]


def test_bytes_hash_alike_however_they_are_held() -> None:
    values = [b"\x00\xff", None, b"ab"]
    expected = [reference(b"\x00\xff"), null_hash(), reference(b"ab")]
    for dtype in (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2)):
        assert hashes_of(pa.array(values, dtype)) == expected


def test_dates_and_times_hash_as_days_and_microseconds() -> None:
    days = pa.array([dt.date(1969, 12, 31), None, dt.date(2007, 3, 1)])
    assert hashes_of(days) == hashes_of(pa.array([-1, None, 13_573])) == hashes_of(days.cast(pa.date64()))
    seconds = pa.array([-1, 0, 1_700_000_000], pa.timestamp("s"))
    microseconds = hashes_of(pa.array([-1_000_000, 0, 1_700_000_000_000_000]))
    for dtype in (pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("us", "Asia/Tokyo")):
        assert hashes_of(seconds.cast(dtype)) == microseconds
    assert hashes_of(pa.array([-1, 999, None], pa.timestamp("ns"))) == hashes_of(pa.array([-1, 0, None]))


def test_decimals_hash_as_their_digits() -> None:
    values = [Decimal("1.50"), None, Decimal("-0.01")]
    for dtype in (pa.decimal32(5, 2), pa.decimal64(9, 2), pa.decimal128(9, 2), pa.decimal256(40, 2)):
        assert hashes_of(pa.array(values, dtype)) == [reference(b"1.50"), null_hash(), reference(b"-0.01")]
    tiny = pa.array([Decimal("0"), Decimal("1E-9"), None], pa.decimal128(12, 10))
    assert hashes_of(tiny) == [reference(b"0.0000000000"), reference(b"0.0000000010"), null_hash()]


def test_a_null_is_no_value_and_depends_on_the_seed() -> None:
    assert hashes_of(pa.nulls(2), seed=3) == [null_hash(3)] * 2
    assert null_hash(3) != null_hash(4)
    assert null_hash() not in hashes_of(pa.array(["", "\x00", "null"])) + hashes_of(pa.array([0, -1]))


def test_columns_combine_in_their_order() -> None:
    table = pa.table({"a": [1, None, 3], "b": ["x", "y", None]})
    left, right = hash_table(table, ["a"]), hash_table(table, ["b"])
    assert hash_table(table, ["a", "b"]).tolist() == combine(left, right).tolist()
    assert not np.any(hash_table(table, ["a", "b"]) == hash_table(table, ["b", "a"]))


def test_a_null_does_not_hide_the_columns_before_it() -> None:
    first, second = hashes_of(pa.array([1, 2]), pa.nulls(2, pa.int64()))
    assert first != second


@given(st.lists(st.tuples(INT64, st.none() | st.text(max_size=40)), min_size=1), st.data())
def test_chunks_do_not_matter(rows: list[tuple[int, str | None]], data: st.DataObject) -> None:
    table = pa.table({"k": pa.array([k for k, _ in rows], pa.int64()), "s": pa.array([s for _, s in rows], pa.string())})
    cut = data.draw(st.integers(0, len(rows)))
    parts = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    assert hash_table(parts, ["k", "s"], 5).tolist() == hash_table(table, ["k", "s"], 5).tolist()


def test_an_empty_table_has_no_hashes() -> None:
    for dtype in (
        pa.int32(),
        pa.string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.decimal128(5, 2),
        pa.null(),
    ):
        schema = pa.schema({"a": dtype})
        assert len(hash_table(schema.empty_table(), ["a"])) == 0
        no_rows = pa.Table.from_arrays([pa.array([], dtype)], schema=schema)
        assert hash_table(no_rows, ["a"]).dtype == np.uint64


def test_the_low_bits_of_near_keys_are_spread() -> None:
    share = np.mean(xxh64_fixed(np.arange(100_000)) % np.uint64(10) < 2)
    assert 0.19 < share < 0.21


def test_what_cannot_be_hashed_is_named() -> None:
    table = pa.table({"loan_id": [1], "path": pa.array([[1]], pa.list_(pa.int64()))})
    with pytest.raises(DtypeError, match=r"Column 'path' is list<.*leave it out of the key"):
        hash_table(table, ["loan_id", "path"])
    with pytest.raises(ColumnError, match=r"No column 'loan_idd'.*Did you mean 'loan_id'"):
        hash_table(table, ["loan_idd"])
    with pytest.raises(UsageError, match="at least one column"):
        hash_table(table, [])
