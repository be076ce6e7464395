from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError
from gpupipe.engines.load import ON_DEVICES
from gpupipe.stages.cast import Cast
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables
from gpupipe.testing.trial import Trial

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


NOT_WHOLE = r"^Cast expects values that U?Int\d+ holds in column 'x', rounded or made missing before, got {}\.$"


def cast(engine: str, values: pa.Array, dtype: Any) -> list[Any]:
    """Return the values in another dtype."""
    with Trial(engine) as trial:
        made: list[Any] = trial.run(Cast({"x": dtype}), pa.table({"x": values}))["x"].to_pylist()
    return made


@pytest.mark.parametrize("values", [pa.array([1.0, None, -3.0]), pa.array([1.0, None, -3.0], pa.float32())])
def test_whole_floats(engine: str, values: pa.Array) -> None:
    assert cast(engine, values, nw.Int64) == [1, None, -3]
    assert cast(engine, values, nw.Int8) == [1, None, -3]


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(
    ("value", "dtype", "shown"),
    [
        (1.5, nw.Int64, r"1\.5"),
        (float("nan"), nw.Int64, "(NaN|nan)"),
        (float("inf"), nw.Int64, "inf"),
        (2.0**63, nw.Int64, r"9\.22\S+"),
        (-1.0, nw.UInt8, r"-1(\.0)?"),
        (128.0, nw.Int8, r"128(\.0)?"),
    ],
)
def test_floats_that_are_no_whole_numbers(engine: str, value: float, dtype: Any, shown: str) -> None:
    with pytest.raises(StageError, match=NOT_WHOLE.format(shown)):
        cast(engine, pa.array([1.0, None, value, 2.0], from_pandas=False), dtype)


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(
    ("given", "dtype", "wanted"),
    [
        (pa.array([1, None, -3]), nw.Decimal(12, 2), [Decimal(1), None, Decimal(-3)]),
        (pa.array([1, None, 200], pa.uint8()), nw.Decimal(38, 30), [Decimal(1), None, Decimal(200)]),
        (pa.array([1, None]), nw.Date, [dt.date(1970, 1, 2), None]),
        (pa.array([1, None], pa.uint8()), nw.Datetime("ms"), [dt.datetime(1970, 1, 1, microsecond=1000), None]),
        (pa.array([dt.date(2020, 1, 2), None]), nw.Int64, [18263, None]),
        (pa.array([dt.date(2020, 1, 2), None]), nw.Float64, [18263.0, None]),
        (pa.array([dt.datetime(1970, 1, 1, 0, 0, 1), None]), nw.Float64, [1e6, None]),
        (pa.array([Decimal("1.00"), None]), nw.Int32, [1, None]),
        (pa.array([Decimal("1.50"), None]), nw.Decimal(5, 1), [Decimal("1.5"), None]),
        (pa.array([dt.datetime(2020, 1, 1, microsecond=5000), None]), nw.Datetime("ms"), [dt.datetime(2020, 1, 1, microsecond=5000), None]),
    ],
)
def test_casts_in_steps(engine: str, given: pa.Array, dtype: Any, wanted: list[Any]) -> None:
    if engine not in ON_DEVICES:  # whose dates lie as seconds
        assert cast(engine, given, dtype) == wanted


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (pa.array([1000]), nw.Decimal(5, 2)),
        (pa.array([Decimal("1.50")]), nw.Int64),
        (pa.array([Decimal("1.55")]), nw.Decimal(5, 1)),
        (pa.array([dt.datetime(2020, 1, 1, microsecond=5)]), nw.Datetime("ms")),
        (pa.array([dt.timedelta(microseconds=5)]), nw.Duration("ms")),
    ],
)
def test_values_that_would_be_cut_off(engine: str, given: pa.Array, dtype: Any) -> None:
    with pytest.raises(StageError):
        cast(engine, given, dtype)


def test_cut_off_is_told() -> None:
    for value, shown in ((Decimal("1.50"), r"1\.50"), (Decimal("-0.01"), r"-0\.01")):
        with pytest.raises(StageError, match=NOT_WHOLE.format(shown)):
            cast("cpu", pa.array([value]), nw.Int64)


@pytest.mark.parametrize(
    ("given", "dtype", "instead"),
    [
        (pa.string(), nw.Date, r"Use WithColumns\(nw\.col\('x'\)\.str\.to_date\('%Y-%m-%d'\)\), as the text is written\."),
        (pa.string(), nw.Datetime, r"Use WithColumns\(nw\.col\('x'\)\.str\.to_datetime\('%Y-%m-%d %H:%M:%S'\)\), as"),
        (pa.string(), nw.Time, r"Use WithColumns\(nw\.col\('x'\)\.str\.to_time\('%H:%M:%S'\)\), as"),
        (pa.string(), nw.Boolean, r"Use WithColumns\(nw\.col\('x'\) == 'true'\), as"),
        (pa.string(), nw.Duration, r"Cast it to Int64 first\."),
        (pa.float64(), nw.Datetime, r"Cast it to Int64 first\."),
        (pa.int64(), nw.Time, r"Cast it to Int64 and to Datetime first\."),
        (pa.time64("ns"), nw.Duration, r"Cast it to Int64 first\."),
        (pa.duration("us"), nw.String, r"Cast it to Int64 first\."),
        (pa.timestamp("us", "UTC"), nw.Date, r"Use WithColumns\(nw\.col\('x'\)\.dt\.replace_time_zone\(None\)\) first"),
        (pa.decimal128(5, 2), nw.Boolean, r"Use WithColumns\(nw\.col\('x'\) != 0\)\."),
        (pa.int64(), nw.Binary, r"Cast it to String first\."),
        (pa.struct([("a", pa.int64())]), nw.String, r"Take its fields out first\."),
    ],
)
def test_casts_that_libraries_do_in_different_ways(given: pa.DataType, dtype: Any, instead: str) -> None:
    for stage in (Cast({"x": dtype}), Cast(dtype)):
        with pytest.raises(DtypeError, match=rf"^Cast makes no \w+.* of \w+.*, which column 'x' is\. {instead}"):
            stage.apply(pl.from_arrow(pa.table({"x": pa.array([], given)})))


@pytest.mark.xfail(strict=True, reason="upstream: Arrow writes 1.0 as '1', Polars as '1.0' (pandas/limits.py, 'floats as text')")
def test_floats_as_text() -> None:
    check_row_stage(Cast({"x": nw.String}), pa.table({"x": [1.0]}))


def test_mapping_and_columns() -> None:
    with pytest.raises(UsageError, match=r"^Cast expects a mapping alone, or one dtype with columns, got both\.$"):
        Cast({"a": nw.Int8}, ["a"])


def test_no_dtype() -> None:
    with pytest.raises(UsageError, match=r"^Expected a narwhals dtype such as .*, got 'int'\. Did you mean nw\.Int64\?$"):
        Cast("int")


def test_column_that_is_not_there() -> None:
    with pytest.raises(ColumnError, match=r"^There is no column 'c'\."):
        Cast({"c": nw.Int8}).apply(FRAME)
