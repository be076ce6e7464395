"""Rows kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from gpupipe.sinks.to_memory import ToMemory


def test_every_dtype_is_kept(every_dtype: pa.Table, write: Callable[[Any, Any], Any], same: Any) -> None:
    same(write(ToMemory(), every_dtype), every_dtype)


def test_no_rows_keep_their_columns(write: Callable[[Any, Any], Any]) -> None:
    found = write(ToMemory(), pa.table({"a": pa.array([], pa.int8())}))
    assert found.num_rows == 0 and found.schema.types == [pa.int8()]


def test_two_memories_are_no_conflict() -> None:
    assert ToMemory().target() is None
