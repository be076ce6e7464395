"""Delimited text: whole rows only, values of the declared dtypes, and errors that show the row."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import fsspec
import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest

from gpupipe.core.ends import Reading, SourceWarning
from gpupipe.core.errors import ColumnError, DtypeError, GpupipeError, SourceError, UsageError
from gpupipe.core.schema import Field
from gpupipe.engines._scan import explained, read_lazy
from gpupipe.sources.read_csv import ReadCsv

Read = Callable[..., pa.Table]
FIRST = nw.Int64


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "a.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_dtypes_are_inferred_from_the_beginning(text: Callable[..., Path], read: Read) -> None:
    path = text("i,f,b,d,t,s,n\n1,1.5,true,2020-01-02,2020-01-02 03:04:05,x,\n,,,,,,\n3,2,false,2020-01-03,2020-01-03 00:00:00,é,\n")
    source = ReadCsv(path)
    assert [str(dtype) for dtype in source.schema().dtypes.values()] == [
        "Int64",
        "Float64",
        "Boolean",
        "Date",
        "Datetime(time_unit='us', time_zone=None)",
        "String",
        "String",
    ]
    assert read(source).to_pylist()[0] == {
        "i": 1,
        "f": 1.5,
        "b": True,
        "d": date(2020, 1, 2),
        "t": datetime(2020, 1, 2, 3, 4, 5),
        "s": "x",
        "n": None,
    }


def test_a_schema_chooses_among_the_header(text: Callable[..., Path], read: Read) -> None:
    path = text("a,b,c\n1,x,3\n4,,6\n")
    source = ReadCsv(path, schema={"c": nw.Int8, "a": nw.String})
    assert read(source).to_pydict() == {"c": [3, 6], "a": ["1", "4"]}
    with pytest.raises(ColumnError, match=r"a\.csv: there is no column 'aa'\. Did you mean 'a'\? It has 'a', 'b', 'c'\."):
        ReadCsv(path, schema={"aa": nw.Int8}).schema()


def test_without_a_header_the_columns_are_declared_in_order(text: Callable[..., Path], read: Read) -> None:
    path = text("1|x|\n2|NULL|7\n")
    source = ReadCsv(
        path, header=False, separator="|", quote=None, schema={"a": nw.Int64, "b": nw.String, "c": nw.Int32}, null_values=("NULL",)
    )
    assert read(source).to_pydict() == {"a": [1, 2], "b": ["x", None], "c": [None, 7]}
    some = ReadCsv(path, header=False, separator="|", names=["a", "b", "c"], schema={"c": nw.Int32})
    assert read(some).to_pydict() == {"c": [None, 7]}
    assert read(ReadCsv(path, header=False, separator="|", null_values=("NULL",))).to_pydict() == {
        "column_1": [1, 2],
        "column_2": ["x", None],
        "column_3": [None, 7],
    }
    with pytest.raises(UsageError, match="names expected header=False"):
        ReadCsv(path, names=["a"])


def test_dates_as_they_are_written(text: Callable[..., Path], read: Read) -> None:
    path = text("d,m,t\n01/02/2020,12/2007,2020.01.02 03h30\n,,\n")
    schema = {"d": nw.Date, "m": nw.Date, "t": nw.Datetime("us")}
    source = ReadCsv(path, schema=schema, date_format={"d": "%m/%d/%Y", "m": "%m/%Y", "t": "%Y.%m.%d %Hh%M"})
    assert read(source).to_pylist()[0] == {"d": date(2020, 1, 2), "m": date(2007, 12, 1), "t": datetime(2020, 1, 2, 3, 30)}
    assert read(ReadCsv(path, schema={"d": nw.Date}, date_format="%d/%m/%Y")).to_pydict() == {"d": [date(2020, 2, 1), None]}
    assert ReadCsv(path, date_format="%d/%m/%Y").schema().dtypes["d"] == nw.Date
    assert ReadCsv(path, date_format={"t": "%Y.%m.%d %Hh%M"}).schema().dtypes["t"] == nw.Datetime("us")
    with pytest.raises(ColumnError, match="no column 'x'"):
        read(ReadCsv(path, schema={"d": nw.Date}, date_format={"x": "%Y"}))


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("01/02/2020 10:00", "a time is written as 2020-12-31 23:59:59"),
        ("2020/01/02", "a time is written as 2020-12-31 23:59:59"),
        ("2020-1-2 3:04", "a time is written as 2020-12-31 23:59:59"),
        ("2020-01-02T03:04:05Z", "it has a time zone; declare a dtype that has one"),
        ("2020-02-30", "day"),
    ],
)
def test_times_are_iso_8601_where_no_format_is_given(value: str, reason: str, text: Callable[..., Path], read: Read) -> None:
    message = failure(ReadCsv(text(f"a,b\n2020-01-02 03:04:05.5,1\n{value},2\n"), schema={"a": nw.Datetime("us")}), read)
    assert f"line 3 (row 2), column 'a': expected a value of the column's dtype, got {value!r}" in message and reason in message
    assert value in failure(ReadCsv(text(f"a,b\n{value},2\n"), schema={"a": nw.Datetime("us")}), read)


def test_one_field_holds_no_list() -> None:
    with pytest.raises(DtypeError, match=r"Column 'a': expected a dtype that one field of text can hold, got List\(Int64\)"):
        ReadCsv("a.csv", schema={"a": nw.List(nw.Int64)})


def test_every_dtype_that_text_has(text: Callable[..., Path], read: Read, held: Callable[[pa.Table], pa.Table]) -> None:
    path = text("u,i,f,d,t,z,k\n255,-128,0.1,12.345,12:30:01.5,2020-01-01T00:00:00+01:00,a\n")
    schema = {
        "u": nw.UInt8,
        "i": nw.Int8,
        "f": nw.Float32,
        "d": nw.Decimal(10, 3),
        "t": nw.Time,
        "z": nw.Datetime("us", "UTC"),
        "k": nw.String,
    }
    wanted = {
        "u": pa.uint8(),
        "i": pa.int8(),
        "f": pa.float32(),
        "d": pa.decimal128(10, 3),
        "t": pa.time64("ns"),
        "z": pa.timestamp("us", "UTC"),
        "k": pa.large_string(),
    }
    wanted = held(pa.schema(wanted.items()).empty_table()).schema
    found = read(ReadCsv(path, schema=schema), wanted.names)
    assert found.schema.types == wanted.types
    assert str(found["d"][0].as_py()) == "12.345" and found["z"][0].as_py().hour == 23


def test_nan_is_missing_by_declaration(text: Callable[..., Path], read: Read) -> None:
    path = text("a\nNaN\n1\n")
    assert read(ReadCsv(path)).to_pydict() == {"a": [None, 1.0]}
    assert math.isnan(read(ReadCsv(path, nan_as_null=False))["a"][0].as_py())


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_archives_blank_lines_marks_and_comments(engine: str, suffix: str, text: Callable[..., Path], read: Read) -> None:
    plain = b'\xef\xbb\xbf# made by hand\nid,note\n\n1,"a\n\nb"\n\n# not me\n2,c\n'
    pack = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": _zst}[suffix]
    source = ReadCsv(text(pack(plain), f"a.csv{suffix}"), comment="#")
    assert source.known_rows() is None
    assert read(source).to_pydict() == {"id": [1, 2], "note": ["a\n\nb", "c"]}
    assert source.known_rows() == (None if engine.startswith("dask") else 2), "workers count for themselves"


def _zst(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)  # type: ignore[no-any-return]


def test_rows_are_skipped_before_the_header(text: Callable[..., Path], read: Read) -> None:
    path = text('"a title\nof two lines",x\n# c\n\nid,v\n1,2\n')
    assert read(ReadCsv(path, skip_rows=2, comment="#")).to_pydict() == {"id": [1], "v": [2]}
    assert read(ReadCsv(text("old,names\n1,2\n"), header=False, skip_rows=1, names=["a", "b"])).to_pydict() == {"a": [1], "b": [2]}


def test_files_are_one_table_and_agree(engine: str, tmp_path: Path, text: Callable[..., Path], read: Read) -> None:
    text("a,b\n1,x\n", "p0.csv")
    text("a,b\n\n2,y\n", "p1.csv")
    text(gzip.compress(b"a,b\n3,z\n"), "p2.csv.gz")
    source = ReadCsv(tmp_path)
    assert read(source).sort_by("a").to_pydict() == {"a": [1, 2, 3], "b": ["x", "y", "z"]}
    assert source.known_rows() == (None if engine.startswith("dask") else 3), "workers count for themselves"
    text("b,a\n1,x\n", "p3.csv")
    with pytest.raises(SourceError, match=r"p3\.csv: expected the header of .*p0\.csv, 'a', 'b', got 'b', 'a'"):
        read(source)


def test_only_the_columns_needed_are_parsed(tmp_path: Path, text: Callable[..., Path], read: Read) -> None:
    path = text("a,b\n1,x\n2,oops\n")
    source = ReadCsv(path, schema={"a": nw.Int64, "b": nw.Int64})
    assert read(source, ["a"]).to_pydict() == {"a": [1, 2]}
    assert "PROJECT 1/2 COLUMNS" in read_lazy(source, Reading(("a",)), source.schema(), str(tmp_path)).explain()
    assert read(ReadCsv(path), predicate=pl.col("a") > 1).to_pydict() == {"a": [2], "b": ["oops"]}


def failure(source: ReadCsv, read: Read) -> str:
    """Return what a run says: the source's own account, where the engine's error is the reader's."""
    with pytest.raises(GpupipeError) as caught:
        read(source)
    error = caught.value
    return str(error if isinstance(error, SourceError) else explained(source, Exception()))


def test_a_wrong_value_is_shown_with_its_row(text: Callable[..., Path], read: Read) -> None:
    path = text("a,b\n" + "1,2\n" * 50 + "1,2x\n" + "1,2\n" * 50)
    assert failure(ReadCsv(path, schema={"a": nw.Int64, "b": nw.Int64}), read) == (
        f"{path}, line 52 (row 51), column 'b': expected a value of the column's dtype, got '2x' (Int64 takes whole numbers): "
        "'1,2x'. Mend the value, or give the column another dtype."
    )
    assert "got '300' (Int8 takes -128 to 127): '300'" in failure(ReadCsv(text("a\n1\n300\n"), schema={"a": nw.Int8}), read)
    message = failure(ReadCsv(text("a\n2020-01-01\n31.12.2020\n"), schema={"a": nw.Date}), read)
    assert "line 3 (row 2), column 'a': expected a value of the column's dtype, got '31.12.2020'" in message
    message = failure(ReadCsv(text("a\n10:00\n"), schema={"a": nw.Time}), read)
    assert "got '10:00' (a time of day is written as 23:59:59)" in message
    message = failure(ReadCsv(text("a\n01/2020\n2020\n"), schema={"a": nw.Date}, date_format="%m/%Y"), read)
    assert "line 3 (row 2), column 'a'" in message and "got '2020'" in message


@pytest.mark.parametrize(("row", "got"), [("3", 1), ("3,4,5", 3)])
def test_a_ragged_row_is_shown(row: str, got: int, text: Callable[..., Path], read: Read) -> None:
    path = text(f"a,b\n1,2\n\n{row}\n5,6\n")
    with pytest.raises(SourceError) as caught:
        read(ReadCsv(path))
    assert str(caught.value) == (
        f"{path}, line 4 (row 2): expected 2 fields, got {got}: '{row}'. "
        "Mend or remove the row, check the separator and the quote character, or pass ragged='fill' to fill short rows with missing "
        "values, or quarantine='some/folder' to put such rows aside."
    )


def test_more_columns_than_declared_are_a_ragged_row(text: Callable[..., Path], read: Read) -> None:
    with pytest.raises(SourceError, match=r"line 1 \(row 1\): expected 1 fields, got 2: '1,2'"):
        read(ReadCsv(text("1,2\n3,4\n"), header=False, schema={"a": FIRST}))


def test_a_row_that_is_too_long_and_one_that_is_too_short(text: Callable[..., Path], read: Read) -> None:
    message = failure(ReadCsv(text("a,b\n1,2\n3,4,5\n6\n")), read)
    assert "line 3 (row 2): expected 2 fields, got 3: '3,4,5'" in message


def test_bytes_that_are_no_utf8_are_shown(text: Callable[..., Path], read: Read) -> None:
    message = failure(ReadCsv(text(b"a,b\n1,x\n2,M\xfcnchen\n")), read)
    assert r"line 3 (row 2): expected UTF-8 text, got the byte 0xfc at position 4: '2,M\\xfcnchen'. Pass the encoding" in message
    with pytest.raises(SourceError, match="expected UTF-8 text, got UTF-16 .* Pass encoding='utf-16'"):
        read(ReadCsv(text("a,b\n1,2\n".encode("utf-16"))))


def test_an_open_quote_is_shown(text: Callable[..., Path], read: Read) -> None:
    assert "line 3 (row 2): expected each quote to be closed" in failure(ReadCsv(text('a,b\n1,2\n3,"4\n5,6\n')), read)


def test_empty_files_and_double_names(text: Callable[..., Path], read: Read) -> None:
    for content in ("", "\n\n", "\ufeff"):
        with pytest.raises(SourceError, match=r"a\.csv: expected a header line, got an empty file"):
            ReadCsv(text(content)).schema()
    with pytest.raises(SourceError, match="expected at least one row, got an empty file"):
        read(ReadCsv(text(""), header=False, schema={"a": FIRST}))
    with pytest.raises(SourceError, match=r"expected distinct column names, got 'id' in columns 1, 3"):
        ReadCsv("a.csv", header=False, names=["id", "a", "id"])
    assert read(ReadCsv(text("a,b\n"), schema={"a": FIRST})).to_pydict() == {"a": []}


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(
    ("header", "names", "told"),
    [
        ("a,,b", ("a", "column_2", "b"), "no name for column 2; they are called 'column_2'"),
        (",a,", ("column_1", "a", "column_3"), "no name for columns 1, 3;"),
        ('a,b,""', ("a", "b", "column_3"), "no name for column 3;"),
        ("id,a,id", ("id", "a", "id_2"), "'id' again in column 3; they are called 'id_2'"),
        ("id,id,id_2", ("id", "id_3", "id_2"), "'id' again in column 2; they are called 'id_3'"),
        ("column_2,,column_2", ("column_2", "column_3", "column_2_2"), "no name for column 2 and 'column_2' again in column 3"),
    ],
)
def test_names_that_are_missing_or_there_twice_are_given_and_told(
    header: str, names: tuple[str, ...], told: str, text: Callable[..., Path], read: Read
) -> None:
    path = text(f"{header}\n1,2,3\n")
    with pytest.warns(SourceWarning, match=told):
        assert tuple(ReadCsv(path).schema()) == names
    assert read(ReadCsv(path)).to_pydict() == dict(zip(names, ([1], [2], [3]), strict=True)), "told once for a file as it is"
    known = [name for name in names if header.split(",").count(name) == 1]
    if known:
        path = text(f"{header}\n1,2,3\n", "b.csv")
        assert tuple(ReadCsv(path, schema={known[0]: FIRST}).schema()) == (known[0],), "of what is not read, nothing is told"


def test_names_without_text_are_refused_or_left_out(text: Callable[..., Path], read: Read) -> None:
    unnamed = ReadCsv(text("1,1,1\n"), header=False, names=["a", "", "b"])
    with pytest.raises(SourceError, match=r"got none for column 2"):
        unnamed.schema()
    named = ReadCsv(text("1,1,1\n"), header=False, names=["a", "", "b"], schema={"a": FIRST})
    assert read(named).to_pydict() == {"a": [1]}


def test_a_header_with_nul_in_it_is_refused(text: Callable[..., Path]) -> None:
    with pytest.raises(SourceError, match=r"a\.csv: expected a header of text, got b'a\\x00.*pass encoding='utf-16-le'"):
        ReadCsv(text("a,b\n1,2\n".encode("utf-16-le"))).schema()
    assert ReadCsv(text("a,b\n1,2\n".encode("utf-16-le")), encoding="utf-16-le").schema().dtypes == {"a": nw.Int64, "b": nw.Int64}


def test_times_outside_the_range_of_nanoseconds_are_shown(text: Callable[..., Path], read: Read) -> None:
    wrong, nanoseconds = "got '{}' (Datetime(\"ns\") takes 1677-09-21 00:12:43.145224193 to 2262-", {"a": nw.Datetime("ns")}
    for value in ("1600-01-01T00:00:00", "2300-01-01"):
        message = failure(ReadCsv(text(f"a\n2020-01-01T00:00:00\n{value}\n"), schema=nanoseconds), read)
        assert f"line 3 (row 2), column 'a': expected a value of the column's dtype, {wrong.format(value)}" in message
    message = failure(ReadCsv(text("a\n01/2300\n"), schema=nanoseconds, date_format="%m/%Y"), read)
    assert f"line 2 (row 1), column 'a': expected a value of the column's dtype, {wrong.format('01/2300')}" in message


def test_numbers_that_do_not_fit_are_infinite_or_rounded(text: Callable[..., Path], read: Read) -> None:
    source = ReadCsv(text("f,d\n1e300,1.255\n-1e300,1.245\n"), schema={"f": nw.Float32, "d": nw.Decimal(5, 2)})
    assert read(source).to_pydict() == {"f": [math.inf, -math.inf], "d": [Decimal("1.26"), Decimal("1.24")]}


def test_the_fraction_of_a_second_is_as_strftime_has_it(text: Callable[..., Path], read: Read) -> None:
    source = ReadCsv(text("a\n2020/01/02 03:04:05.250000\n"), schema={"a": nw.Datetime("us")}, date_format="%Y/%m/%d %H:%M:%S.%f")
    assert read(source).to_pydict() == {"a": [datetime(2020, 1, 2, 3, 4, 5, 250_000)]}


def test_declared_columns_are_checked_for_missing_values(text: Callable[..., Path], read: Read) -> None:
    source = ReadCsv(text("a,b\n1,2\n,4\n"), schema={"a": Field(nw.Int64(), nullable=False), "b": nw.Int64})
    assert read(source, ["b"]).num_rows == 2
    with pytest.raises(SourceError, match=r"a\.csv, column 'a': expected no missing value, as declared.*column nullable\.$"):
        read(source)


def test_remote_text_is_read_and_explained(read: Read) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe({"/csv/a.csv.gz": gzip.compress(b"a,b\n1,x\n\n2,y\n"), "/csv/bad.csv": b"a,b\n1,2\n3\n"})
    source = ReadCsv("memory://csv/a.csv.gz")
    assert read(source).to_pydict() == {"a": [1, 2], "b": ["x", "y"]} and source.known_rows() == 2
    with pytest.raises(SourceError, match=r"memory:/+csv/bad\.csv, line 3 \(row 2\): expected 2 fields, got 1: '3'"):
        read(ReadCsv("memory://csv/bad.csv"))


def test_openflights(shared_data: Path, read: Read) -> None:
    names = ["airline", "airline_id", "from", "from_id", "to", "to_id", "codeshare", "stops", "equipment"]
    path = shared_data / "tables" / "openflights" / "routes.dat.gz"
    found = read(ReadCsv(path, header=False, names=names, null_values=["\\N"]))
    assert found.num_rows == 67663
    assert str(found.schema.field("airline_id").type) == "int64" and found["airline_id"].null_count == 479
    airports = read(ReadCsv(path.with_name("airports.dat.gz"), header=False, names=[f"c{n}" for n in range(14)], null_values=["\\N"]))
    assert airports.num_rows == 7698 and airports["c1"][0].as_py() == "Goroka Airport"


def test_titanic_and_taxi(shared_data: Path, read: Read) -> None:
    found = read(ReadCsv(shared_data / "tables" / "titanic_kaggle_raw.csv.gz"))
    assert found.num_rows == 891 and found["age"].null_count == 177
    taxi = read(ReadCsv(shared_data / "taxi" / "nyc_yellow_2009_raw.csv.gz"))
    assert taxi.num_rows == 498 and taxi["vendor_name"].null_count == 0
    assert taxi.schema.field("Trip_Pickup_DateTime").type == pa.timestamp("us")


def test_mortgage_performance(shared_data: Path, read: Read) -> None:
    path = shared_data / "mortgage" / "Performance_2007Q3.txt_0.gz"
    schema = {f"c{n}": nw.String for n in range(31)} | {"c0": nw.Int64, "c1": nw.Date}
    found = read(ReadCsv(path, schema=schema, header=False, separator="|", quote=None, date_format={"c1": "%m/%d/%Y"}), ["c0", "c1"])
    assert found.num_rows == 10000 and len(found["c0"].unique()) == 177 and found["c1"].null_count == 0
