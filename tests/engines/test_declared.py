"""Declared dtypes: every value is read as it is, or the error names it; Python's own values are the oracle."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.core.ends import Source
from gpupipe.core.errors import DtypeError, GpupipeError, SourceError

MOMENT = dt.datetime(2020, 1, 1, 5, 0, 0, 1)
CUT = [
    (1.5, nw.Int64, "1.5"),
    (float("inf"), nw.Int32, "inf"),
    (1e30, nw.Int64, "e+30"),
    (1.5, nw.Boolean, "1.5"),
    (1.555, nw.Decimal(5, 2), "1.555"),
    (Decimal("1.55"), nw.Int64, "1.55"),
    (Decimal("1.55"), nw.Decimal(5, 1), "1.55"),
    (Decimal("12345.5"), nw.Decimal(5, 1), "12345.5"),
    (2, nw.Boolean, "2"),
    (300, nw.Int8, "300"),
    (-1, nw.UInt64, "-1"),
    (1000, nw.Decimal(5, 2), "1000"),
    (2**53 + 1, nw.Float64, "9007199254740993"),
    (2**63 - 1, nw.Float64, "9223372036854775807"),
    (2**24 + 1, nw.Float32, "16777217"),
    (MOMENT, nw.Date, "2020-01-01 05:00:00.000001"),
    (MOMENT, nw.Datetime("ms"), "2020-01-01 05:00:00.000001"),
    (dt.datetime(9999, 1, 1), nw.Datetime("ns"), "9999-01-01"),
    (dt.timedelta(microseconds=5), nw.Duration("ms"), "0:00:00.000005"),
    ("1.5", nw.Int64, "'1.5'"),
    ("300", nw.Int8, "'300'"),
    ("1.555", nw.Decimal(5, 2), "'1.555'"),
    ("1e-3", nw.Decimal(5, 2), "'1e-3'"),
    (b"\xff", nw.String, "invalid utf8"),
    ([1, 300], nw.List(nw.Int8), "300"),
    ([1.5], nw.List(nw.Int64), "1.5"),
    ({"a": 1.5}, nw.Struct({"a": nw.Int64}), "1.5"),
    ({"a": 1, "b": 2}, nw.Struct({"a": nw.Int64}), "2"),
]
KEPT = [
    (2.0, nw.Int8, 2),
    (1.0, nw.Boolean, True),
    (0.1, nw.Float32, 0.10000000149011612),
    (0.1, nw.Decimal(5, 2), Decimal("0.10")),
    (Decimal("2.00"), nw.Int64, 2),
    (Decimal("1.50"), nw.Decimal(5, 1), Decimal("1.5")),
    (Decimal("0.10"), nw.Float64, 0.1),
    (2**53, nw.Float64, 2.0**53),
    (1, nw.Boolean, True),
    (dt.datetime(2020, 1, 1), nw.Date, dt.date(2020, 1, 1)),
    (dt.datetime(2020, 1, 1, microsecond=5000), nw.Datetime("ms"), dt.datetime(2020, 1, 1, microsecond=5000)),
    ("1.50", nw.Decimal(5, 1), Decimal("1.5")),
    ("15e-1", nw.Decimal(5, 1), Decimal("1.5")),
    ("2020-02-29", nw.Date, dt.date(2020, 2, 29)),
    ("7", nw.Int8, 7),
    ([1, None], nw.List(nw.Int8), [1, None]),
    ([0.1], nw.List(nw.Float32), [0.10000000149011612]),
]


def read(source: Source, engine: str = "cpu") -> list[Any]:
    values: list[Any] = gp.Pipeline("p", out=source.node()).run(engine)["out"].to_arrow()["a"].to_pylist()
    return values


def test_no_value_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for value, dtype, told in CUT:
        pq.write_table(pa.table({"a": [None, value, value]}), path)
        with pytest.raises(SourceError) as caught:
            read(gp.ReadParquet(path, schema={"a": dtype}))
        assert str(caught.value).startswith(f"{path}, column 'a': expected values that "), caught.value
        assert told in str(caught.value) and " in the schema, and round, filter or cast in a stage." in str(caught.value)
    for value, dtype, wanted in KEPT:
        pq.write_table(pa.table({"a": [value, None]}), path)
        assert read(gp.ReadParquet(path, schema={"a": dtype})) == [wanted, None]


def test_every_engine_and_source_refuses_alike(tmp_path: Path, engine: str) -> None:
    pq.write_table(pa.table({"a": [1.5], "t": [MOMENT]}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text(json.dumps({"a": 1.5, "t": "2020-01-01 05:00:00.000001"}) + "\n")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("create table x as select 1.5 as a, '2020-01-01 05:00:00.000001' as t")
    for schema in ({"a": nw.Int64}, {"t": nw.Date}, {"a": nw.Boolean}):
        for source in (
            gp.ReadParquet(tmp_path / "a.parquet", schema=schema),
            gp.ReadJson(tmp_path / "a.jsonl", schema=schema),
            gp.ReadSql("select * from x", f"{tmp_path}/a.db", schema=schema),
        ):
            with pytest.raises(GpupipeError, match="expected") as caught:
                gp.Pipeline("p", out=source.node()).run(engine)
            assert "a." in str(caught.value)


def test_nan_is_missing_before_it_could_not_be_a_whole_number(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1.0, float("nan")]}), path)
    assert read(gp.ReadParquet(path, schema={"a": nw.Int64})) == [1, None]
    with pytest.raises(SourceError, match=r"expected values that Int64 holds, got nan\. Declare Float64 in the schema"):
        read(gp.ReadParquet(path, schema={"a": nw.Int64}, nan_as_null=False))


def test_dtypes_that_mean_something_else_are_refused_in_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for value, dtype in (
        (MOMENT, nw.Time),
        (1, nw.Time),
        (1.5, nw.Date),
        (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), nw.Date),
        (Decimal("1.5"), nw.Boolean),
        (1, nw.Binary),
        (dt.timedelta(1), nw.String),
        ([1], nw.String),
        (1, nw.List(nw.Int64)),
    ):
        pq.write_table(pa.table({"a": [value]}), path)
        with pytest.raises(
            DtypeError, match=r"a\.parquet, column 'a': expected a dtype that holds .*, and make the other of it in a stage"
        ):
            gp.Pipeline("p", out=gp.ReadParquet(path, schema={"a": dtype}).node()).check()


def test_times_of_parquet_before_there_were_types_name_the_dtype_that_holds_them(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "a.parquet"
    times = [dt.datetime(9999, 12, 31), dt.datetime(2020, 1, 1)]
    pq.write_table(pa.table({"a": pa.array(times, pa.timestamp("us"))}), path, use_deprecated_int96_timestamps=True)
    assert read(gp.ReadParquet(path, schema={"a": nw.Datetime("us")}), engine) == times
    with pytest.raises(SourceError) as caught:
        read(gp.ReadParquet(path), engine)
    told = f"{path}, column 'a': expected values that Datetime(time_unit='ns', time_zone=None) holds, got 9999-12-31 00:00:00. Declare "
    assert str(caught.value).startswith(f"{told}Datetime(time_unit='us', time_zone=None) in the schema")
