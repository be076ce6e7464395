"""Stages that do not fit into memory, with MemoryErrors of the allocator itself: the process may take only so much more."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.core.errors import StageError
from gpupipe.core.node import Table
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage
from gpupipe.core.verbs import Joining
from gpupipe.engines._arrow import table_of
from gpupipe.engines._retry import HOST_MEMORY, Memory, cut, is_memory_error
from gpupipe.engines.load import load_engine
from gpupipe.testing.compare import assert_same_rows

MIB = 1 << 20
ROWS = 4096
NEEDED_PER_ROW = MIB // 2  # 2 GiB for all rows


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """Let this process take only so much more address space than it has."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def hungry(frame: nw.LazyFrame[Any]) -> int:
    """Take memory for each row and let go of it, as a stage's temporaries do; return how many rows there were."""
    n_rows = len(frame.collect())
    np.empty((n_rows, NEEDED_PER_ROW), dtype=np.uint8)
    return n_rows


@gp.rows
def doubled(frame: nw.LazyFrame) -> nw.LazyFrame:
    hungry(frame)
    return frame.with_columns(y=nw.col("x") * 2)


@gp.by_key("k")
def counted(frame: nw.LazyFrame) -> nw.LazyFrame:
    hungry(frame)
    return frame.group_by("k").agg(n=nw.col("x").count())


@gp.whole_table
def whole(frame: nw.LazyFrame) -> nw.LazyFrame:
    hungry(frame)
    return frame


class Paired(KeyStage):
    """Joins two tables by key, and needs memory for the rows of both."""

    takes = (Table, Table)
    keys = ("k",)

    def run(self, verbs: Any, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        hungry(frames[0])
        hungry(frames[1])
        return verbs.join(frames[0], frames[1], Joining(("k",), ("k",), "full"))


TABLE = pa.table({"k": pa.array([None if i % 50 == 0 else i % 7 for i in range(ROWS)], pa.int64()), "x": pa.array(range(ROWS), pa.int64())})


def run_on_pandas(stage: Any, *tables: pa.Table, memory: Memory = HOST_MEMORY) -> pa.Table:
    """Return the stage's result of the engine `pandas`, with its schema as Polars plans it."""
    engine = load_engine("pandas")
    engine.memory = memory
    frames = [engine.verbs.literal(table) for table in tables]
    planned = Schema.of_names({"k": nw.Int64(), **{name: nw.Int64() for name in PLANNED[stage]}})
    with room_for(1100 * MIB):
        made = engine.run(stage, frames, planned)
    return engine.to_arrow(made)


paired = Paired()
PLANNED = {doubled: ("x", "y"), counted: ("n",), whole: ("x",), paired: ("x", "v")}


def test_a_row_stage_is_run_on_parts_in_order() -> None:
    made = run_on_pandas(doubled, TABLE)
    assert made["y"].to_pylist() == [2 * i for i in range(ROWS)]


def test_a_key_stage_is_run_on_whole_keys() -> None:
    made = run_on_pandas(counted, TABLE)
    values = [i % 7 if i % 50 else None for i in range(ROWS)]
    wanted = pa.table({"k": [None, *range(7)], "n": [values.count(key) for key in [None, *range(7)]]})
    assert_same_rows(made, wanted)


def test_every_input_of_a_key_stage_is_cut_alike() -> None:
    right = pa.table({"k": pa.array([0, 3, 9, None], pa.int64()), "v": pa.array([10, 13, 19, 20], pa.int64())})
    made = run_on_pandas(paired, TABLE, right)
    verbs = load_engine("pandas").verbs
    at_once = verbs.join(verbs.literal(TABLE), verbs.literal(right), Joining(("k",), ("k",), "full"))
    assert_same_rows(made, table_of(at_once.collect()))
    assert made.num_rows == ROWS + 2


def test_a_stage_that_needs_all_rows_says_what_is_missing_after_room_was_made() -> None:
    asked = []
    memory = Memory(is_memory_error, lambda: asked.append("room") or 0, lambda: 123_456)
    message = r"^Stage whole needs 2,147,483,648 bytes more, have 123,456 bytes free; it was cut .* The library said: Unable to allocate 2"
    with pytest.raises(StageError, match=message):
        run_on_pandas(whole, TABLE, memory=memory)
    assert asked == ["room"]


def test_room_that_is_made_is_used() -> None:
    limits = resource.getrlimit(resource.RLIMIT_AS)

    def make_room() -> int:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        return 1

    made = run_on_pandas(whole, TABLE, memory=Memory(is_memory_error, make_room, lambda: None))
    assert made.num_rows == ROWS


def test_rows_that_cannot_be_cut() -> None:
    verbs = load_engine("pandas").verbs
    assert cut(doubled, [verbs.literal(TABLE.slice(0, 1))], verbs) is None
    assert cut(counted, [verbs.literal(pa.table({"k": [1, 1], "x": [1, 2]}))], verbs) is None
    assert cut(counted, [verbs.literal(TABLE.slice(0, 0))], verbs) is None


def test_other_errors_are_not_retried() -> None:
    tries = []

    @gp.rows
    def wrong(frame: nw.LazyFrame) -> nw.LazyFrame:
        tries.append(1)
        raise ValueError("no")

    PLANNED[wrong] = ()
    with pytest.raises(StageError, match="^ValueError: no$"):
        run_on_pandas(wrong, TABLE)
    assert len(tries) == 1


def test_a_memory_error_behind_another_one_is_found() -> None:
    program = "try:\n  try:\n    bytearray(1 << 62)\n  except MemoryError as e:\n    raise ValueError('wrapped') from e\n"
    program += "except ValueError as e:\n  from gpupipe.engines._retry import is_memory_error as m\n  print(m(e), m(ValueError()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"
