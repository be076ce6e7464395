"""Rows that do not fit are put aside: with the lines of Python's csv module, whose readers count them, and of DuckDB's reject tables."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.core.errors import SourceError

SCHEMA: dict[str, Any] = {"id": nw.Int64, "day": nw.Date, "x": nw.Float64, "t": nw.String, "at": nw.Datetime("us"), "ok": nw.Boolean}
PARSE: dict[str, Any] = {
    "id": int,
    "day": dt.date.fromisoformat,
    "x": float,
    "t": str,
    "at": dt.datetime.fromisoformat,
    "ok": {"true": True, "false": False}.__getitem__,
}
GOOD = {
    "id": ["1", "-5", "12345678901", ""],
    "day": ["2020-01-01", "2020-02-29", "1999-12-31", ""],
    "x": ["1.5", "-2", "1e5", "NA", ""],
    "t": ["z z", 'with "q"', "a,b", "é"],
    "at": ["2020-01-01 10:00:00", "2020-01-01T10:00:00.5", "NA"],
    "ok": ["true", "false", ""],
}
BAD = {
    "id": ["x", "12y"],
    "day": ["2020-02-30", "20x"],
    "x": ["1,5", "--1"],
    "at": ["noon", "2020-13-01 10:00:00"],
    "ok": ["maybe"],
    "t": [""],
}
Expected = tuple[list[dict[str, Any]], list[tuple[int, int]]]


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def messy(seed: int, n_rows: int, *, newline: str = "\n", lines_in_quotes: bool = True) -> str:
    """Return a file with bad values, short and long rows, and where it is asked for newlines in quotes and blank lines."""
    draw = random.Random(seed)
    made = [",".join(SCHEMA)]
    for _ in range(n_rows):
        row = [draw.choice((BAD if draw.random() < 0.01 else GOOD)[name]) for name in SCHEMA]
        if lines_in_quotes and draw.random() < 0.1:
            row[3] = draw.choice(["two\nlines", "two\r\nlines", "\n"])
            made += [""] * (draw.random() < 0.5)
        fields = ['"' + text.replace('"', '""') + '"' if draw.random() < 0.05 or set(text) & set('",\r\n') else text for text in row]
        made.append(
            ",".join(fields[: draw.randint(1, 5)] if draw.random() < 0.01 else [*fields, "more"] if draw.random() < 0.01 else fields)
        )
    return newline.join(made) + newline * draw.randint(0, 1)


def by_the_csv_module(text: str) -> Expected:
    """Return the rows that fit, and line and number of those that do not."""
    kept: list[dict[str, Any]] = []
    rejected: list[tuple[int, int]] = []
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    ended, n_rows = reader.line_num, 0
    for fields in reader:
        line, ended = ended + 1, reader.line_num
        n_rows += bool(fields)
        try:
            if fields:
                pairs = zip(SCHEMA, fields, strict=True)
                kept.append({name: None if value in ("", "NA") else PARSE[name](value) for name, value in pairs})
        except (ValueError, KeyError):
            rejected.append((line, n_rows))
    return kept, rejected


def facts_of(result: gp.Result) -> tuple[int, int, int]:
    facts = next(stage["facts"] for stage in result.report["stages"] if stage["kind"] == "source")
    return facts["read"], facts["kept"], facts["rejected"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_are_those_of_the_csv_module(newline: str, engine: str, tmp_path: Path) -> None:
    texts = [messy(3, 2_000, newline=newline), messy(4, 50, newline=newline, lines_in_quotes=False), messy(5, 0)]
    for number, text in enumerate(texts):
        packed = text.encode()
        (tmp_path / f"{number}.csv{'.gz' if number else ''}").write_bytes(gzip.compress(packed) if number else packed)
    source = gp.ReadCsv(tmp_path, schema=SCHEMA, null_values=["", "NA"], quarantine=tmp_path / "aside")
    result = gp.Pipeline("p", rows=source.node()).run(engine)
    expected = [by_the_csv_module(text) for text in texts]
    kept = [row for rows, _ in expected for row in rows]
    assert result["rows"].to_polars().to_dicts() == kept
    aside = pq.read_table(tmp_path / "aside").sort_by([("file", "ascending"), ("row", "ascending")]).to_pylist()
    assert [(row["line"], row["row"]) for row in aside] == [place for _, places in expected for place in places]
    assert {Path(row["file"]).name for row in aside} == {"0.csv", "1.csv.gz"} and all(row["reason"] and row["text"] for row in aside)
    assert facts_of(result) == (len(kept) + len(aside), len(kept), len(aside)) and len(aside) > 50


def test_lines_are_those_of_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(messy(6, 3_000, lines_in_quotes=False))
    source = gp.ReadCsv(path, schema=SCHEMA, null_values=["", "NA"], quarantine=tmp_path / "aside")
    result = gp.Pipeline("p", rows=source.node()).run("cpu")
    types = {"id": "BIGINT", "day": "DATE", "x": "DOUBLE", "t": "VARCHAR", "at": "TIMESTAMP", "ok": "BOOLEAN"}
    options = "header=true, auto_detect=false, nullstr=['', 'NA'], store_rejects=true, rejects_limit=0"
    with duckdb.connect() as connection:
        kept = connection.execute(f"SELECT * FROM read_csv('{path}', columns={types}, {options})").fetchall()
        lines = connection.execute("SELECT DISTINCT line FROM reject_errors ORDER BY line").fetchall()
    assert [(row["line"],) for row in pq.read_table(tmp_path / "aside").to_pylist()] == lines and len(lines) > 50
    assert result["rows"].to_polars().rows() == kept


def test_columns_that_nobody_needs_are_held_to_their_dtypes(engine: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,x\ny,4\n")
    source = gp.ReadCsv(tmp_path / "a.csv", dtypes={"a": nw.Int64, "b": nw.Int64}, quarantine=tmp_path / "aside")
    result = gp.Pipeline("p", total=gp.Scalar(nw.col("b").sum())(source.node())).run(engine)
    assert result["total"] == 2 and facts_of(result) == (3, 1, 2)


@pytest.mark.once_on_clusters
def test_short_rows_are_filled_and_others_put_aside(engine: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"# none\na||b\n1\n\n2||x||\n3||y||z\nq||w\n4||'p||q'\n5||\xff\n")
    options: dict[str, Any] = {"separator": "||", "quote": "'", "comment": "#", "ragged": "fill", "dtypes": {"a": nw.Int64, "b": nw.String}}
    source = gp.ReadCsv(tmp_path / "a.txt", quarantine=tmp_path / "aside", **options)
    result = gp.Pipeline("p", rows=source.node()).run(engine)
    assert result["rows"].to_polars().rows() == [(1, None), (2, "x"), (4, "p||q")]
    aside = [(row["line"], row["row"], row["reason"]) for row in pq.read_table(tmp_path / "aside").to_pylist()]
    assert aside == [
        (6, 3, "expected 2 fields, got 3"),
        (7, 4, "expected Int64 in 'a', got 'q' (Int64 takes whole numbers)"),
        (9, 6, "expected UTF-8 text, got the byte 0xff at position 4"),
    ]


def test_what_cannot_be_put_aside_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n1,x\n2,"y\n3,z\n')
    source = gp.ReadCsv(tmp_path / "a.csv", quarantine=tmp_path / "aside")
    with pytest.raises(SourceError, match=r"a\.csv, line 3 \(row 2\): expected each quote to be closed"):
        gp.Pipeline("p", rows=source.node()).run("cpu")
    assert not list((tmp_path / "aside").iterdir())


def test_reading_again_with_another_schema(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n1.5\nx\n")
    for dtype, kept in ((nw.Int64, 1), (nw.Float64, 2), (nw.String, 3), (nw.Int64, 1)):
        source = gp.ReadCsv(tmp_path / "a.csv", schema={"a": dtype}, quarantine=tmp_path / "aside")
        result = gp.Pipeline("p", rows=source.node()).run("cpu")
        assert facts_of(result) == (3, kept, 3 - kept) and source.known_rows() == len(result["rows"]) == kept
        assert pq.read_table(tmp_path / "aside").num_rows == 3 - kept
