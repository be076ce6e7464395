"""Parquet outputs: every dtype comes back, the old output stays until the new one is whole, and a full disk is named."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, PlanError, SinkError, UsageError
from gpupipe.core.schema import as_schema
from gpupipe.sinks.write_parquet import WriteParquet
from gpupipe.sources.read_parquet import ReadParquet

Write = Callable[[Any, Any], Any]
Read = Callable[[Any], pa.Table]
SMALL = pa.table({"a": [1, 2, 3], "k": ["x", "y", None]})


@pytest.mark.parametrize("place", ["out.parquet", "out", "deep/er/out.parquet", "memory://written/out.parquet", "memory://written/out"])
def test_every_dtype_comes_back(place: str, tmp_path: Path, every_dtype: pa.Table, write: Write, read: Read, same: Any) -> None:
    path = place if "://" in place else f"{tmp_path}/{place}"
    value = write(WriteParquet(path), every_dtype)
    assert value == {"rows": 4, "columns": every_dtype.num_columns, "path": value["path"]}
    same(read(ReadParquet(path, nan_as_null=False)), every_dtype)


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("compression", ["zstd", "snappy", "lz4", "gzip", "uncompressed"])
def test_compressions(compression: Any, tmp_path: Path, write: Write) -> None:
    write(
        WriteParquet(tmp_path / "a.parquet", compression=compression),
        pa.table({"a": [f"a row like every other, {n}" for n in range(20_000)]}),
    )
    found = pq.read_metadata(tmp_path / "a.parquet").row_group(0).column(0).compression
    assert found.lower().replace("lz4_raw", "lz4") == compression
    with pytest.raises(UsageError, match="compression to be one of 'zstd'.*got 'lzma'"):
        WriteParquet("x", compression="lzma")  # type: ignore[arg-type]


def test_partitions_are_folders(tmp_path: Path, write: Write, read: Read) -> None:
    table = pa.table({"v": range(6), "b": [True, False] * 3, "k": ["a b", "x/y", None, "", "é=%", "a b"]})
    value = write(WriteParquet(tmp_path / "out", partition_by=["b", "k"]), table)
    assert value["rows"] == 6 and value["columns"] == 3
    names = sorted(str(path.relative_to(tmp_path / "out").parent) for path in (tmp_path / "out").rglob("*.parquet"))
    assert names == [
        "b=false/k=",
        "b=false/k=a b",
        "b=false/k=x%2Fy",
        "b=true/k=%C3%A9%3D%25",
        "b=true/k=__HIVE_DEFAULT_PARTITION__",
        "b=true/k=a b",
    ]
    back = ReadParquet(tmp_path / "out", schema={"v": nw.Int64, "b": nw.Boolean, "k": nw.String})
    assert read(back).sort_by("v").to_pydict() == table.to_pydict()


def test_partitions_of_many_batches_are_complete(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.sinks._files._HELD_BYTES", 1 << 16)
    table = pa.table({"v": np.arange(300_000), "k": np.arange(300_000) % 7})
    write(WriteParquet(tmp_path / "out", partition_by="k"), table)
    back = pq.read_table(tmp_path / "out")
    assert back.num_rows == 300_000 and len(list((tmp_path / "out" / "k=3").iterdir())) >= 1
    assert back.sort_by("v")["k"].cast(pa.int64()).to_pylist() == table["k"].to_pylist()


def test_no_rows_keep_their_columns(tmp_path: Path, write: Write, read: Read) -> None:
    for name, by in (("a.parquet", None), ("a", None), ("p", "k")):
        assert write(WriteParquet(tmp_path / name, partition_by=by), SMALL.slice(0, 0))["rows"] == 0
        found = read(ReadParquet(tmp_path / name))
        assert found.num_rows == 0 and found.column_names == ["a", "k"]


@pytest.mark.parametrize("name", ["a.parquet", "a"])
def test_the_old_output_is_replaced_as_a_whole(name: str, tmp_path: Path, write: Write) -> None:
    write(WriteParquet(tmp_path / name, partition_by=None if "." in name else "k"), SMALL)
    write(WriteParquet(tmp_path / name), SMALL.slice(0, 1))
    assert pq.read_table(tmp_path / name).to_pydict() == {"a": [1], "k": ["x"]}
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(SinkError, match="Expected nothing at .*, as overwrite=False says, got an output there"):
        WriteParquet(tmp_path / name, overwrite=False).probe()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", ["a.parquet", "a"])
def test_a_failed_write_leaves_the_old_output(name: str, tmp_path: Path, write: Write) -> None:
    write(WriteParquet(tmp_path / name), SMALL)
    before = content(tmp_path)

    writer = WriteParquet(tmp_path / name).open(SMALL.schema)
    writer.write(SMALL.to_batches()[0])
    assert content(tmp_path) != before
    writer.abort()
    assert content(tmp_path) == before
    writer = WriteParquet(tmp_path / name).open(SMALL.schema)
    writer.write(SMALL.to_batches()[0])
    writer.close()
    writer.abort()
    assert content(tmp_path) == before and [path.name for path in tmp_path.iterdir()] == [name]


def test_a_failed_remote_write_leaves_the_old_output(write: Write) -> None:
    fs = fsspec.filesystem("memory")
    write(WriteParquet("memory://kept/a.parquet"), SMALL)
    before = fs.cat("/kept/a.parquet")
    writer = WriteParquet("memory://kept/a.parquet").open(SMALL.schema)
    writer.write(SMALL.to_batches()[0])
    writer.abort()
    assert fs.cat("/kept/a.parquet") == before and len(fs.ls("/kept")) == 1


@pytest.mark.parametrize("name", ["a.parquet", "a"])
def test_a_full_disk_is_named_and_left_clean(name: str, small_disk: Path, write: Write) -> None:
    write(WriteParquet(small_disk / name), SMALL)
    before = content(small_disk)
    noise = pa.table({"a": np.random.default_rng(0).random(1_000_000)})
    with pytest.raises(SinkError) as caught:
        write(WriteParquet(small_disk / name), noise)
    assert str(caught.value).startswith(f"{small_disk / name} could not be written: the disk is full (no space left), ")
    assert "bytes are free there. Make room, or write to another path; the old output is as it was." in str(caught.value)
    assert content(small_disk) == before


def test_a_place_that_cannot_be_written_is_found_first(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"file/a\.parquet could not be written: (Not a directory|File exists)\. Check the path"):
        WriteParquet(tmp_path / "file" / "a.parquet").probe()
    with pytest.raises(SinkError, match=r"/proc/a\.parquet could not be written: .*Check the path and its permissions"):
        WriteParquet("/proc/a.parquet").probe()
    with pytest.raises(SinkError, match="Expected a folder or nothing at .*file', got a file"):
        WriteParquet(tmp_path / "file").probe()
    (tmp_path / "d.parquet").mkdir()
    with pytest.raises(SinkError, match=r"Expected a file or nothing at .*d\.parquet', got a folder"):
        WriteParquet(tmp_path / "d.parquet").probe()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_found_first(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(SinkError, match="could not be written: Permission denied"):
        WriteParquet(tmp_path / "a.parquet").probe()


def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.doc").touch()
    with pytest.raises(SinkError, match=r"since all of it will be replaced, got other files there: '.*thesis\.doc'"):
        WriteParquet(tmp_path / "home").probe()


def test_a_link_is_followed(tmp_path: Path, write: Write) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.parquet").symlink_to(tmp_path / "real" / "a.parquet")
    write(WriteParquet(tmp_path / "link.parquet"), SMALL)
    assert (tmp_path / "link.parquet").is_symlink() and pq.read_metadata(tmp_path / "real" / "a.parquet").num_rows == 3
    assert WriteParquet(tmp_path / "link.parquet").target() == WriteParquet(tmp_path / "real" / "a.parquet").target()


def test_an_output_may_be_read_while_it_is_replaced(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "a.parquet"
    write(WriteParquet(path), SMALL)
    write(WriteParquet(path), ReadParquet(path, schema={"k": nw.String}))
    assert pq.read_table(path).column_names == ["k"]


def test_partitions_are_checked() -> None:
    with pytest.raises(UsageError, match="A partitioned output is a folder"):
        WriteParquet("a.parquet", partition_by="k")
    with pytest.raises(ColumnError, match="no column 'key'"):
        WriteParquet("a", partition_by="key").check(as_schema({"k": nw.Int8, "v": nw.Int8}))
    with pytest.raises(PlanError, match="expects columns beside 'k'"):
        WriteParquet("a", partition_by="k").check(as_schema({"k": nw.Int8}))


@pytest.mark.once_on_clusters
@pytest.mark.parametrize(
    "name",
    ["_gpupipe-mine", ".env", "_keep.txt", "README.md", "part-00099.parquet", "sub/part-00000.parquet", "k=1/x.parquet", "empty/", "link"],
)
def test_a_folder_with_anything_else_is_never_replaced(name: str, tmp_path: Path, write: Write) -> None:
    """Also not where it was put there while the run was at work."""
    out = tmp_path / "out"
    write(WriteParquet(out), SMALL)
    write(WriteParquet(out), SMALL)  # what a sink wrote is replaced

    def put() -> None:
        path = out / name
        path.parent.mkdir(exist_ok=True)
        if name == "link":
            path.symlink_to(tmp_path)
        else:
            path.mkdir() if name.endswith("/") else path.write_text("mine")

    writer = WriteParquet(out).open(SMALL.schema)
    writer.write(SMALL.to_batches()[0])
    writer.close()
    put()
    told = f"Expected a folder that gpupipe wrote, and nothing else in it, at '{out}'.*got other files there: .*"
    told += re.escape("part-00000.parquet" if name == "part-00099.parquet" else name)
    with pytest.raises(SinkError, match=told):
        writer.commit()
    writer.abort()
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in out.rglob("*"))
    for sink in (WriteParquet(out), WriteParquet(out, partition_by="k")):
        with pytest.raises(SinkError, match=told):
            write(sink, SMALL)
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in out.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("place", ["memory:/", ""])
def test_a_folder_that_another_program_wrote_is_never_replaced(place: str, tmp_path: Path, write: Write) -> None:
    path = f"{place}{tmp_path}/out"
    fs, inner = fsspec.core.url_to_fs(path)
    fs.makedirs(inner, exist_ok=True)
    fs.pipe_file(f"{inner}/part-00000.parquet", b"theirs")
    with pytest.raises(SinkError, match="got other files there: 'part-00000.parquet'"):
        write(WriteParquet(path), SMALL)
    fs.rm(f"{inner}/part-00000.parquet")
    write(WriteParquet(path, partition_by="k"), SMALL)  # an empty folder is anybody's
    assert write(WriteParquet(path), SMALL)["rows"] == 3
    assert not [name for name in fs.find(inner) if "k=" in name]


def test_a_folder_is_read_by_others_in_spite_of_its_mark(tmp_path: Path, write: Write) -> None:
    write(WriteParquet(tmp_path / "out", partition_by="k"), SMALL)
    assert pl.read_parquet(tmp_path / "out").height == pq.read_table(tmp_path / "out").num_rows == 3


def test_names_of_columns_stay_inside_the_folder(tmp_path: Path, write: Write, read: Read) -> None:
    """Names are quoted as values are."""
    evil = {"../../evil": ["a", "../../b", None], "/abs": ["..", ".", "~"], "=%\n": ["=", "\0", "\n"]}
    table = pa.table({"v": [1, 2, 3], **evil})
    out = tmp_path / "deep" / "out"
    write(WriteParquet(out, partition_by=list(evil)), table)
    assert [path.name for path in tmp_path.rglob("*") if "=" not in path.name and path.is_dir()] == ["deep", "out"]
    assert len(list(out.rglob("part-*.parquet"))) == 3
    back = read(ReadParquet(out, schema={"v": nw.Int64, **dict.fromkeys(evil, nw.String)}))
    assert back.sort_by("v").to_pydict() == table.to_pydict()


def test_two_keys_never_share_a_folder(tmp_path: Path, write: Write) -> None:
    table = pa.table({"k": [None, "__HIVE_DEFAULT_PARTITION__", "x"], "v": [1, 2, 3]})
    with pytest.raises(SinkError, match="Column 'k' holds the text '__HIVE_DEFAULT_PARTITION__', which as a folder's name means a missing"):
        write(WriteParquet(tmp_path / "out", partition_by="k"), table)
    assert not list(tmp_path.iterdir())
    for dtype in (nw.Time, nw.Binary, nw.Duration("us"), nw.List(nw.Int8)):
        with pytest.raises(DtypeError, match="has no folder's name for .* in partition column 'k'"):
            WriteParquet("a", partition_by="k").check(as_schema({"k": dtype, "v": nw.Int8}))


def test_parts_of_one_key_are_one_file(tmp_path: Path) -> None:
    """Where a column has one value twice in its dictionary, as Arrow allows."""
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array(["x", "x"]))
    batch = pa.RecordBatch.from_arrays([twice, pa.array([1, 2, 3])], ["k", "v"])
    writer = WriteParquet(tmp_path / "out", partition_by="k").open(batch.schema)
    part = writer.parts()
    assert part is not None
    writer.take_parts([part.write(0, [batch])])
    writer.close()
    assert writer.commit()["rows"] == pq.read_table(tmp_path / "out" / "k=x").num_rows == 3


def test_a_fifo_or_a_device_is_no_output(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.parquet")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "b").symlink_to("/dev/null")
    for name, wanted, kind in (("a.parquet", "file", "FIFO"), ("pipe", "folder", "FIFO"), ("b", "folder", "device")):
        with pytest.raises(SinkError, match=f"Expected a {wanted} or nothing at .*, got a {kind}, which cannot be replaced"):
            WriteParquet(tmp_path / name).probe()


def test_replacing_keeps_the_rights_and_nobody_reads_the_rows_meanwhile(tmp_path: Path, write: Write) -> None:
    for name in ("a.parquet", "a"):
        write(WriteParquet(tmp_path / name, partition_by=None if "." in name else "k"), SMALL)
        for path in (tmp_path / name, *(tmp_path / name).rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        writer = WriteParquet(tmp_path / name).open(SMALL.schema)
        writer.write(SMALL.to_batches()[0])
        (made,) = tmp_path.glob(".a*.tmp-*")
        assert made.stat().st_mode & 0o777 == 0o700
        writer.abort()
        write(WriteParquet(tmp_path / name), SMALL)
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / name, *(tmp_path / name).rglob("*"))}
        assert modes == ({0o600} if "." in name else {0o600, 0o700})


def test_a_link_in_the_way_of_a_temporary_name_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names cannot be guessed; were one, nothing would be written through the link."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".a.parquet.tmp-guessed").symlink_to(tmp_path / "victim")
    guesses = iter(["guessed", "other"])
    monkeypatch.setattr("tempfile._RandomNameSequence.__next__", lambda _: next(guesses))
    writer = WriteParquet(tmp_path / "a.parquet").open(SMALL.schema)
    writer.write(SMALL.to_batches()[0])
    writer.close()
    writer.commit()
    assert (tmp_path / "victim").read_text() == "mine" and pq.read_metadata(tmp_path / "a.parquet").num_rows == 3


@pytest.mark.parametrize("name", ["a.parquet", "a", "a.csv"])
def test_a_full_disk_is_the_sinks_and_no_other_stages(name: str, small_disk: Path, engine: str) -> None:
    rows = gp.FromArrow(pa.table({"a": np.random.default_rng(0).random(300_000)})).node() >> gp.WithColumns(b=nw.col("a") * 2)
    sink = gp.WriteCsv(small_disk / name) if name.endswith("csv") else WriteParquet(small_disk / name)
    with pytest.raises(SinkError, match="the disk is full") as caught:
        gp.Pipeline("full", n=gp.Scalar(nw.col("b").sum())(rows), written=sink(rows)).run(engine)
    assert caught.value.__notes__[0].startswith(f"In stage {sink.name} on engine '{engine}'") and not list(small_disk.iterdir())
