"""What is told of Parquet files: bytes of columns, row groups, values in folders, whether files are alike, and changed files anew."""

from __future__ import annotations

import os
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.core.ends import Reading
from gpupipe.engines._parquet_parts import ParquetParts, footer_of, parts_to_read, whole_groups

TABLE = pa.table({"a": list(range(1000)), "s": [{"x": number, "y": str(number)} for number in range(1000)], "l": [[1, 2]] * 1000})


def test_bytes_of_columns_are_those_of_their_pages(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=300)
    facts = pq.read_metadata(tmp_path / "a.parquet")
    footer = footer_of(str(tmp_path / "a.parquet"))
    groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
    assert len(groups) == 4
    for group, told in zip(groups, footer.groups, strict=True):
        sizes = [group.column(place).total_compressed_size for place in range(4)]
        assert told.n_rows == group.num_rows
        assert told.page_bytes == {"a": sizes[0], "s": sizes[1] + sizes[2], "l": sizes[3]}
    assert footer.schema.names == ["a", "s", "l"]


@pytest.mark.parametrize(
    "other",
    [TABLE.select(["s", "a", "l"]), TABLE.set_column(0, "a", TABLE["a"].cast(pa.int32())), TABLE.rename_columns(["b", "s", "l"]),
     TABLE.set_column(0, "a", TABLE["a"].cast(pa.timestamp("us"))), TABLE.select(["a", "s"])],
    ids=["order", "width", "name", "meaning", "fewer"],
)  # fmt: skip
def test_files_that_differ_are_told_apart(tmp_path: Path, other: pa.Table) -> None:
    for name, table in {"a": TABLE, "b": TABLE.slice(10, 5), "c": other}.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    one, same, differs = (footer_of(str(tmp_path / f"{name}.parquet")).columns for name in "abc")
    assert one == same != differs


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    pq.write_table(TABLE.select(["a"]), path)
    assert footer_of(path) is footer_of(path)
    pq.write_table(TABLE.select(["l"]), path)
    os.utime(path, (1, 1))
    assert footer_of(path).schema.names == ["l"]


def parts_of(source: gp.ReadParquet, columns: list[str], predicate: pl.Expr | None = None) -> ParquetParts:
    return parts_to_read([source.scan("")], Reading(tuple(columns), predicate))


def test_a_file_is_one_part(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=300)
    found = parts_of(gp.ReadParquet(tmp_path), ["a"])
    [part] = found.parts
    assert found.are_whole and found.are_alike and found.folders.column_names == []
    assert (part.n_rows, part.groups) == (1000, (0, 1, 2, 3))


def test_pieces_are_runs_of_row_groups(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=300)
    source = gp.ReadParquet(tmp_path)
    scans = [source.scan_piece(piece, "") for piece in source.pieces(0, 600)]
    assert all(whole_groups(scan) for scan in scans)
    found = parts_to_read(scans, Reading(("a",)))
    assert [part.groups for part in found.parts] == [(0, 1), (2, 3)] and not found.are_whole
    assert sum(part.n_bytes(["a"]) for part in found.parts) == sum(group.page_bytes["a"] for group in found.parts[0].footer.groups)
    whole = pa.concat_tables(pq.ParquetFile(part.path).read_row_groups(list(part.groups), columns=["a"]) for part in found.parts)
    assert whole == TABLE.select(["a"])
    assert not whole_groups(replace(scans[0], rows=(0, 301))) and not whole_groups(replace(scans[0], rows=(1, 599)))


def test_values_in_folders_are_those_of_the_host(tmp_path: Path) -> None:
    table = pl.DataFrame({"y": [2001, 2001, 2002, 2002, 2003], "s": ["a b", None, "ä/b", "x", "x"], "v": [1, 2, 3, 4, 5]})
    gp.Pipeline("p", out=gp.WriteParquet(tmp_path / "out", partition_by=["y", "s"])(gp.FromFrame(table).node())).run("cpu")
    source = gp.ReadParquet(tmp_path / "out")
    found = parts_of(source, ["s", "v", "y"])
    rows = [
        {**folder, "v": value}
        for part, folder in zip(found.parts, found.folders.to_pylist(), strict=True)
        for value in pq.ParquetFile(part.path).read().column("v").to_pylist()
    ]
    read = gp.Pipeline("q", out=source.node()).run("cpu")["out"].to_polars()
    assert sorted(rows, key=itemgetter("v")) == read.select("s", "y", "v").sort("v").to_dicts()
    assert found.folders.schema.field("y").type == read["y"].to_arrow().type


def test_a_predicate_on_folders_leaves_files_out(tmp_path: Path) -> None:
    for year in (2001, 2002, 2003):
        (tmp_path / f"y={year}").mkdir()
        pq.write_table(pa.table({"v": [year, 0]}), tmp_path / f"y={year}" / "a.parquet")
    source = gp.ReadParquet(tmp_path)
    assert [part.path[-14:] for part in parts_of(source, ["v", "y"], pl.col("y") > 2001).parts] == ["2002/a.parquet", "2003/a.parquet"]
    assert parts_of(source, ["v", "y"], pl.col("y") > 2003).parts == ()
    assert len(parts_of(source, ["v", "y"], (pl.col("y") > 2001) & (pl.col("v") > 0)).parts) == 3  # rows are the reader's to leave out
    assert len(parts_of(source, ["v"]).parts) == 3


def test_a_file_without_rows_says_nothing_of_its_folders(tmp_path: Path) -> None:
    for year, rows in ((2001, []), (2002, [1])):
        (tmp_path / f"y={year}").mkdir()
        pq.write_table(pa.table({"v": pa.array(rows, pa.int64())}), tmp_path / f"y={year}" / "a.parquet")
    found = parts_of(gp.ReadParquet(tmp_path), ["v", "y"])
    assert [part.n_rows for part in found.parts] == [0, 1] and found.folders["y"].to_pylist() == [None, 2002]
