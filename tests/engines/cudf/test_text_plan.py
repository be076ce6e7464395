"""Which text the device reads, and which formats of dates it knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pytest

from gpupipe.core.ends import FileScan
from gpupipe.core.schema import Schema
from gpupipe.engines.cudf.text_plan import TextColumn, null_texts, pattern_parts, text_columns, text_not_on_device
from gpupipe.sources.read_csv import ReadCsv
from gpupipe.sources.read_json import ReadJson


def scan_of(folder: Path, **options: Any) -> FileScan:
    (folder / "a.csv").write_text("a,b\n1,2\n")
    return ReadCsv(folder / "a.csv", **options).scan(str(folder))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, None),
        ({"separator": ",", "quote": None, "null_values": ["NA"]}, None),
        ({"comment": "#", "escape": "\\", "ragged": "fill"}, None),  # which a plain copy has been made of
        ({"decimal": ","}, "text whose numbers are written in another way is read on the host"),
        ({"null_values": ['"']}, "text with the quote character in a null value is read on the host"),
        ({"schema": {"a": nw.Date, "b": nw.Datetime("us")}, "date_format": "%d.%m.%Y"}, None),
        ({"schema": {"a": nw.Date}, "date_format": "%b %Y"}, "column 'a' is written as %b %Y, which the host's reader reads"),
        ({"schema": {"a": nw.Datetime("us", "UTC")}}, "column 'a' of Datetime(time_unit='us', time_zone='UTC') is read on the host"),
        ({"schema": {"a": nw.Decimal(9, 2)}}, "column 'a' of Decimal(precision=9, scale=2) is read on the host"),
        ({"schema": {"a": nw.Categorical}}, "column 'a' of Categorical is read on the host"),
        ({"schema": {"a": nw.Int64}, "date_format": {"a": "%Y"}}, "column 'a' of Int64 is read on the host"),
    ],
)
def test_what_is_left_to_the_host(options: dict[str, Any], reason: str | None, tmp_path: Path) -> None:
    scan = scan_of(tmp_path, **options)
    assert text_not_on_device(scan, scan.schema) == reason


def test_options_that_the_device_does_not_know_are_left_to_the_host(tmp_path: Path) -> None:
    scan = scan_of(tmp_path)
    strange = replace(scan, options={**scan.options, "of tomorrow": True})
    assert "of tomorrow" in (text_not_on_device(strange, scan.schema) or "")


def test_what_is_no_whole_local_file_is_left_to_the_host(tmp_path: Path) -> None:
    scan = scan_of(tmp_path)
    for part in (replace(scan, paths=(b"a,b\n1,2\n",)), replace(scan, rows=(0, 1))):
        assert text_not_on_device(part, scan.schema) == "parts of files are read on the host"
    assert text_not_on_device(scan, Schema(())) == "text of which no column is needed is read on the host, which counts its rows"
    stream = FileScan("ipc", ("a.arrow",), scan.schema)
    assert text_not_on_device(stream, scan.schema) == "ipc is read on the host"


def test_records_of_json_are_left_to_the_host(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n')
    scan = ReadJson(tmp_path / "a.jsonl").scan(str(tmp_path))
    assert scan is not None
    assert text_not_on_device(scan, scan.schema) == "ndjson is read on the host"


@pytest.mark.parametrize(
    ("pattern", "dtype", "parts"),
    [
        ("%m/%d/%Y", nw.Date(), ("%m", "/", "%d", "/", "%Y")),
        ("%F", nw.Date(), ("%Y", "-", "%m", "-", "%d")),
        ("%F %R", nw.Datetime("us"), ("%Y", "-", "%m", "-", "%d", " ", "%H", ":", "%M")),
        ("%Y.%m.%d %Hh%M", nw.Datetime("us"), ("%Y", ".", "%m", ".", "%d", " ", "%H", "h", "%M")),
        ("%Y-%m-%d %H", nw.Datetime("us"), None),
        ("%Y-%m-%d %H:%M:%S", nw.Date(), None),
        ("%Y", nw.Date(), None),
        ("%y%m%d", nw.Date(), None),
        ("%Y-%m-%Y", nw.Date(), None),
        ("%Y/%m%%", nw.Date(), None),
        ("%Yé%m", nw.Date(), None),
        ("%Y%m%", nw.Date(), None),
    ],
)
def test_formats_of_fixed_width(pattern: str, dtype: Any, parts: tuple[str, ...] | None) -> None:
    assert pattern_parts(pattern, dtype) == parts


def test_columns_know_their_place_and_form(tmp_path: Path) -> None:
    scan = scan_of(tmp_path, schema={"b": nw.Date, "a": nw.Datetime("ms")}, null_values=["", "é"])
    assert text_columns(scan, scan.schema) == (
        TextColumn("b", 1, nw.Date(), ("%Y", "-", "%m", "-", "%d")),
        TextColumn("a", 0, nw.Datetime("ms"), None),
    )
    assert null_texts(scan) == ("é".encode(),)
