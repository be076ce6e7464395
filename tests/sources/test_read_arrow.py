"""Arrow IPC files and streams."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from pyarrow import feather

from gpupipe.core.errors import SourceError
from gpupipe.sources.read_arrow import ReadArrow

Read = Callable[..., pa.Table]
TABLE = pa.table({"a": [1, None], "s": pa.array(["x", "y"]).dictionary_encode(), "f": [math.nan, 2.0]})


@pytest.fixture(params=["file", "stream", "lz4", "zstd", "two dictionaries"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a.arrow"
    if request.param in ("lz4", "zstd"):
        feather.write_feather(TABLE, path, compression=request.param)
    elif request.param == "file":
        with pa.ipc.new_file(str(path), TABLE.schema) as file:
            file.write_table(TABLE)
    elif request.param == "stream":
        with pa.ipc.new_stream(str(path), TABLE.schema) as file:
            file.write_table(TABLE)
    else:
        with pa.ipc.new_stream(str(path), TABLE.schema) as file:
            file.write_table(TABLE.slice(0, 1))
            file.write_table(TABLE.slice(1).set_column(1, "s", pa.array(["y"]).dictionary_encode()))
    return path


def test_files_and_streams_are_the_same_rows(path: Path, read: Read) -> None:
    source = ReadArrow(path)
    assert source.schema().as_json() == [["a", "Int64", True], ["s", "String", True], ["f", "Float64", True]]
    assert read(source).to_pydict() == {"a": [1, None], "s": ["x", "y"], "f": [None, 2.0]}
    assert source.known_rows() in (2, None)


def test_only_the_columns_needed_are_read(path: Path, read: Read) -> None:
    assert read(ReadArrow(path), ["s"]).to_pydict() == {"s": ["x", "y"]}


def test_a_remote_folder(path: Path, read: Read) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe({"/ipc/a.arrow": path.read_bytes(), "/ipc/b.arrow": path.read_bytes()})
    assert read(ReadArrow("memory://ipc")).num_rows == 4


def test_a_required_column_is_checked(tmp_path: Path, read: Read) -> None:
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), schema) as file:
        file.write_batch(pa.RecordBatch.from_arrays([pa.array([1, None])], schema=schema))
    with pytest.raises(SourceError, match="column 'a': expected no missing value"):
        read(ReadArrow(tmp_path))


@pytest.mark.once_on_clusters
@pytest.mark.once_on_clusters
@pytest.mark.once_on_clusters
@pytest.mark.parametrize("kept", [0, 5, 100])
def test_a_file_cut_short_is_named(kept: int, tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.arrow"
    with pa.ipc.new_file(str(path), TABLE.schema) as file:
        file.write_table(TABLE)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(SourceError, match=r"a\.arrow: expected a whole Arrow file or stream, got one that cannot be read"):
        read(ReadArrow(path))


def test_a_stream_cut_short_is_named(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.arrows"
    with pa.ipc.new_stream(str(path), pa.schema([("a", pa.int64())])) as file:
        file.write_table(pa.table({"a": list(range(1000))}))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(SourceError, match=r"a\.arrows: expected a whole Arrow file or stream"):
        read(ReadArrow(path))


def test_the_first_feather_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.feather").write_bytes(b"FEA1" + b"\0" * 100)
    with pytest.raises(SourceError, match=r"a\.feather: expected Feather version 2, got version 1\. Write it again"):
        ReadArrow(tmp_path).schema()


def test_flights(shared_data: Path, read: Read) -> None:
    source = ReadArrow(shared_data / "tables" / "flights-200k.arrow")
    assert read(source).num_rows == 200_000
