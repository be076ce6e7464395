"""Hashes of the rows of Arrow tables agree with the reference implementation, and do not see how a column is held."""

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
from gpupipe.kernels.xxh64 import combine, null_hash, xxh64_fixed
from gpupipe.kernels.xxh64_table import hash_table

INT64 = st.integers(-(2**63), 2**63 - 1)


def hashes_of(*columns: object, seed: int = 0) -> list[int]:
    table = pa.table({f"c{i}": column for i, column in enumerate(columns)})
    return hash_table(table, table.column_names, seed).tolist()


def reference(content: bytes, seed: int = 0) -> int:
    return xxhash.xxh64_intdigest(content, seed)


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


def test_slices_with_nulls_hash_as_their_values_do() -> None:
    for array in (pa.array([7, None, -3, 4, None], pa.int16()), pa.array([0.5, None, -0.0, float("nan"), None], pa.float32())):
        assert hashes_of(array.slice(1, 3)) == hashes_of(pa.array(array.slice(1, 3).to_pylist(), array.type)) == hashes_of(array)[1:4]
    days = pa.array([dt.date(2020, 1, 1), None, dt.date(1969, 12, 31)])
    assert hashes_of(days.slice(1)) == hashes_of(days)[1:] == hashes_of(days.slice(1).cast(pa.date64()))


def test_many_rows_in_blocks_and_chunks_are_mixed_as_whole_columns_are() -> None:
    random = np.random.default_rng(5)
    whole, real, small = random.integers(-(2**62), 2**62, 150_000), random.normal(size=150_000), random.integers(0, 9, 150_000)
    expected = combine(combine(xxh64_fixed(whole, 3), xxh64_fixed(real, 3)), xxh64_fixed(small, 3))
    expected[::7] = combine(combine(xxh64_fixed(whole, 3), xxh64_fixed(real, 3)), np.full(150_000, null_hash(3), np.uint64))[::7]
    missing = np.arange(150_000) % 7 == 0
    columns = [whole, pa.chunked_array([real[:70_001], real[70_001:]]), pa.array(small.astype(np.int8), mask=missing)]
    assert hashes_of(*columns, seed=3) == expected.tolist()


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=30))
def test_single_precision_is_that_of_arrow(values: list[float | None]) -> None:
    double = pa.array(values, pa.float64())
    table = pa.table({"x": double, "n": pa.array(range(len(values)), pa.int64())})
    rounded = table.set_column(0, "x", double.cast(pa.float32(), safe=False))
    assert hash_table(table, ["x", "n"], 1, single=True).tolist() == hash_table(rounded, ["x", "n"], 1).tolist()
