"""What crosses in workers is added up by run, holds the run to its budget there, and comes to the report."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import CrossingError, StageError
from gpupipe.core.ledger import Ledger
from gpupipe.engines._blocks import TaskContext
from gpupipe.engines._crossed import enter, take_crossed, take_over


def block(*n_bytes: int, reason: str = "rows", at_end: bool = False) -> Ledger:
    """Return the ledger of a block's work."""
    ledger = Ledger()
    for size in n_bytes:
        ledger.cross("device_to_host", size, 0.5, reason, at_end=at_end)
    return ledger


def test_what_is_alike_is_added_up_and_taken_once() -> None:
    ledger = block(3, 4)
    ledger.fall_back("as it is")
    enter("run", 2, ledger, EngineOptions())
    assert (ledger.events, ledger.fallbacks) == ([], [])
    enter("run", 2, block(5), EngineOptions())
    enter("run", 3, block(6), EngineOptions())
    enter("run", 2, block(7, at_end=True), EngineOptions())
    enter("another", 2, block(8), EngineOptions())
    told = take_crossed("run")
    assert [(event["stage"], event["bytes"], event["seconds"], event["at_end"]) for event in told["events"]] == [
        (2, 12, 1.5, False),
        (3, 6, 0.5, False),
        (2, 7, 0.5, True),
    ]
    assert told["fallbacks"] == [{"stage": 2, "reason": "as it is"}]
    assert take_crossed("run") == {"events": [], "fallbacks": []}
    assert take_crossed("another")["events"][0]["bytes"] == 8


def test_a_run_ends_where_one_process_alone_is_over_the_budget() -> None:
    options = EngineOptions(crossings="raise", crossings_budget=10)
    enter("held", 1, block(6), options)
    enter("held", 1, block(100, at_end=True), options)
    with pytest.raises(CrossingError, match=r"^Expected at most 10 bytes to cross between ingest and sinks, got 11 with the last 5 "):
        enter("held", 1, block(5), options)
    take_crossed("held")


def test_workers_ledgers_become_the_runs() -> None:
    whole = block(1)
    whole.events[0]["stage"] = 4
    enter("one", 4, block(10), EngineOptions())
    one = take_crossed("one")
    take_over(whole, [one, one])
    assert [event["bytes"] for event in whole.events] == [21]
    assert one["events"][0]["bytes"] == 10, "what a worker told stays as it was"


def test_copies_on_workers_are_in_the_report(two_workers: str) -> None:
    table = gp.FromFrame(pl.DataFrame({"k": [1, 2, 3, 4], "x": [1.0, 2.0, 3.0, 4.0]})).node()
    made = gp.Pipeline("p", total=gp.Scalar(nw.col("x").sum())(table)).run("dask", cluster=two_workers)
    assert made["total"] == 10
    assert any(event["reason"] == "Polars to Arrow" and event["stage"] is not None for event in made.report["crossings"]["events"])
    assert all("crossed" not in worker for worker in made.report["cluster"]["workers"])


def test_what_a_failed_task_entered_does_not_count_for_the_next_run() -> None:
    def fail() -> None:
        with TaskContext("pandas", "failed", 1).work() as engine:
            engine.ledger.cross("host_copy", 7, 0.1, "rows")
            raise RuntimeError("no such day")

    with pytest.raises(StageError, match="no such day"):
        fail()
    with TaskContext("pandas", "next", 4).work() as engine:
        engine.ledger.cross("host_copy", 2, 0.1, "rows")
    assert [event["bytes"] for event in take_crossed("next")["events"]] == [2]
    assert take_crossed("failed")["events"] == []
