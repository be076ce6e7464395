"""Workers over their memory limit: they spill; blocks that are too large for them are made smaller; what is hopeless ends with figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import StageError
from tests.clusters import Servers
from tests.engines.dask.faults.conftest import NANNY
from tests.engines.dask.faults.running import Course

Start = Callable[..., Servers]

MIB = 1 << 20
ROWS = 1_200_000  # of eight bytes each, as far as they are read
LIMIT = 800 * MIB
PER_ROW = 2500  # 300,000 rows are too many for a worker, 130,000 are not


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wide")
    for number in range(16):
        ids = np.arange(ROWS // 16) + number * (ROWS // 16)
        pl.DataFrame({"id": ids, "key": ids % 5, **{f"x{column}": ids * 1.0 for column in range(3)}}).write_parquet(
            path / f"{number}.parquet"
        )
    return path


def hungry(frame: Any, n_bytes_per_row: int, n_bytes: int = 0) -> None:
    """Take memory for the rows; a worker that has not so much is ended by its nanny while this waits for that."""
    n_rows = len(frame.select("x0").collect())
    if n_rows < 100:  # the plan's
        return
    taken = np.ones(n_rows * n_bytes_per_row + n_bytes, dtype=np.uint8)
    if taken.nbytes > LIMIT * 0.95:
        time.sleep(30)


def test_what_workers_spill_is_counted(start: Start, wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__MEMORY__TARGET", "0.02")
    cluster = start(1, *NANNY, "--memory-limit", "1GB")

    @gp.rows
    def widened(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame.with_columns(**{f"y{number}": nw.col("x0") * number for number in range(6)})

    table = widened(gp.ReadParquet(str(wide)).node())
    scaled = gp.Standardize(["x0"]).fit(table)(table)
    outputs = {"table": scaled, "n": gp.Scalar(nw.col("y5").max())(table)}
    result = Course(gp.Pipeline("spills", outputs), cluster.address, block_bytes=MIB).ended()
    assert result["n"] == (ROWS - 1) * 5
    assert result["table"].shape[0] == ROWS
    (worker,) = result.report["cluster"]["workers"]
    assert worker["spilled_bytes"] > 10 * MIB
    assert result.report["cluster"]["retries"] == []


def test_a_block_too_large_for_the_workers_is_tried_again_in_smaller_ones(
    start: Start, wide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    cluster = start(1, *NANNY, "--memory-limit", str(LIMIT))

    @gp.rows
    def greedy(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        hungry(frame, PER_ROW)
        return frame.with_columns(z=nw.col("x0") * 2)

    total = gp.Scalar(nw.col("z").sum())(greedy(gp.ReadParquet(str(wide)).node()))
    result = Course(gp.Pipeline("greedy", total=total), cluster.address, block_bytes=4 * MIB).ended()
    assert result["total"] == ROWS * (ROWS - 1)
    (retry,) = result.report["cluster"]["retries"]
    assert retry.startswith("blocks of 1,048,576 bytes instead of 4,194,304, since workers were lost: ")
    assert "needs more than the 838,860,800 bytes of memory" in retry


@pytest.mark.slow
def test_a_stage_that_no_worker_has_memory_for_ends_with_what_it_needs_and_what_there_is(
    start: Start, wide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    cluster = start(1, *NANNY, "--memory-limit", str(LIMIT))

    @gp.rows
    def hopeless(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        hungry(frame, 0, LIMIT)
        return frame.with_columns(z=nw.col("x0") * 2)

    total = gp.Scalar(nw.col("z").sum())(hopeless(gp.ReadParquet(str(wide)).node()))
    run = Course(gp.Pipeline("hopeless", total=total), cluster.address, block_bytes=4 * MIB)
    with pytest.raises(StageError, match=r"needs more than the 838,860,800 bytes of memory that a worker here has") as caught:
        run.ended()
    notes = "\n".join(caught.value.__notes__)
    assert "on engine 'dask', wired at" in notes
    assert "Blocks were of 1,048,576 bytes at last, and a worker's thread has 838,860,800." in notes


def test_rows_that_must_come_together_end_with_what_they_need_where_one_worker_has_not_so_much(servers: Servers, wide: Path) -> None:
    @gp.whole_table
    def together(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame.with_columns(z=nw.col("x0").max())

    total = gp.Scalar(nw.col("z").sum())(together(gp.ReadParquet(str(wide)).node()))
    run = Course(gp.Pipeline("together", total=total), servers.address, block_bytes=MIB, gather_bytes=MIB)
    with pytest.raises(StageError, match=r"together .*needs [\d,]+ bytes for 1,200,000 rows, and has 1,048,576"):
        run.ended()
