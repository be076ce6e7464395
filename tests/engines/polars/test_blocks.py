"""Blocks of Polars: parts that travel as Arrow's IPC, tell how large they are, and are cut by where their rows go."""

from __future__ import annotations

import datetime as dt
import pickle
import threading
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pytest
from dask.sizeof import sizeof
from polars.testing import assert_frame_equal

from gpupipe.core.schema import Schema
from gpupipe.engines._block_engine import PLACE
from gpupipe.engines.polars.blocks import PARTS, PolarsBlocks, frame_of_part, part_of, written_part

ROWS = pl.DataFrame(
    {
        "i": [1, None, 3, 4],
        "x": [0.5, float("nan"), None, -0.0],
        "s": ["a text of more than twelve bytes", None, "", "ü"],
        "d": [dt.date(2020, 1, 1), None, dt.date(1969, 12, 31), dt.date(9999, 1, 1)],
        "t": pl.Series([0, 1, None, 10**18], dtype=pl.Datetime("ns", "Europe/Berlin")),
        "m": [Decimal("1.25"), None, Decimal("-3.50"), Decimal("0.00")],
        "l": [[1, None], [], None, [3]],
        "r": [{"a": 1, "b": "x"}, None, {"a": None, "b": None}, {"a": 2, "b": ""}],
        "c": pl.Series(["b", "a", None, "b"], dtype=pl.Categorical),
    }
)


@pytest.fixture
def engine() -> Any:
    return PolarsBlocks()


def schema(frame: pl.DataFrame) -> Schema:
    return Schema.of_names(nw.from_native(frame).schema)


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_part_comes_back_as_it_was(protocol: int) -> None:
    assert_frame_equal(frame_of_part(pickle.loads(pickle.dumps(part_of(ROWS), protocol))), ROWS)
    many = pl.DataFrame({"a": range(50_000), "s": ["a text of more than twelve bytes"] * 50_000})
    buffers: list[pickle.PickleBuffer] = []
    outside = pickle.dumps(part_of(many), 5, buffer_callback=buffers.append)
    assert len(outside) < 5000, "the rows go beside the pickle"
    assert_frame_equal(frame_of_part(pickle.loads(outside, buffers=buffers)), many)


def test_a_part_travels_while_polars_is_busy() -> None:
    """A worker answers others while a query holds all of Polars' threads."""
    part, at_work, free = part_of(ROWS), threading.Barrier(2), threading.Event()

    def hold(values: pl.Series) -> pl.Series:
        at_work.wait(30)
        free.wait(30)
        return values

    query = ROWS.lazy().select(pl.col("i").map_batches(hold, return_dtype=pl.Int64))
    thread = threading.Thread(target=query.collect)
    thread.start()
    at_work.wait(30)
    came = pickle.loads(pickle.dumps(part, 5))
    assert sizeof(came) >= part.n_bytes and not free.is_set()
    free.set()
    thread.join()
    assert_frame_equal(frame_of_part(came), ROWS)


def test_what_is_written_is_arrow_and_no_more_than_the_rows() -> None:
    many = pl.DataFrame({"s": [f"text number {number} of very many" for number in range(50_000)]})
    written = written_part(many.slice(7, 2))
    assert len(written) < 2000
    with pyarrow.ipc.open_stream(pa.py_buffer(written)) as reader:
        assert reader.read_all()["s"].to_pylist() == ["text number 7 of very many", "text number 8 of very many"]


def test_dask_sees_how_large_a_block_is(engine: PolarsBlocks) -> None:
    rows = pl.DataFrame({"a": range(100_000)})
    block = engine.closed(nw.from_native(rows.lazy()))
    assert 800_000 <= sizeof(block) < 810_000
    assert engine.measured(block) == (100_000, 800_000)


def test_a_block_may_be_of_several_parts_and_of_none(engine: PolarsBlocks) -> None:
    one, other = (engine.closed(nw.from_native(rows.lazy())) for rows in (ROWS[:1], ROWS[1:]))
    whole = pd.concat([one, other])  # as Dask puts partitions together
    assert_frame_equal(engine.opened(whole, schema(ROWS)).collect().to_native(), ROWS)
    assert engine.measured(whole)[0] == 4
    none = engine.opened(whole.iloc[:0], schema(ROWS)).collect().to_native()
    assert none.schema == ROWS.schema and len(none) == 0


def test_rows_are_cut_by_where_they_go(engine: PolarsBlocks) -> None:
    sent = engine.addressed(nw.from_native(ROWS.lazy()), np.array([2, 0, 2, 0]), (70, 80, 90))
    assert sent[PLACE].tolist() == [70.0, 90.0]
    for number, expected in ((0, ROWS[[1, 3]]), (1, ROWS[[0, 2]])):
        assert_frame_equal(engine.opened(sent[[PARTS]].iloc[[number]], schema(ROWS)).collect().to_native(), expected)
    none = engine.addressed(nw.from_native(ROWS[:0].lazy()), np.zeros(0, np.int64), (70, 80))
    assert len(none) == 0
    assert none.dtypes.tolist() == engine.addressed_meta(schema(ROWS)).dtypes.tolist()
