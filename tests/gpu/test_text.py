"""Delimited text read on the device: the host's values, the host's errors, one copy of the bytes, and a line where the host had to read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest

from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading
from gpupipe.core.engine import Ledger
from gpupipe.core.errors import GpupipeError, SourceError
from gpupipe.core.schema import Field
from gpupipe.datasets.mortgage import generate_mortgage
from gpupipe.engines._scan import explained
from gpupipe.engines.load import load_engine
from gpupipe.sources.read_csv import ReadCsv
from gpupipe.sources.read_json import ReadJson

EVERY = {
    "i8": nw.Int8,
    "u64": nw.UInt64,
    "f": nw.Float64,
    "g": nw.Float32,
    "b": nw.Boolean,
    "s": nw.String,
    "d": nw.Date,
    "m": nw.Date,
    "t": nw.Datetime("ms"),
    "n": nw.Datetime("ns"),
}
ROWS = [
    "-128,18446744073709551,0.1,16777217,true,x,1969-12-31,01/2007,2020-02-29 01:02:03.456,2020-01-01T00:00:00",
    '007,0,-0.0,1e-45,FALSE,"a, ""b""\né",2020-02-29,12/1899,1969-12-31 23:59:59.999,1678-01-01T00:00:00',
    '+1,1,2.2250738585072014e-308,nan,True,"",0001-01-01,02/2000,,2261-12-31T23:59:59',
    "NA,NA,NA,,NA,NA,,,NA,",
    ',,1e400,-inf,," x ",9999-12-31,11/9999,2000-01-01 00:00:00.000,',
]


def read_on(engine: str, source: Any, columns: list[str] | None = None, predicate: Any = None) -> tuple[pa.Table, Ledger]:
    """Return what an engine reads, and its ledger."""
    running = load_engine(engine)
    try:
        schema = source.schema()
        [table] = running.compute([Demand("arrow", running.read(source, Reading(tuple(columns or schema), predicate), schema))])
    finally:
        running.close()
    return table, running.ledger


def up(ledger: Ledger) -> list[tuple[int, str]]:
    """Return the bytes and reasons of what went to the device."""
    return [(event["bytes"], event["reason"]) for event in ledger.events if event["direction"] == "host_to_device"]


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether tables hold the same, -0.0 being another number than 0.0."""
    return one.schema.types == other.schema.types and repr(one.to_pydict()) == repr(other.to_pydict())


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("nulls", [["NA"], ["NA", ""]])
def test_every_dtype_is_as_on_the_host(ending: str, ended: bool, nulls: list[str], tmp_path: Path) -> None:
    lines = [",".join(EVERY), *ROWS]
    (tmp_path / "a.csv").write_bytes((ending.join(lines) + ending * ended).encode())
    for nan_as_null in (True, False):
        source = ReadCsv(tmp_path / "a.csv", schema=EVERY, date_format={"m": "%m/%Y"}, null_values=nulls, nan_as_null=nan_as_null)
        found, ledger = read_on("gpu", source)
        assert same(found, read_on("cpu", source)[0])
        assert up(ledger) == [((tmp_path / "a.csv").stat().st_size, "bytes of ReadCsv, read on the device")]
        assert not ledger.fallbacks


def test_some_columns_of_several_files_without_header(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("".join(f"{row}|t{row}|{row / 7!r}|\n" for row in range(number * 1000, number * 1500 + 7)))
    source = ReadCsv(tmp_path, header=False, separator="|", quote=None, names=list("abcd"))
    for columns in (["a", "b", "c", "d"], ["c"], ["b", "d"]):
        found, ledger = read_on("gpu", source, columns)
        assert same(found, read_on("cpu", source, columns)[0])
        assert len(up(ledger)) == 1 and not ledger.fallbacks


def test_blocks_meet_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.engines.cudf.reading.block_bytes", lambda _: 4096)
    (tmp_path / "a.csv").write_text("i,s,f\n" + "".join(f'{n},"é ""{n}""\n",{n / 3!r}\n' for n in range(5000)))
    source = ReadCsv(tmp_path / "a.csv", schema={"i": nw.Int32, "s": nw.String, "f": nw.Float64})
    found, ledger = read_on("gpu", source)
    assert same(found, read_on("cpu", source)[0]) and not ledger.fallbacks


def test_rows_that_nobody_needs_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,s,f\n1,x,0.5\n,y,\n3,,nan\n4,x,2.5\n")
    source = ReadCsv(tmp_path / "a.csv", schema={"a": nw.Int8, "s": nw.String, "f": nw.Float64})
    a, s, f = pl.col("a"), pl.col("s"), pl.col("f")
    for predicate in (a > 1, (a > 1) & (s == "x"), (s == "y") | (f < 1)):
        found, ledger = read_on("gpu", source, predicate=predicate)
        assert same(found, read_on("cpu", source, predicate=predicate)[0])
        assert not ledger.fallbacks
    assert read_on("gpu", source, predicate=a < 300)[0].num_rows == 4, "what no Int8 can be is left to the stages"


def test_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",".join(EVERY) + "\n")
    source = ReadCsv(tmp_path / "a.csv", schema=EVERY, date_format={"m": "%m/%Y"})
    assert same(read_on("gpu", source)[0], read_on("cpu", source)[0])


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n 1,x\n",
        'a,b\n1,5" disk\n',
        "a,b\n1,x\ry\n",
        "a,b\n00000000000000000000000012,x\n",
        'a,b\n1, "x"\n',
    ],
)
def test_text_that_is_not_plain_is_read_on_the_host_and_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    source = ReadCsv(tmp_path / "a.csv", schema={"a": nw.Int64, "b": nw.String})
    try:
        wanted = read_on("cpu", source)[0]
    except SourceError as error:  # a stray quote: whether Polars bears it depends on how many threads it cuts the text for
        with pytest.raises(SourceError, match=re.escape(str(error))):
            read_on("gpu", source)
        return
    found, ledger = read_on("gpu", source)
    assert same(found, wanted)
    assert len(ledger.fallbacks) == 1 and "which the host's reader reads, or refuses" in ledger.fallbacks[0]["reason"]


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("a,b\n1,2\n3,4x\n", {"a": nw.Int64, "b": nw.Int64}),
        ("a,b\n1,2\n3,400\n", {"a": nw.Int64, "b": nw.Int8}),
        ("a,b\n1,2020-01-01\n3,2020-02-30\n", {"a": nw.Int64, "b": nw.Date}),
        ("a,b\n1,2\n3,4,5\n6\n", {"a": nw.Int64, "b": nw.Int64}),
        ("a,b\n1,2\n,4\n", {"a": Field(nw.Int64(), nullable=False), "b": nw.Int64}),
        (b"a,b\n1,x\n2,M\xfcnchen\n", {"a": nw.Int64, "b": nw.String}),
    ],
)
def test_errors_are_those_of_the_host(text: str | bytes, schema: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    source = ReadCsv(tmp_path / "a.csv", schema=schema)
    said = []
    for engine in ("cpu", "gpu"):
        with pytest.raises(GpupipeError) as caught:
            read_on(engine, source)
        error = caught.value if isinstance(caught.value, SourceError) else explained(source, Exception())
        said.append(str(error).replace(" in one piece", ""))
    assert said[0] == said[1]


def test_the_mortgage_text_is_the_same_on_both(tmp_path: Path) -> None:
    generate_mortgage(tmp_path, 20_000, seed=1, text=True)
    texts = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in {".txt", ".csv", ".psv"})
    assert texts
    for path in texts:
        n_fields = path.read_text().partition("\n")[0].count("|") + 1
        source = ReadCsv(path, header=False, names=[f"c{n}" for n in range(n_fields)], separator="|", quote=None)
        found, ledger = read_on("gpu", source)
        assert same(found, read_on("cpu", source)[0])
        assert len(up(ledger)) == 1 and not ledger.fallbacks


def test_records_of_json_are_read_on_the_host_and_cross_once(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": "x\\n", "n": [1]}\n')
    found, ledger = read_on("gpu", ReadJson(tmp_path / "a.jsonl", schema={"a": nw.String}))
    assert found.to_pydict() == {"a": ["x\n"]}
    assert [reason for _, reason in up(ledger)] == ["ndjson is read on the host"] and not ledger.fallbacks
