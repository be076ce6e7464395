from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from gpupipe.testing.strategies import ANYTHING, cut_tables, cuts, tables, values

SEEK = settings(max_examples=2_000, derandomize=True, database=None)


def test_hostile_tables_are_among_them() -> None:
    def some(column: pa.ChunkedArray) -> bool:
        return bool(pc.any(column, min_count=0).as_py())

    hostile = {
        "no rows": lambda table: table.num_rows == 0,
        "one row": lambda table: table.num_rows == 1,
        "missing": lambda table: table["key"].null_count > 0,
        "NaN": lambda table: some(pc.is_nan(table["amount"])),
        "infinite": lambda table: some(pc.is_inf(table["amount"])),
        "repeated keys": lambda table: len(table["key"].drop_null()) > len(table["key"].drop_null().unique()),
        "extreme": lambda table: some(pc.equal(table["key"], (1 << 63) - 1)),
        "not ASCII": lambda table: some(pc.invert(pc.string_is_ascii(table["text"]))),
    }
    for condition in hostile.values():
        find(tables(), condition, settings=SEEK)


@given(tables(max_rows=5, nan=False, bounds={"small": (-1, 4), "amount": (0.0, 1.0)}))
def test_promises(table: pa.Table) -> None:
    assert table.schema == ANYTHING
    assert table.num_rows <= 5
    assert not {value for value in table["small"].to_pylist() if value is not None} - set(range(-1, 5))
    assert all(0 <= value <= 1 for value in table["amount"].drop_null().to_pylist())
    assert all(value == value and abs(value) < 1e39 for value in table["ratio"].drop_null().to_pylist())


@given(tables(pa.schema([pa.field("a", pa.int8(), nullable=False)])))
def test_columns_that_cannot_be_missing_are_not(table: pa.Table) -> None:
    assert table["a"].null_count == 0


@given(st.integers(0, 9).flatmap(lambda n_rows: st.tuples(st.just(n_rows), cuts(n_rows))), cut_tables())
def test_cuts_are_places_in_order(cut: tuple[int, tuple[int, ...]], table: tuple[pa.Table, tuple[int, ...]]) -> None:
    for n_rows, places in (cut, (table[0].num_rows, table[1])):
        assert list(places) == sorted(places)
        assert all(0 <= place <= n_rows for place in places)


def test_type_without_a_strategy() -> None:
    message = r"^Expected a boolean, integer, float, text, date or timestamp\[us, ms\] type, got duration\[s\]\."
    with pytest.raises(TypeError, match=message):
        values(pa.duration("s"))
