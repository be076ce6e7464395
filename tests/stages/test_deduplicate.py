from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.stages.deduplicate import Deduplicate
from gpupipe.testing.compare import rows_of
from gpupipe.testing.laws import check_key_stage
from gpupipe.testing.strategies import tables

SCHEMA = pa.schema([("k", pa.int64()), ("s", pa.large_string()), ("t", pa.int32()), ("b", pa.bool_())])
FLOATS = pa.schema([("k", pa.int8()), ("x", pa.float64())])


def test_first_and_last() -> None:
    frame = pl.DataFrame({"k": [1, 1, None, None], "t": [2, 1, 5, 6]})
    assert sorted(Deduplicate("k", order="t").apply(frame)["t"].to_list()) == [1, 5]
    assert sorted(Deduplicate("k", order="t", keep="last").apply(frame)["t"].to_list()) == [2, 6]


def test_whole_rows(awkward: pa.Table) -> None:
    made = check_key_stage(Deduplicate(), pa.concat_tables([awkward, awkward]))
    assert made.num_rows == awkward.num_rows


@given(tables(SCHEMA), st.sampled_from(["first", "last"]))
def test_law(table: pa.Table, keep: str) -> None:
    made = check_key_stage(Deduplicate(["k", "s"], order="t", keep=keep), table)  # type: ignore[arg-type]
    keys = [row[:2] for row in rows_of(made)]
    assert set(keys) == {row[:2] for row in rows_of(table)}
    assert len(set(keys)) == len(keys)
    assert set(rows_of(made)) <= set(rows_of(table))


@given(tables(FLOATS))
def test_law_of_floats(table: pa.Table) -> None:
    made = check_key_stage(Deduplicate(), table)
    assert sorted(map(repr, set(rows_of(table)))) == sorted(map(repr, rows_of(made)))


@given(tables(FLOATS), st.sampled_from(["first", "last"]))
def test_law_of_order_by_floats(table: pa.Table, keep: str) -> None:
    check_key_stage(Deduplicate("k", order="x", keep=keep), table)  # type: ignore[arg-type]


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^Deduplicate expects keep to be 'first' or 'last', got 'any'\.$"):
        Deduplicate("k", order="t", keep="any")  # type: ignore[arg-type]
    message = r"^Deduplicate expects by and order together: which row of a key is kept must not depend on chance\. Without both, "
    for options in ({"by": "k"}, {"order": "t"}):
        with pytest.raises(UsageError, match=message):
            Deduplicate(**options)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match=r"^There is no column 'tt'\. Did you mean 't'\?"):
        Deduplicate("k", order="tt").apply(pl.DataFrame({"k": [1], "t": [1]}))


def test_key_of_lists_or_records(nested: pa.Table) -> None:
    with pytest.raises(
        DtypeError,
        match=r"^Deduplicate's by and order expects plain values, got (List|Array|Struct)\(.*\) in column 'k'\. Take out",
    ):
        Deduplicate("k", order="x").apply(pl.from_arrow(nested))
