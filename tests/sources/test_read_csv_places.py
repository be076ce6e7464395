"""The file and line of each row as columns, which stages and checks carry along like others."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow.parquet as pq
import pytest

import gpupipe as gp

pytestmark = pytest.mark.filterwarnings("ignore::gpupipe.core.ends.SourceWarning")
TEXTS = {
    "a.csv": 'id,t\n1,x\n\n2,"two\nlines"\n999,z\n',
    'b "c", d.csv': 'id,t\r\n4,"\r\n"\r\n5,\r\n6,y',
    "e.csv.gz": "id,t\n" + "".join(f'{number},"{chr(10) * (number % 3)}"\n' for number in range(5_000)),
}


def lines_of(text: str) -> list[tuple[int, int]]:
    """Return the number of each row and the line on which it begins, as Python's csv module has them."""
    reader, found = csv.reader(io.StringIO(text, newline="")), []
    ended = 0
    for fields in reader:
        line, ended = ended + 1, reader.line_num
        if fields and line > 1:
            found.append((int(fields[0]), line))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in TEXTS.items():
        (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return tmp_path


@pytest.mark.parametrize("options", [{}, {"quarantine": "aside"}, {"null_values": ["999", "4"]}])
def test_lines_are_those_of_the_csv_module(options: dict[str, Any], folder: Path, engine: str) -> None:
    options = {name: folder / value if name == "quarantine" else value for name, value in options.items()}
    source = gp.ReadCsv(folder, schema={"id": nw.Int64, "t": nw.String}, file_column="file", line_column="line", **options)
    assert source.schema().dtypes == {"id": nw.Int64, "t": nw.String, "file": nw.String, "line": nw.Int64}
    rows = gp.Pipeline("p", rows=source.node()).run(engine)["rows"].to_polars()
    expected = [(str(folder / name), line) for name, text in TEXTS.items() for _, line in lines_of(text)]
    assert list(zip(rows["file"], rows["line"], strict=True)) == expected


@pytest.mark.once_on_clusters
def test_what_is_rejected_by_rules_has_its_file_and_line(tmp_path: Path, engine: str) -> None:
    (tmp_path / "a.csv").write_text('id,fare\n1,5\n2,-1\nx,3\n3,"4"\n')
    (tmp_path / "b.csv").write_text("id,fare\n1,7\n8,-2\n")
    dtypes = {"id": nw.Int64, "fare": nw.Float64}
    rows = gp.ReadCsv(tmp_path, dtypes=dtypes, quarantine=tmp_path / "aside", file_column="file", line_column="line").node()
    checked = gp.Expect(mode="quarantine", paid=nw.col("fare") > 0, once=gp.Unique("id"))(rows)
    pipeline = gp.Pipeline(
        "p", kept=gp.Drop("file", "line")(checked.kept), rejected=gp.SortRows(["file", "line"])(checked.rejected), n=checked.counts
    )
    result = pipeline.run(engine)
    assert [
        (Path(file).name, line, reason) for file, line, reason in result["rejected"].to_polars().select("file", "line", "reason").rows()
    ] == [
        ("a.csv", 2, "once"),
        ("a.csv", 3, "paid"),
        ("b.csv", 2, "once"),
        ("b.csv", 3, "paid"),
    ]
    assert result["n"] == {"read": 5, "kept": 1, "rejected": 4, "paid": 2, "once": 2} and result["kept"].to_polars().rows() == [(3, 4.0)]
    assert pq.read_table(tmp_path / "aside")["line"].to_pylist() == [4]


@pytest.mark.once_on_clusters
def test_a_filter_by_line_and_a_column_alone(folder: Path, engine: str) -> None:
    source = gp.ReadCsv(folder / "e.csv.gz", line_column="line")
    rows = gp.Select("line")(gp.Filter(nw.col("line") < 8)(source.node()))
    assert gp.Pipeline("p", rows=rows).run(engine)["rows"].to_polars()["line"].to_list() == [2, 3, 5]
    counted = gp.Scalar(nw.len())(gp.ReadCsv(folder / "a.csv", file_column="file").node())
    assert gp.Pipeline("p", n=counted).run(engine)["n"] == 3
