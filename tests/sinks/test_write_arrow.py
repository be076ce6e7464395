"""Arrow IPC outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from gpupipe.core.errors import SinkError
from gpupipe.sinks.write_arrow import WriteArrow
from gpupipe.sources.read_arrow import ReadArrow

Write = Callable[[Any, Any], Any]
Read = Callable[[Any], pa.Table]


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("place", ["a.arrow", "a.feather", "a.ipc", "folder", "memory://ipc-out/a.arrow"])
def test_every_dtype_comes_back(place: str, tmp_path: Path, every_dtype: pa.Table, write: Write, read: Read, same: Any) -> None:
    path = place if "://" in place else f"{tmp_path}/{place}"
    assert write(WriteArrow(path), every_dtype)["rows"] == 4
    same(read(ReadArrow(path, nan_as_null=False)), every_dtype)


def test_other_readers_get_plain_types(tmp_path: Path, write: Write) -> None:
    write(WriteArrow(tmp_path / "a.feather"), pa.table({"s": ["x", None]}))
    assert feather.read_table(tmp_path / "a.feather").schema.types == [pa.large_string()]


def test_no_rows(tmp_path: Path, write: Write, read: Read) -> None:
    assert write(WriteArrow(tmp_path / "a.arrow"), pa.table({"a": pa.array([], pa.int8())}))["rows"] == 0
    assert read(ReadArrow(tmp_path / "a.arrow")).schema.types == [pa.int8()]


def test_a_full_disk_is_named(small_disk: Path, write: Write) -> None:
    with pytest.raises(SinkError, match=r"a\.arrow could not be written: the disk is full"):
        write(WriteArrow(small_disk / "a.arrow"), pa.table({"a": np.arange(1_000_000)}))
    assert not list(small_disk.iterdir())
