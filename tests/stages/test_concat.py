from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.stages.concat import Concat
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_table_stage
from gpupipe.testing.strategies import ANYTHING, tables


def test_columns_may_come_in_another_order() -> None:
    made = Concat().apply(pl.DataFrame({"a": [1], "b": ["x"]}), pl.DataFrame({"b": ["y"], "a": [2]}))
    assert made.to_dict(as_series=False) == {"a": [1, 2], "b": ["x", "y"]}


def test_columns_that_a_table_lacks_are_missing() -> None:
    one, other = pa.table({"a": [1]}), pa.table({"a": [2], "b": pa.array([True])})
    made = check_table_stage(Concat("diagonal"), one, other)
    assert sorted(made.to_pylist(), key=lambda row: row["a"]) == [{"a": 1, "b": None}, {"a": 2, "b": True}]


@given(tables(), tables())
def test_law(one: pa.Table, other: pa.Table) -> None:
    made = check_table_stage(Concat(), one, other.select(ANYTHING.names[::-1]))
    assert_same_rows(made, pa.concat_tables([one, other]))


def test_one_table_is_itself() -> None:
    check_table_stage(Concat(), pa.table({"a": [1]}))


def test_option() -> None:
    with pytest.raises(UsageError, match=r"^Concat expects how to be 'vertical' or 'diagonal', got 'down'\.$"):
        Concat("down")  # type: ignore[arg-type]


def test_tables_that_differ() -> None:
    one = pl.DataFrame({"a": [1]})
    message = r"^Concat expects the same columns in every table, but table 1 differs in \['b'\]\. Use how='diagonal'\.$"
    with pytest.raises(ColumnError, match=message):
        Concat().apply(one, pl.DataFrame({"a": [1], "b": [1]}))
    with pytest.raises(DtypeError, match=r"^Concat expects one dtype a column, got Int64 and String in 'a'\. Cast one of them\.$"):
        Concat("diagonal").apply(one, pl.DataFrame({"a": ["1"]}))
