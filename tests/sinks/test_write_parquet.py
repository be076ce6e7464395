"""Parquet outputs: every dtype comes back, the old output stays until the new one is whole, and a full disk is named."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpupipe.core.errors import ColumnError, PlanError, SinkError, UsageError
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
