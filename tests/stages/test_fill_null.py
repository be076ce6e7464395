from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.stages.fill_null import FillNull
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables

FRAME = pl.DataFrame({"a": [None, 1], "s": ["x", None], "x": [None, 0.5]})


def test_one_value_fills_every_column_that_can_hold_it() -> None:
    assert FillNull(0).apply(FRAME).to_dicts() == [{"a": 0, "s": "x", "x": 0.0}, {"a": 1, "s": None, "x": 0.5}]
    assert FillNull("?").apply(FRAME)["s"].to_list() == ["x", "?"]


def test_columns_and_mappings() -> None:
    assert FillNull(7, ["a"]).apply(FRAME).to_dicts() == [{"a": 7, "s": "x", "x": None}, {"a": 1, "s": None, "x": 0.5}]
    assert FillNull({"s": "-", "x": 2}).apply(FRAME).to_dicts() == [{"a": None, "s": "x", "x": 2.0}, {"a": 1, "s": "-", "x": 0.5}]


def test_nan_is_a_number_and_stays(awkward: pa.Table) -> None:
    assert [str(value) for value in check_row_stage(FillNull({"x": 0.0}), awkward)["x"]] == [
        "1.0",
        "nan",
        "0.0",
        "2.0",
        "inf",
        "0.0",
    ]


def test_dtypes_stay(awkward: pa.Table) -> None:
    assert check_row_stage(FillNull(0), awkward).schema.types == awkward.schema.types


@given(cut_tables())
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_row_stage(FillNull({"key": -1, "text": "", "small": 5, "amount": 0.5, "flag": False}), cut[0], cuts=cut[1])
    check_row_stage(FillNull(1), cut[0], cuts=cut[1])


def test_filled_columns_are_not_null() -> None:
    from gpupipe.core.schema import as_schema  # local: only this test looks at the plan

    schema = as_schema({"a": nw.Int64, "s": nw.String})
    assert FillNull(0).plan(schema).not_null == {"a"}
    assert FillNull({"s": ""}).plan(schema).not_null == {"s"}


def test_nothing_to_fill_with() -> None:
    with pytest.raises(UsageError, match=r"^FillNull expects a value to put in place of missing ones, got None\.$"):
        FillNull(None)


@pytest.mark.parametrize(
    ("column", "value", "dtype"),
    [("a", 0.5, "Int64"), ("a", "x", "Int64"), ("s", 1, "String"), ("a", True, "Int64"), ("x", "0", "Float64")],
)
def test_value_that_the_column_cannot_hold(column: str, value: object, dtype: str) -> None:
    message = rf"^FillNull expects a value that column '{column}' of dtype {dtype} can hold, got {value!r}\.$"
    with pytest.raises(DtypeError, match=message):
        FillNull({column: value}).apply(FRAME)


@pytest.mark.parametrize(("dtype", "value"), [(nw.UInt8, -1), (nw.Int8, 300), (nw.UInt8, 256)])
def test_number_out_of_the_columns_range(dtype: type, value: int) -> None:
    frame = nw.from_native(pl.DataFrame({"a": [None, 1]})).with_columns(nw.col("a").cast(dtype))
    with pytest.raises(DtypeError, match=rf"of dtype U?Int8 can hold, got {value}\.$"):
        FillNull({"a": value}).apply(frame)


def test_column_that_is_not_there() -> None:
    with pytest.raises(ColumnError, match=r"^There is no column 'aa'\. Did you mean 'a'\?"):
        FillNull({"aa": 0}).apply(FRAME)
