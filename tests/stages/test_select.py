from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.stages.select import Drop, Select
from gpupipe.testing.laws import check_row_stage, check_table_stage
from gpupipe.testing.strategies import cut_tables

FRAME = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [0.5, 1.5]})


def test_columns_and_expressions_come_in_their_order() -> None:
    made = Select("c", ["a"], twice=nw.col("a") * 2).apply(FRAME)
    assert made.to_dict(as_series=False) == {"c": [0.5, 1.5], "a": [1, None], "twice": [2, None]}


def test_drop_leaves_the_others() -> None:
    assert Drop("a", ["b"]).apply(FRAME).columns == ["c"]


def test_reduction_of_all_rows(awkward: pa.Table) -> None:
    stage = Select(total=nw.col("x").sum(), least=nw.col("i").min(), words=nw.col("s").n_unique(), n=nw.len())
    made = check_table_stage(stage, awkward)
    assert made.num_rows == 1
    assert str(made["total"][0]) == "nan"
    assert made.drop(["total"]).to_pylist() == [{"least": -6, "words": 5, "n": 6}]


def test_reduction_of_no_rows_is_missing(awkward: pa.Table) -> None:
    made = check_table_stage(Select(low=nw.col("x").min(), mean=nw.col("i").mean(), n=nw.len()), awkward.slice(0, 0))
    assert made.to_pylist() == [{"low": None, "mean": None, "n": 0}]


@given(cut_tables())
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_row_stage(Select("text", "amount", more=nw.col("small").cast(nw.Int64) + 1, flag=~nw.col("flag")), cut[0], cuts=cut[1])
    check_row_stage(Drop("key", "text"), cut[0], cuts=cut[1])


def test_nothing_missing_is_proven_for_columns_taken_as_they_are() -> None:
    table = pa.table({"a": [1], "b": [2]}, schema=pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.int64())]))
    check_row_stage(Select("a", "b"), table)


def test_nothing_selected() -> None:
    with pytest.raises(UsageError, match=r"^Select expects at least one column or expression, got none\.$"):
        Select()


def test_something_else_selected() -> None:
    with pytest.raises(UsageError, match=r"^Select expects narwhals expressions \(nw\.col\('a'\) \+ 1\), got int: 3\.$"):
        Select(3)


def test_column_that_is_not_there() -> None:
    with pytest.raises(ColumnError, match=r"^There is no column 'bb'\. Did you mean 'b'\? The columns are 'a', 'b', 'c'\.$"):
        Select("a", "bb").apply(FRAME)
    with pytest.raises(ColumnError, match=r"^There is no column 'B'\. Did you mean 'b'\?"):
        Drop("B").apply(FRAME)


def test_drop_of_nothing_or_of_no_name() -> None:
    with pytest.raises(UsageError, match=r"^Drop expects one column name or several, got \(\)\.$"):
        Drop()
    with pytest.raises(UsageError, match=r"^Drop expects one column name or several, got \(1,\)\.$"):
        Drop(1)
