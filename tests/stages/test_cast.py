from __future__ import annotations

import datetime as dt

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from gpupipe.core.errors import ColumnError, StageError, UsageError
from gpupipe.stages.cast import Cast
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables

FRAME = pl.DataFrame({"a": [1, None], "b": ["1", "2"]})
SMALL = pa.schema([("small", pa.int8()), ("key", pa.int64()), ("flag", pa.bool_()), ("ratio", pa.float32()), ("day", pa.date32())])


def test_some_columns_one_dtype_and_all() -> None:
    assert Cast({"a": nw.Float32, "b": nw.Int8}).apply(FRAME).schema == {"a": pl.Float32, "b": pl.Int8}
    assert Cast(nw.String, ["a"]).apply(FRAME)["a"].to_list() == ["1", None]
    assert Cast(nw.Int16).apply(FRAME).schema == {"a": pl.Int16, "b": pl.Int16}


def test_date_becomes_midnight() -> None:
    table = pa.table({"d": pa.array([dt.date(2020, 2, 29), None])})
    made = check_row_stage(Cast({"d": nw.Datetime("us")}), table)
    assert made["d"].to_pylist() == [dt.datetime(2020, 2, 29), None]


@given(cut_tables(SMALL))
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    wanted = {"small": nw.Int32(), "key": nw.String(), "flag": nw.Int8(), "ratio": nw.Float64(), "day": nw.Int32()}
    check_row_stage(Cast(wanted), cut[0], cuts=cut[1])


def test_value_that_does_not_fit(engine: str) -> None:
    frame = FRAME if engine == "cpu" else FRAME.to_pandas()
    with pytest.raises(StageError, match="abc|Int8|int8|300"):
        Cast({"a": nw.Int8}).apply(type(frame)({"a": [300]}))


def test_text_that_is_no_number(engine: str) -> None:
    frame = pl.DataFrame({"a": ["abc"]}) if engine == "cpu" else pl.DataFrame({"a": ["abc"]}).to_pandas()
    with pytest.raises(StageError, match="abc"):
        Cast({"a": nw.Int64}).apply(frame)


@pytest.mark.xfail(strict=True, reason="upstream: Arrow writes 1.0 as '1', Polars as '1.0' (pandas/limits.py, 'floats as text')")
def test_floats_as_text() -> None:
    check_row_stage(Cast({"x": nw.String}), pa.table({"x": [1.0]}))


def test_mapping_and_columns() -> None:
    with pytest.raises(UsageError, match=r"^Cast expects a mapping alone, or one dtype with columns, got both\.$"):
        Cast({"a": nw.Int8}, ["a"])


def test_no_dtype() -> None:
    with pytest.raises(UsageError, match=r"^Expected a narwhals dtype such as nw\.Int64 or nw\.String, got 'int'\.$"):
        Cast("int")


def test_column_that_is_not_there() -> None:
    with pytest.raises(ColumnError, match=r"^There is no column 'c'\."):
        Cast({"c": nw.Int8}).apply(FRAME)
