"""Text as people send it: other quotes, encodings, numbers, lengths; read right or refused, with the option that reads it."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import gpupipe as gp
from gpupipe.core.ends import Reading, SourceWarning
from gpupipe.core.errors import ColumnError, GpupipeError, SourceError, UsageError
from gpupipe.core.schema import Field
from gpupipe.engines._scan import explained, read_lazy
from gpupipe.report.text import print_summary
from gpupipe.sources.read_csv import ReadCsv

Read = Callable[..., pa.Table]
Text = Callable[..., Path]


@pytest.fixture
def text(tmp_path: Path) -> Text:
    def write(content: str | bytes, name: str = "a.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refusal(source: ReadCsv, read: Read) -> str:
    """Return what a run says: the source's own account, where the engine's error is the reader's."""
    with pytest.raises(GpupipeError) as caught:
        read(source)
    error = caught.value
    return str(error if isinstance(error, SourceError) else explained(source, Exception()))


# Quotes


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('a,b"x\n1,2\n3,4\n', {"a": [1, 3], 'b"x': [2, 4]}),
        ('5" disk,n\n1,2\n3,4\n', {'5" disk': [1, 3], "n": [2, 4]}),
        ('item,n\n5" disk,1\n"x" ,2\n', {"item": ['5" disk', "x "], "n": [1, 2]}),
        ('"a\nb",c\n1,2\n', {"a\nb": [1], "c": [2]}),
    ],
)
def test_a_quote_inside_a_field_without_quotes_is_a_character(content: str, rows: dict[str, Any], text: Text, read: Read) -> None:
    assert read(ReadCsv(text(content))).to_pydict() == rows
    reader = csv.reader(io.StringIO(content, newline=""))
    assert [next(reader), *([str(value) for value in row] for row in zip(*rows.values(), strict=True))] == [list(rows), *reader]


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("content", ['item,n\n"5" disk",1\n"7" disk",2\nx,3\n', 'a\n"the "big" one"\n', 'a"b",x\n"c"d,1\n'])
def test_text_behind_a_closing_quote_is_refused_kept_or_put_aside(content: str, text: Text, read: Read, tmp_path: Path) -> None:
    message = refusal(ReadCsv(text(content)), read)
    assert "a.csv, line 2 (row 1): expected a separator behind the closing quote of a field, got other text: " in message
    assert "pass inner_quotes='keep'" in message and "quote=None" in message and "quarantine='some/folder'" in message
    if "disk" in content:
        kept = read(ReadCsv(text(content), inner_quotes="keep"))
        assert kept.to_pydict() == {"item": ['5" disk', '7" disk', "x"], "n": [1, 2, 3]}
        assert read(ReadCsv(text(content), quote=None))["item"].to_pylist() == ['"5" disk"', '"7" disk"', "x"]


def test_a_quote_in_a_header_that_never_closes_is_refused(text: Text) -> None:
    with pytest.raises(SourceError, match=r"a\.csv, line 1 \(header\): expected each quote to be closed"):
        ReadCsv(text('a,"b\n1,2\n')).schema()


def test_a_backslash_takes_the_meaning_from_what_follows(text: Text, read: Read) -> None:
    path = text('a;b;c\nx\\;y;"say \\"no\\"";\\N\n1\\\n2;\\\\;3\n', "mysql.csv")
    source = ReadCsv(path, separator=";", escape="\\", null_values=["\\N"])
    assert read(source).to_pydict() == {"a": ["x;y", "1\n2"], "b": ['say "no"', "\\"], "c": [None, 3]}
    assert "expected Int8" not in refusal(ReadCsv(path, separator=";", escape="\\", dtypes={"a": nw.Int8}), read)
    message = refusal(ReadCsv(text('a,b\n"x\\"",1\n"y",2\n')), read)
    assert "With escape='\\\\' each of the first rows has 2 fields." in message


# Lines


def test_lines_that_end_in_a_return(text: Text, read: Read) -> None:
    assert read(ReadCsv(text(b"a,b\r1,x\r2,y\r"))).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert read(ReadCsv(text(b'a,b\r"1\r2",x\r\r3,y'))).to_pydict() == {"a": ["1\r2", "3"], "b": ["x", "y"]}
    message = refusal(ReadCsv(text(b"a,b\n1\r,2\n")), read)
    assert "line 2 (row 1): expected 2 fields, got 1: '1'" in message, "as the csv module reads it, and nothing is lost"


def test_blank_lines_of_one_column_are_told(text: Text, engine: str, read: Read) -> None:
    source = ReadCsv(text("a\n1\n\n2\n\n"))
    if engine.startswith("dask"):
        assert read(source).to_pydict() == {"a": [1, 2]}  # a worker's warnings are in its log
        return
    with pytest.warns(SourceWarning, match="2 blank lines of its one column are no rows"):
        assert read(source).to_pydict() == {"a": [1, 2]}


# Rows of another length

RAGGED = "a,b,c\n1,2\n3,4,5\n6,7,8,\n9\n"


def test_short_rows_are_filled(text: Text, read: Read) -> None:
    found = read(ReadCsv(text(RAGGED), ragged="fill"))
    assert found.to_pydict() == {"a": [1, 3, 6, 9], "b": [2, 4, 7, None], "c": [None, 5, 8, None]}
    message = refusal(ReadCsv(text(RAGGED + "1,2,3,4\n"), ragged="fill"), read)
    assert "line 6 (row 5): expected 3 fields, got 4: '1,2,3,4'. Short rows are filled, but nothing is cut" in message
    message = refusal(ReadCsv(text(RAGGED), ragged="fill", dtypes={"b": nw.Date}), read)
    assert "line 2 (row 1), column 'b'" in message


def test_rows_that_do_not_fit_are_put_aside(text: Text, read: Read, engine: str, tmp_path: Path) -> None:
    path = text(RAGGED + '"x"y,1,2\n10,11,12\n')
    source = ReadCsv(path, quarantine=tmp_path / "aside")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read(source).to_pydict() == {"a": [3, 10], "b": [4, 11], "c": [5, 12]}
    if not engine.startswith("dask"):
        assert [str(one.message) for one in caught] and "4 of its 6 rows do not fit and were put into" in str(caught[0].message)
        assert source.known_rows() == 2
    aside = pq.read_table(tmp_path / "aside").to_pylist()
    assert [(row["line"], row["row"], row["text"]) for row in aside] == [(2, 1, "1,2"), (4, 3, "6,7,8,"), (5, 4, "9"), (6, 5, '"x"y,1,2')]
    assert {row["file"] for row in aside} == {str(path)} and aside[0]["reason"] == "expected 3 fields, got 2"
    assert not [name for name in (tmp_path / "aside").iterdir() if name.suffix != ".parquet"]


def test_the_report_tells_of_rows_that_were_put_aside(text: Text, engine: str, tmp_path: Path) -> None:
    sources = {
        "odd": ReadCsv(text(RAGGED), quarantine=tmp_path / "aside"),
        "even": ReadCsv(text("a,b\n1,2\n", "even.csv"), quarantine=tmp_path / "aside"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = gp.Pipeline("p", {name: gp.Scalar(nw.len())(source.node()) for name, source in sources.items()}).run(engine).report
    facts = [stage.get("facts") for stage in report["stages"] if stage["kind"] == "source"]
    into = {"put into": str(tmp_path / "aside")}
    assert facts == [{"read": 4, "kept": 1, "rejected": 3} | into, {"read": 1, "kept": 1, "rejected": 0} | into]
    told = io.StringIO()
    print_summary(report, Console(file=told, width=300))
    assert f"put 3 of 4 rows aside that do not fit, into {tmp_path / 'aside'}" in told.getvalue()


# Separators, encodings, comments


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("separator", ["||", ", ", "§", "::"])
def test_separators_of_several_characters(separator: str, text: Text, read: Read) -> None:
    content = separator.join(("a", "b")) + "\n" + separator.join(("1", f'"x{separator}y"')) + "\n" + separator.join(("2", "p,q|r:s"))
    assert read(ReadCsv(text(content), separator=separator)).to_pydict() == {"a": [1, 2], "b": [f"x{separator}y", "p,q|r:s"]}


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_other_encodings(encoding: str, text: Text, read: Read) -> None:
    content = "näme,b\nMünchen,1\n\n€uro,2\n" if encoding != "latin-1" else "näme,b\nMünchen,1\n\nß,2\n"
    path = text(content.encode(encoding))
    found = read(ReadCsv(path, encoding=encoding)).to_pydict()
    assert found == pd.read_csv(path, encoding=encoding).to_dict("list")
    assert read(ReadCsv(text(gzip.compress(content.encode(encoding)), "a.csv.gz"), encoding=encoding)).to_pydict() == found
    message = refusal(ReadCsv(text("a,b\n1,München\n".encode("cp1252"))), read)
    assert "encoding='latin-1' or 'cp1252'" in message


def test_comments_are_no_rows_also_where_they_hold_quotes(text: Text, read: Read) -> None:
    path = text('# it\'s 5"\na,b\n#1,"2\n3,"x\n#y"\n4,#z\n')
    assert read(ReadCsv(path, comment="#")).to_pydict() == {"a": [3, 4], "b": ["x\n#y", "#z"]}


def test_a_compressed_file_that_becomes_too_much_is_refused(text: Text, read: Read) -> None:
    path = text(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000), "bomb.csv.gz")
    message = refusal(ReadCsv(path, max_unpacked=100_000), read)
    assert "bomb.csv.gz: expected a compressed file that becomes at most 100,000 bytes (max_unpacked)" in message
    assert read(ReadCsv(path, max_unpacked=400_004)).num_rows == 100_000


def test_an_empty_field_of_one_column_is_missing(text: Text, read: Read) -> None:
    path = text("a\n1\n,\n2\n")
    for quote in ('"', None):
        assert read(ReadCsv(path, ragged="fill", quote=quote)).to_pydict() == {"a": [1, None, 2]}


# Numbers


def test_numbers_as_people_write_them(text: Text, read: Read) -> None:
    path = text('f;i;d;s\n1.234,5;1.234;12,50;007\n-0,25; 7;1.000,00;1,5\n;;;x\n1e3;"2.000.000";3;y\n')
    options: dict[str, Any] = {"separator": ";", "decimal": ",", "thousands": "."}
    source = ReadCsv(path, **options, dtypes={"d": nw.Decimal(10, 2)})
    assert [str(dtype) for dtype in source.schema().dtypes.values()] == ["Float64", "Int64", "Decimal(precision=10, scale=2)", "String"]
    assert read(source).to_pydict() == {
        "f": [1234.5, -0.25, None, 1000.0],
        "i": [1234, 7, None, 2_000_000],
        "d": [Decimal("12.50"), Decimal("1000.00"), None, Decimal("3.00")],
        "s": ["007", "1,5", "x", "y"],
    }
    pandas = pd.read_csv(path, sep=";", decimal=",", thousands=".")
    assert pandas["f"].tolist()[:2] == [1234.5, -0.25]
    message = refusal(ReadCsv(text("a;b\n1,5;2\n12.34;3\n"), **options, schema={"a": nw.Float64, "b": nw.Int64}), read)
    assert "line 3 (row 2), column 'a'" in message and "got '12.34' (a number has ',' before its fraction and '.' between groups" in message
    assert "column 'a'" in refusal(ReadCsv(text("a;b\n1.5;2\n"), separator=";", decimal=",", schema={"a": nw.Float64}), read)
    for wrong in ({"decimal": ",", "thousands": ","}, {"decimal": "1"}, {"thousands": "  "}):
        with pytest.raises(UsageError, match="expected (one character|two different characters)"):
            ReadCsv(path, **wrong)  # type: ignore[arg-type]


@given(values=st.lists(st.text(alphabet="0123456789+-.eE: TZtrufalsn/xX", min_size=1, max_size=20), min_size=1, max_size=3))
@settings(max_examples=300)
def test_whatever_is_guessed_reads_the_sample(values: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "guessed.csv"
    path.write_text("a,b\n" + "".join(f"{value},1\n" for value in values))
    source = ReadCsv(path)
    schema = source.schema()
    found = read_lazy(source, Reading(tuple(schema)), schema, str(path.parent)).collect()["a"].to_list()
    if schema["a"].dtype == nw.String:
        assert found == values
    elif schema["a"].dtype == nw.Int64:
        assert [str(value) for value in found] == [str(int(value)) for value in values]
    elif schema["a"].dtype == nw.Float64:
        assert [str(value) for value in found if value is not None] == [
            str(float(value)) for value in values if float(value) == float(value)
        ]


def test_guessed_dtypes_read_their_sample(text: Text, read: Read) -> None:
    columns = {
        "a": ["4 ", "x"],
        "hex": ["0x10", "1"],
        "bool": ["1", "TRUE"],
        "id": ["11898508762506083287", "11898508762506083288"],
        "long": ["9" * 5000, "1"],
        "code": ["007", "7"],
        "time": ["2015-01-27 13:08:24.0000002", "2015-01-27 13:08:24.0000003"],
    }
    source = ReadCsv(text("\n".join([",".join(columns), *map(",".join, zip(*columns.values(), strict=True))])))
    found = read(source)
    texts = [name for name, dtype in source.schema().dtypes.items() if dtype == nw.String]
    assert texts == ["a", "hex", "bool", "long", "code"]
    assert [found[name].to_pylist() for name in texts] == [columns[name] for name in texts]
    assert found["id"].to_pylist() == [int(value) for value in columns["id"]]
    assert len(found["time"].unique()) == 2


@pytest.mark.parametrize("form", ["iso", "%Y/%m/%d %H:%M:%S.%f"])
def test_times_keep_what_they_hold(form: str, text: Text, read: Read) -> None:
    values = ["2015-01-27 13:08:24.0000002", "2015-01-27 13:08:24.0000003"]
    options: dict[str, Any] = {} if form == "iso" else {"date_format": form}
    written = values if form == "iso" else [value.replace("-", "/") for value in values]
    path = text("key,b\n" + "".join(f"{value},\n" for value in written))
    assert len(set(read(ReadCsv(path, schema={"key": nw.Datetime("ns")}, **options))["key"].cast(pa.int64()).to_pylist())) == 2
    for unit, digits in (("us", 6), ("ms", 3)):
        message = refusal(ReadCsv(path, schema={"key": nw.Datetime(unit)}, **options), read)  # type: ignore[arg-type]
        assert "line 2 (row 1), column 'key'" in message and f"holds {digits} digits of a second" in message
    zeros = text("key,b\n" + "".join(f"{value[:-1]}0,\n" for value in written))
    assert read(ReadCsv(zeros, schema={"key": nw.Datetime("us")}, **options))["key"].to_pylist() == [datetime(2015, 1, 27, 13, 8, 24)] * 2


def test_later_times_with_more_digits_are_an_error(text: Text, read: Read) -> None:
    rows = "2020-01-01 00:00:00.5,1\n" * 50_000
    message = refusal(ReadCsv(text(f"t,b\n{rows}2020-01-01 00:00:00.1234567,1\n")), read)
    assert "line 50002 (row 50001), column 't'" in message and 'declare Datetime("ns"), or String' in message


def test_digits_without_end_are_refused_as_numbers(text: Text, read: Read) -> None:
    message = refusal(ReadCsv(text("a,b\n" + "9" * 5000 + ",1\n"), schema={"a": nw.Int64}), read)
    assert "column 'a'" in message and "Int64 takes -9223372036854775808 to 9223372036854775807" in message


def test_the_dtypes_of_some_columns(text: Text, read: Read) -> None:
    path = text("zip,n,day\n1234,1,2020-01-02\n5678,2,2020-01-03\n")
    found = read(ReadCsv(path, dtypes={"zip": nw.String, "n": Field(nw.Int8(), nullable=False)}))
    assert found.to_pydict() == {"zip": ["1234", "5678"], "n": [1, 2], "day": [date(2020, 1, 2), date(2020, 1, 3)]}
    assert ReadCsv(path, dtypes={"n": Field(nw.Int8(), nullable=False)}).declared_not_null() == {"n"}
    with pytest.raises(ColumnError, match=r"there is no column 'zap'\. Did you mean 'zip'\?"):
        ReadCsv(path, dtypes={"zap": nw.String}).schema()
    with pytest.raises(UsageError, match="schema and dtypes are both given"):
        ReadCsv(path, schema={"n": nw.Int8}, dtypes={"n": nw.Int8})


# Advice


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a;b\n1;2\n3;4\n", r"with separator=',' there is one column, 'a;b'; with separator=';' there are 2 in each of the first rows"),
        ("a\tb\n1\t2\n", r"with separator='\\t' there are 2"),
        ("1,2\n3,4\n5,6\n", r"the header's names are all numbers or dates \('1', '2'\)\. If the file has no header, pass header=False"),
        ("2020-01-01,1.5\n2020-01-02,2.5\n", "pass header=False"),
        ("1,1,x\n2,2,y\n", "if the first row is no header, header=False"),
    ],
)
def test_a_first_try_that_may_go_wrong_is_told(content: str, told: str, text: Text) -> None:
    path = text(content, "once.csv")
    with pytest.warns(SourceWarning, match=told):
        ReadCsv(path).schema()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ReadCsv(path).schema()  # once for a file as it is
        ReadCsv(text("a b\n1;2\n")).schema()
        ReadCsv(text("name,2019,2020\nx,1,2\n")).schema()
        ReadCsv(text("1,2\n3,4\n"), header=False, names=["a", "b"]).schema()


# All of it, against the csv module


def frame_or_error(source: ReadCsv, folder: Path) -> tuple[pl.DataFrame | None, str]:
    """Return the rows; or the error, which must be one that the source can tell, as an engine asks it to."""
    schema = source.schema()
    try:
        return read_lazy(source, Reading(tuple(schema)), schema, str(folder)).collect(), ""
    except SourceError as error:
        return None, str(error)
    except pl.exceptions.PolarsError as error:  # a long row and a short one, whose counts agree
        told = source.explain(error)
        return None, "nothing" if told is None else str(told)


CELLS = st.text(alphabet='ab1 ,;"\n\ré', max_size=5)


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=6),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    is_quoted=st.booleans(),
    ragged=st.sampled_from(["error", "fill"]),
)
@settings(max_examples=300)
def test_raw_text_is_read_as_by_the_csv_module_or_refused(
    rows: list[list[str]], newline: str, is_quoted: bool, ragged: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("raw")
    lines = [",".join('"' + cell.replace('"', '""') + '"' if is_quoted else cell for cell in row) for row in rows]
    content = "a,b,c" + newline + newline.join(lines) + newline
    (folder / "a.csv").write_bytes(content.encode())
    expected = [row for row in csv.reader(io.StringIO(content, newline="")) if row][1:]
    source = ReadCsv(folder / "a.csv", schema=dict.fromkeys("abc", nw.String), ragged=ragged)
    frame, message = frame_or_error(source, folder)
    if frame is None:
        assert any(word in message for word in ("behind the closing quote", "quote to be closed")) or any(len(row) != 3 for row in expected)
        return
    filled = [[*row, *[""] * (3 - len(row))][:3] for row in expected]
    assert all(not any(row[3:]) and (ragged == "fill" or len(row) == 3) for row in expected)
    assert [[cell or "" for cell in row] for row in frame.rows()] == filled
    assert source.known_rows() == len(expected)


def every_line(count: int) -> Iterator[bytes]:
    yield b"a,b\n"
    for number in range(count):
        yield b'%d,"x %d"\n' % (number, number)
        if number % 1000 == 0:
            yield b'%d,5" disk\n\n' % number


def test_counts_agree_where_odd_rows_are_among_many(text: Text, read: Read) -> None:
    content = b"".join(every_line(12_000))
    found = read(ReadCsv(text(content)))
    expected = [row for row in csv.reader(io.StringIO(content.decode(), newline="")) if row][1:]
    assert found.num_rows == len(expected) == 12_012
    assert sorted(zip(found["a"].to_pylist(), found["b"].to_pylist(), strict=True)) == sorted((int(a), b) for a, b in expected)


@pytest.mark.parametrize("column", ["a", "c"])
def test_a_short_row_and_a_long_one_are_told_whatever_is_read(column: str, text: Text, read: Read) -> None:
    source = ReadCsv(text("a,b,c\n7,8,9\n1,2\n3,4,5,6\n"))
    with pytest.raises(SourceError, match=r"a\.csv, line 3 \(row 2\): expected 3 fields, got 2: '1,2'"):
        read(source, [column])
