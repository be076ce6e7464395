"""JSON records, by line or in one array."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import fsspec
import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from gpupipe.core.errors import GpupipeError, SourceError
from gpupipe.core.schema import Field
from gpupipe.engines._scan import explained
from gpupipe.sources.read_json import ReadJson

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


@pytest.mark.parametrize(
    ("line", "schema", "message"),
    [
        ('{"a": 1', None, "a.jsonl, line 3: expected a record {...}, got text that is no JSON"),
        ("5", None, "line 3: expected a record {...}, got int: '5'. Mend the record"),
        ('{"a": "x"}', {"a": nw.Int64}, 'line 3: expected Int64 in \'a\', got "x": \'{"a": "x"}\''),
        ('{"a": "32.1."}', {"a": nw.Date}, "line 3: expected Date in 'a', got \"32.1.\""),
        ('{"a": [1, "x"]}', {"a": nw.List(nw.Int64)}, "line 3: expected List(Int64) in 'a', got [1, \"x\"]"),
    ],
)
def test_a_bad_line_is_shown(line: str, schema: dict[str, object] | None, message: str, tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"b": 1}\n\n' + line + "\n")
    source = ReadJson(path, schema=schema)
    with pytest.raises(GpupipeError) as caught:
        read(source)
    error = caught.value if isinstance(caught.value, SourceError) else explained(source, Exception())
    assert message in str(error)


def test_a_bad_line_after_the_sample_is_found(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' * 120_000 + "{oops\n")
    source = ReadJson(path)
    assert source.schema().dtypes == {"a": nw.Int64()}
    with pytest.raises(GpupipeError):
        read(source)
    assert "line 120001: expected a record {...}, got text that is no JSON" in str(source.explain(Exception()))


def test_empty_files_and_odd_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(" \n")
    with pytest.raises(SourceError, match=r"a\.json: expected at least one record, got an empty file"):
        ReadJson(path).schema()
    path.write_text('[{"a": 1}, 2]')
    with pytest.raises(SourceError, match=r"a\.json, line 2: expected a record \{\.\.\.\}, got int"):
        ReadJson(path).schema()
    path.write_text('[{"a": 1}')
    with pytest.raises(SourceError, match=r"expected an array of records, got text that is no JSON"):
        ReadJson(path).schema()
    path.write_bytes(b'{"a": "\xe4"}\n')
    with pytest.raises(SourceError, match=r"line 1: expected UTF-8 text, got the byte 0xe4 at position 8"):
        ReadJson(path).schema()


def test_real_records(shared_data: Path, read: Read) -> None:
    movies = read(ReadJson(shared_data / "tables" / "movies.json.gz"))
    assert movies.num_rows == 3201 and movies["Title"].null_count == 1
    flights = read(ReadJson(shared_data / "tables" / "flights-20k.json.gz"), ["delay"])
    assert flights.num_rows == 20000 and flights.schema.types == [pa.int64()]
