"""Sorting against Python's own sort."""

from __future__ import annotations

import math
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.stages.sort_rows import SortRows
from gpupipe.testing.compare import rows_of
from gpupipe.testing.laws import check_engines_agree, check_table_stage
from gpupipe.testing.strategies import tables

SCHEMA = pa.schema([("x", pa.float64()), ("s", pa.large_string()), ("b", pa.bool_()), ("day", pa.date32()), ("n", pa.uint64())])


def rank(value: Any, *, descending: bool, nulls_last: bool) -> tuple[Any, ...]:
    """Return what a value of a number column sorts by."""
    if value is None:
        return (1 if nulls_last else -1, 0, 0)
    sign = -1 if descending else 1
    return (0, sign, 0) if math.isnan(value) else (0, 0 if sign == 1 else 1, sign * value)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_last", [False, True])
def test_nan_is_the_largest_number(descending: bool, nulls_last: bool) -> None:
    values = [2.0, None, math.nan, -math.inf, math.inf, None, math.nan, 0.0]
    stage = SortRows("x", descending=descending, nulls_last=nulls_last)
    made = check_engines_agree(stage, pa.table({"x": pa.array(values, from_pandas=False)}), ordered=True)["x"].to_pylist()
    assert str(made) == str(sorted(values, key=lambda value: rank(value, descending=descending, nulls_last=nulls_last)))


@given(tables(SCHEMA), st.tuples(*[st.booleans()] * 5), st.booleans())
def test_every_column_decides(table: pa.Table, descending: tuple[bool, ...], nulls_last: bool) -> None:
    stage = SortRows(SCHEMA.names, descending=descending, nulls_last=nulls_last)
    made = check_engines_agree(stage, table, ordered=True)
    assert sorted(map(repr, rows_of(made))) == sorted(map(repr, rows_of(table)))


@given(tables(SCHEMA))
def test_law(table: pa.Table) -> None:
    check_table_stage(SortRows(["b", "x"], descending=[True, False]), table)


@given(tables(SCHEMA), st.tuples(*[st.booleans()] * 2), st.booleans(), st.integers(0, 4))
def test_with_a_limit_ties_are_settled_by_the_other_columns(
    table: pa.Table, descending: tuple[bool, ...], nulls_last: bool, limit: int
) -> None:
    stage = SortRows(["b", "day"], descending=descending, nulls_last=nulls_last, limit=limit)
    rest = [name for name in SCHEMA.names if name not in stage.by]
    whole = SortRows([*stage.by, *rest], descending=[*descending, False, False, False], nulls_last=nulls_last)
    made, first = check_table_stage(stage, table), check_table_stage(whole, table).slice(0, limit)
    assert [repr(row) for row in rows_of(made)] == [repr(row) for row in rows_of(first)]


def test_a_limit_on_many_blocks(engine: str) -> None:
    rows = pl.DataFrame({"n": range(60)}).with_columns(x=pl.col("n") % 3, deep=pl.concat_list("n"))
    top = gp.SortRows("x", descending=True, limit=4)(gp.FromFrame(rows).node())
    made = gp.Pipeline("p", top=top, n=gp.Scalar(nw.len())(top)).run(engine)
    assert (made["top"]["n"].to_list(), made["n"]) == ([2, 5, 8, 11], 4)


@pytest.mark.parametrize("by", [["x"], ["x", "s"], ["s", "x"]])
@pytest.mark.parametrize("descending", [False, True])
def test_both_zeros_are_one_number(by: list[str], descending: bool) -> None:
    table = pa.table({"x": [0.0, -0.0, 1.0, -0.0, 0.0], "s": pa.array(["b", "a", "c", "b", "a"], pa.large_string())})
    made = check_engines_agree(SortRows(by, descending=descending), table, ordered=len(by) > 1)
    assert made.num_rows == 5


def test_text_is_sorted_by_its_bytes() -> None:
    made = check_engines_agree(SortRows("s"), pa.table({"s": pa.array(["b", "é", "B", "", "日本", "a"], pa.large_string())}), ordered=True)
    assert made["s"].to_pylist() == ["", "B", "a", "b", "é", "日本"]


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^SortRows expects one descending flag a column, got 2 for 1 columns\.$"):
        SortRows("a", descending=[True, False])
    with pytest.raises(UsageError, match=r"^SortRows' limit expects a number of rows from 0 on, got -1\.$"):
        SortRows("a", limit=-1)
    with pytest.raises(UsageError, match=r"^SortRows' by expects one column name or several, got \[\]\.$"):
        SortRows([])
    with pytest.raises(ColumnError, match=r"^There is no column 'aa'\. Did you mean 'a'\?"):
        SortRows("aa").apply(pl.DataFrame({"a": [1]}))


def test_key_of_lists_or_records(nested: pa.Table) -> None:
    with pytest.raises(
        DtypeError,
        match=r"^SortRows' by expects plain values, got (List|Array|Struct)\(.*\) in column 'k'\. Take out",
    ):
        SortRows("k").apply(pl.from_arrow(nested))
