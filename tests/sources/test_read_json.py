"""JSON records, by line or in one array."""

from __future__ import annotations

import functools
import gzip
import json
import math
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError, GpupipeError, SourceError, UsageError
from gpupipe.core.schema import Field
from gpupipe.engines._scan import explained
from gpupipe.sources.read_json import ReadJson, _inferred

Read = Callable[..., pa.Table]
ROWS = [{"a": 1, "s": 'ü "x"\n', "l": [1, None], "o": {"x": 1.5}}, {"a": None, "z": True}, {"s": "", "o": None}]


@pytest.mark.parametrize("form", ["lines", "array", "packed", "packed array", "remote"])
def test_lines_and_arrays_are_the_same_rows(form: str, tmp_path: Path, read: Read) -> None:
    text = json.dumps(ROWS, indent=1) if "array" in form else "\n\n".join(map(json.dumps, ROWS))
    content = gzip.compress(text.encode()) if "packed" in form else b"\xef\xbb\xbf" * (form == "lines") + text.encode()
    path = tmp_path / ("a.json.gz" if "packed" in form else "a.json")
    path.write_bytes(content)
    fsspec.filesystem("memory").pipe({"/json/a.json": content})
    source = ReadJson("memory://json/a.json" if form == "remote" else path)
    assert read(source).to_pylist() == [
        {"a": 1, "s": 'ü "x"\n', "l": [1, None], "o": {"x": 1.5}, "z": None},
        {"a": None, "s": None, "l": None, "o": None, "z": True},
        {"a": None, "s": "", "l": None, "o": None, "z": None},
    ]


def test_a_schema_chooses_and_types(tmp_path: Path, read: Read) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1, "d": "2020-01-02", "f": 3}\n{"a": 2, "f": 1.5}\n')
    source = ReadJson(tmp_path, schema={"f": nw.Float32, "d": nw.Date, "none": nw.String})
    assert read(source).to_pydict() == {"f": [3.0, 1.5], "d": [date(2020, 1, 2), None], "none": [None, None]}
    with pytest.raises(SourceError, match=r"column 'd': expected no missing value, as declared, got 1"):
        read(ReadJson(tmp_path, schema={"d": Field(nw.Date(), nullable=False)}))


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(
    ("line", "schema", "message"),
    [
        ('{"a": 1', None, "a.jsonl, line 3: expected a record {...}, got text that is no JSON"),
        ('{"a": 1', None, ": '{\"a\": 1'. Mend the record.\n"),
        ("5", None, "line 3: expected a record {...}, got int: '5'. Mend the record.\n"),
        ('{"a": "x"}', {"a": nw.Int64}, ". Mend the record, or declare another dtype in the schema.\n"),
        ('{"a": "x"}', {"a": nw.Int64}, 'line 3: expected Int64 in \'a\', got "x": \'{"a": "x"}\''),
        ('{"a": "32.1."}', {"a": nw.Date}, "line 3: expected Date in 'a', got \"32.1.\" (a date is written as 2020-12-31): "),
        ('{"a": 5}', {"a": nw.Date}, "line 3: expected Date in 'a', got 5 (a date is written as 2020-12-31): "),
        ('{"a": "2300-01-01"}', {"a": nw.Datetime("ns")}, 'got "2300-01-01" (Datetime("ns") takes 1677-09-21 00:12:43.145224193 to'),
        ('{"a": [1, "x"]}', {"a": nw.List(nw.Int64)}, "line 3: expected List(Int64) in 'a', got [1, \"x\"]"),
        ('{"a": 128}', {"a": nw.Int8}, "line 3: expected Int8 in 'a', got 128"),
        ('{"a": -1}', {"a": nw.UInt16}, "line 3: expected UInt16 in 'a', got -1"),
        ('{"a": 3000000000}', {"a": nw.Int32}, "line 3: expected Int32 in 'a', got 3000000000"),
        ('{"a": [300]}', {"a": nw.List(nw.Int8)}, "line 3: expected List(Int8) in 'a', got [300]"),
        ('{"a": "01/02/2020"}', {"a": nw.Date}, "line 3: expected Date in 'a', got \"01/02/2020\""),
        ('{"a": "01/02/2020 10:00:00"}', {"a": nw.Datetime("us")}, "in 'a', got \"01/02/2020 10:00:00\""),
        ('{"a": "2020-01-01T00:00:00Z"}', {"a": nw.Datetime("us")}, "in 'a', got \"2020-01-01T00:00:00Z\""),
        ('{"a": "10:00"}', {"a": nw.Time}, "line 3: expected Time in 'a', got \"10:00\" (a time of day is written as 23:59:59): "),
        ('{"a": 12345678901}', {"a": nw.Decimal(9, 2)}, "line 3: expected Decimal(precision=9, scale=2) in 'a', got 12345678901"),
        ('{"a": "1.255"}', {"a": nw.Decimal(9, 2)}, "line 3: expected Decimal(precision=9, scale=2) in 'a', got \"1.255\""),
        ('{"a": "\\\\\\ud83d"}', None, "line 3: expected whole characters, got half of one (\\ud83d)"),
        ('{"b": {"\\uDAFF": 1}}', {"a": nw.Int8}, "line 3: expected whole characters, got half of one (\\uDAFF)"),
        ('{"a": "\\ude00"}', None, "line 3: expected whole characters, got half of one (\\ude00)"),
        ('{"a": "\\ud83d\\ude00\\ude01"}', None, "line 3: expected whole characters, got half of one (\\ude01)"),
        ('{"a": NaN}', {"a": nw.Float64}, "line 3: expected a record {...}, got text that is no JSON (NaN is no value of JSON's; null is)"),
        ('{"a": 1e400}', {"a": nw.Float64}, "line 3: expected a record {...}, got text that is no JSON (1e400 is larger than any Float64)"),
    ],
)
def test_a_bad_line_is_shown(line: str, schema: dict[str, object] | None, message: str, tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"b": 1}\n\n' + line + "\n")
    source = ReadJson(path, schema=schema)
    with pytest.raises(GpupipeError) as caught:
        read(source)
    error = caught.value if isinstance(caught.value, SourceError) else explained(source, Exception())
    assert message in f"{error}\n"


DECLARED = [
    *((dtype, "-128", -128) for dtype in (nw.Int8, nw.Int16, nw.Int32, nw.Int64)),
    *((dtype, "255", 255) for dtype in (nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64)),
    *((dtype, "1", 1.0) for dtype in (nw.Float32, nw.Float64)),
    (nw.Decimal(20, 2), '"123456789012345678.25"', Decimal("123456789012345678.25")),
    (nw.Decimal(9, 2), "1.25", Decimal("1.25")),
    (nw.Decimal(9, 2), '"1.2500"', Decimal("1.25")),
    (nw.UInt64, "11898508762506083287", 11898508762506083287),
    (nw.Float32, "1e300", math.inf),
    (nw.Time, '"01:02:03.5"', time(1, 2, 3, 500_000)),
    (nw.Date, '"2020-02-29"', date(2020, 2, 29)),
    (nw.Datetime("ms"), '"2020-02-29"', datetime(2020, 2, 29)),
    (nw.Datetime("us"), '"2020-02-29T01:02:03.25"', datetime(2020, 2, 29, 1, 2, 3, 250_000)),
    (nw.Datetime("us", "UTC"), '"2020-02-29T01:02:03+01:00"', datetime(2020, 2, 29, 0, 2, 3, tzinfo=UTC)),
    (nw.List(nw.Int8), "[1, null]", [1, None]),
]


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(("dtype", "text", "value"), DECLARED, ids=str)
def test_every_dtype_that_can_be_declared_is_read(dtype: Any, text: str, value: object, tmp_path: Path, read: Read) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"b": 1}}\n{{"a": {text}}}\n{{"a": null}}\n')
    assert read(ReadJson(tmp_path, schema={"a": dtype})).to_pydict() == {"a": [None, value, None]}


@pytest.mark.parametrize(
    "dtype", [nw.Duration("us"), nw.Binary(), nw.List(nw.Decimal(5, 1)), nw.Struct({"t": nw.Time()}), nw.List(nw.Datetime("ns"))], ids=str
)
def test_other_dtypes_are_refused_where_they_are_declared(dtype: Any) -> None:
    with pytest.raises(
        DtypeError, match=r"Column 'a': expected a dtype that JSON's values can be read as, got .* Declare numbers or String"
    ):
        ReadJson("a.jsonl", schema={"a": dtype})


def test_a_bad_line_after_the_sample_is_found(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' * 120_000 + "{oops\n")
    source = ReadJson(path)
    assert source.schema().dtypes == {"a": nw.Int64()}
    with pytest.raises(GpupipeError):
        read(source)
    assert "line 120001: expected a record {...}, got text that is no JSON" in str(source.explain(Exception()))


def test_characters_that_are_escaped_whole_are_read(tmp_path: Path, read: Read) -> None:
    words = ["\U0001f600", "\\ud83d", "a\\\\\U0001f600\U0001f600", "\u0000", "caf\u00e9"]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"a": word}) + "\n" for word in words))
    assert read(ReadJson(path))["a"].to_pylist() == words
    (tmp_path / "b.json").write_text('[{"a": "x"}, {"a": "\\ud83d"}]')
    with pytest.raises(SourceError, match=r"record 2: expected whole characters, got half of one \(\\ud83d\)"):
        ReadJson(tmp_path / "b.json").schema()


def test_whole_numbers_are_not_rounded(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    for values in ([9007199254740993, 1.5], [11898508762506083287, 1], [11898508762506083287, -1], [2**64 + 1], [2**63 - 1, -(2**63)]):
        path.write_text("".join(f'{{"a": {value}}}\n' for value in values))
        assert [str(value) for value in read(ReadJson(path))["a"].to_pylist()] == [str(value) for value in values]


def test_a_compressed_file_that_becomes_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    line = json.dumps({"a": 1}).encode() + b"\n"
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line * 300_000))
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(b"[" + b",".join([line] * 10_000) + b"]"))
    assert read(ReadJson(tmp_path / "a.jsonl.gz")).num_rows == 300_000 and read(ReadJson(tmp_path / "b.json.gz")).num_rows == 10_000
    told = r"expected a compressed file that becomes at most 50,000 bytes \(max_unpacked\), got one that becomes more\."
    for path in tmp_path.iterdir():
        for schema in (None, {"a": nw.Int8}):
            with pytest.raises(SourceError, match=told):
                read(ReadJson(path, schema=schema, max_unpacked=50_000))
    monkeypatch.setattr("gpupipe.sources.read_json._MOST_ARRAY_BYTES", 50_000)  # which is held in memory
    _inferred.cache_clear()
    with pytest.raises(SourceError, match=told):
        ReadJson(tmp_path / "b.json.gz").schema()
    with pytest.raises(UsageError, match="max_unpacked expected a number of bytes, got 0"):
        ReadJson(path, max_unpacked=0)


def test_a_line_longer_than_any_sample_is_read_or_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"a": "x" * (3 << 20), "b": 1}) + '\n{"a": "y", "b": 2}\n')
    assert read(ReadJson(path), ["b"])["b"].to_pylist() == [1, 2]
    monkeypatch.setattr("gpupipe.sources.read_json._MOST_SAMPLE_BYTES", 1 << 20)
    _inferred.cache_clear()
    with pytest.raises(SourceError, match=r"line 1: expected a record of at most 1 MB to see what columns .* Declare a schema, or "):
        ReadJson(path).schema()
    assert read(ReadJson(path, schema={"b": nw.Int8}))["b"].to_pylist() == [1, 2]


def test_empty_files_and_odd_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(" \n")
    with pytest.raises(SourceError, match=r"a\.json: expected at least one record, got an empty file"):
        ReadJson(path).schema()
    path.write_text('[{"a": 1}, 2]')
    with pytest.raises(SourceError, match=r"a\.json, record 2: expected a record \{\.\.\.\}, got int"):
        ReadJson(path).schema()
    path.write_text('[{"a": 1}')
    with pytest.raises(SourceError, match=r"expected an array of records, got text that is no JSON"):
        ReadJson(path).schema()
    path.write_bytes(b'{"a": "\xe4"}\n')
    with pytest.raises(
        SourceError, match=r"line 1: expected UTF-8 text, got the byte 0xe4 at position 8: .*\. Convert the file to UTF-8\.$"
    ):
        ReadJson(path).schema()
    path.write_text('[{"a": 1}, {"a": "x"}]')
    assert "a.json, record 2: expected Int64 in 'a', got \"x\"" in str(ReadJson(path, schema={"a": nw.Int64}).explain(Exception()))


@pytest.mark.parametrize("form", ["{}", "[{}]"])
def test_values_nested_deep(form: str, tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.json"
    path.write_text(form.replace("{}", f'{{"a": {"[" * 60}1{"]" * 60}, "b": 2}}'))
    assert read(ReadJson(path))["b"].to_pylist() == [2]
    path.write_text(form.replace("{}", f'{{"a": {"[" * 200}1{"]" * 200}, "b": 2}}'))
    with pytest.raises(
        SourceError, match=r"a\.json, column 'a': expected at most 60 lists and records inside one another, got 200\. Declare"
    ):
        ReadJson(path).schema()
    assert read(ReadJson(path, schema={"b": nw.Int64})).to_pydict() == {"b": [2]}
    path.write_text(form.replace("{}", f'{{"a": {"[" * 9000}1{"]" * 9000}}}'))
    with pytest.raises(SourceError, match=r"lists and records stand too deep inside one another to be read"):
        ReadJson(path).schema()
    deep = f'{{"a": {"[" * 700}1{"]" * 700}}}'
    path.write_text(f"{deep}\n{deep}\n" if form == "{}" else f"[{deep}, {deep}]")  # the parser reads them; their dtypes are compared
    with pytest.raises(SourceError, match=r"lists and records stand too deep inside one another to be read\. Declare"):
        ReadJson(path).schema()
    with pytest.raises(DtypeError, match=r"Column 'a': expected at most 60 lists and structs inside one another, got 61\. Declare String"):
        ReadJson(path, schema={"a": functools.reduce(lambda inner, _: nw.List(inner), range(61), nw.Int8())})


def test_real_records(shared_data: Path, read: Read) -> None:
    movies = read(ReadJson(shared_data / "tables" / "movies.json.gz"))
    assert movies.num_rows == 3201 and movies["Title"].null_count == 1
    flights = read(ReadJson(shared_data / "tables" / "flights-20k.json.gz"), ["delay"])
    assert flights.num_rows == 20000 and flights.schema.types == [pa.int64()]


LINES = b'{"a": 1}\n{"a": 2\n\n[1]\n{"a": "no"}\n\xff{}\n{"a": 3}'


def test_lines_that_do_not_fit_are_put_aside_and_counted(tmp_path: Path, engine: str) -> None:
    path, aside = tmp_path / "a.jsonl", tmp_path / "aside"
    path.write_bytes(LINES)
    source = ReadJson(path, schema={"a": nw.Int64}, quarantine=aside)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = gp.Pipeline("p", rows=source.node()).run(engine)
    if not engine.startswith("dask"):  # where a worker says it
        assert any("4 of its 6 lines do not fit and were put into" in str(one.message) for one in caught)
    kept, rejected = result["rows"].to_arrow(), pq.read_table(aside).to_pylist()
    assert sorted(kept["a"].to_pylist()) == [1, 3] and len(kept) + len(rejected) == 6
    assert [(row["file"], row["line"], row["row"]) for row in rejected] == [
        (str(path), 2, 2),
        (str(path), 4, 3),
        (str(path), 5, 4),
        (str(path), 6, 5),
    ]
    reasons = [row["reason"] for row in rejected]
    assert reasons[1:3] == ["expected a record {...}, got list", "expected Int64 in 'a', got \"no\""]
    assert result.report["stages"][0]["facts"] == {"read": 6, "kept": 2, "rejected": 4, "put into": str(aside)}


def test_columns_are_guessed_without_lines_that_are_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINES.replace(b'"no"', b"4"))
    assert ReadJson(path, quarantine=tmp_path / "aside").schema().dtypes == {"a": nw.Int64}
    path.write_text('[{"a": 1}]')
    with pytest.raises(
        SourceError, match=r"a\.jsonl: expected one record a line, of which some can be put aside, got an array of records\."
    ):
        ReadJson(path, quarantine=tmp_path / "aside").schema()
