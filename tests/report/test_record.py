"""The record of a run: memory that is sampled, facts that come in late, errors with their notes."""

from __future__ import annotations

import time

import numpy as np

from gpupipe.core.ledger import Ledger
from gpupipe.report.record import MemoryWatch, Record, error_as_json, machine, resident_bytes, versions


def stage(number: int, inputs: list[int], schema: bool = True) -> dict[str, object]:
    columns = [["a", "Int64", True]] if schema else None
    return {
        "id": number,
        "name": "S",
        "label": None,
        "kind": "row",
        "inputs": inputs,
        "where": "f:1",
        "pushed": None,
        "schema": columns,
    }


def test_the_watch_sees_memory_come_and_go() -> None:
    with MemoryWatch(every_seconds=0.01) as watch:
        before = resident_bytes()
        block = np.ones(20_000_000)
        time.sleep(0.1)
        assert watch.peak_since(0) - before > 100_000_000
        del block
    assert len(watch.samples) > 5


def test_thinning_keeps_the_peak() -> None:
    watch = MemoryWatch()
    watch.samples = [(float(number), 10) for number in range(5_000)]
    watch.samples[3_333] = (3_333.0, 99)
    thinned = watch.thinned(100)
    assert len(thinned) <= 110
    assert max(n_bytes for _, n_bytes in thinned) == 99


def test_incoming_rows_are_the_inputs_outgoing_ones() -> None:
    record = Record("p", "cpu", [stage(0, []), stage(1, []), stage(2, [0, 1]), stage(3, [2])])
    record.stages[0]["rows_out"], record.stages[1]["rows_out"] = 3, 4
    record.fill_rows_in()
    assert [entry["rows_in"] for entry in record.stages] == [None, None, 7, None]


def test_status_and_error_are_told() -> None:
    record = Record("p", "cpu", [])
    error = ValueError("no")
    error.add_note("In stage X")
    with MemoryWatch() as watch:
        pass
    assert record.as_json(watch, Ledger(), {}, None)["status"] == "ok"
    assert record.as_json(watch, Ledger(), {}, KeyboardInterrupt())["status"] == "interrupted"
    assert record.as_json(watch, Ledger(), {}, error)["error"] == {"type": "ValueError", "message": "no", "notes": ["In stage X"]}
    assert error_as_json(error)["notes"] == ["In stage X"]


def test_the_machine_and_the_versions_are_known() -> None:
    assert machine()["cpus"] >= 1 and machine()["memory_bytes"] > 0
    assert {"python", "polars", "narwhals", "pyarrow"} <= set(versions())
