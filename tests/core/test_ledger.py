"""The ledger: what it counts, and how a run is held to its budget."""

from __future__ import annotations

import warnings
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import CrossingError, UsageError
from gpupipe.core.ledger import Copied, CrossingWarning, Ledger

ROWS = pl.DataFrame({"x": [float(number) for number in range(100)], "y": [2.0 * number for number in range(100)]})


def modelled() -> gp.Pipeline:
    """Return a pipeline that copies 800 bytes of features between ingest and output."""
    table = gp.FromFrame(ROWS).node()
    model = gp.Learn(LinearRegression(), target="y").fit(table)
    return gp.Pipeline("modelled", out=model(table))


def test_ends_are_counted_but_not_against_the_budget() -> None:
    ledger = Ledger(policy="raise", budget=10)
    ledger.cross("host_to_device", 1000, 0.1, "rows of a source", at_end=True)
    ledger.cross("device_to_host", 10, 0.1, "a statistic")
    ledger.cross("device_to_host", 500, 0.1, "rows for a sink", at_end=True)
    told = ledger.as_json()
    assert (told["host_to_device_bytes"], told["device_to_host_bytes"], told["between_ends_bytes"]) == (1000, 510, 10)
    assert (told["policy"], told["budget_bytes"]) == ("raise", 10)
    with pytest.raises(
        CrossingError, match=r"^Expected at most 10 bytes to cross .* got 11 with the last 1 \(host copy: a word\)\. Raise the"
    ):
        ledger.cross("host_copy", 1, 0.0, "a word")
    assert len(ledger.events) == 4  # what crossed has crossed


def test_nothing_is_no_crossing() -> None:
    Ledger(policy="raise").cross("device_to_host", 0, 0.0, "no rows")


def test_a_fallback_is_told_once_a_stage() -> None:
    ledger = Ledger()
    for stage in (1, 1, 2):
        ledger.stage = stage
        ledger.fall_back("no such estimator")
    assert ledger.fallbacks == [{"stage": 1, "reason": "no such estimator"}, {"stage": 2, "reason": "no such estimator"}]


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
def test_a_run_over_its_budget_ends_with_the_stage(engine: str) -> None:
    with pytest.raises(CrossingError, match="with the last 800") as caught:
        modelled().run(engine, options=EngineOptions(crossings="raise", crossings_budget=8))
    assert any("In stage Learn(LinearRegression)" in note for note in caught.value.__notes__)
    looked = 1 if engine == "pandas" else 0  # whether a feature lacks values is looked at before, and that crosses as well
    assert caught.value.report["crossings"]["between_ends_bytes"] == 800 + looked


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
def test_a_budget_that_is_enough(engine: str) -> None:
    made = modelled().run(engine, options=EngineOptions(crossings="raise", crossings_budget=2000))
    crossings = made.report["crossings"]
    assert 800 <= crossings["between_ends_bytes"] <= 2000
    assert all(event["at_end"] == (event["stage"] == 0) for event in crossings["events"])


def test_a_warning_instead() -> None:
    with pytest.warns(CrossingWarning, match="Expected at most 100 bytes to cross"):
        modelled().run("pandas", options=EngineOptions(crossings="warn", crossings_budget=100))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        modelled().run("pandas", options=EngineOptions(crossings="allow"))


def test_rows_for_a_sink_are_an_end(tmp_path: Path) -> None:
    table = gp.FromFrame(ROWS).node() >> gp.WithColumns(z=nw.col("x") + 1)
    pipeline = gp.Pipeline("written", out=gp.WriteParquet(tmp_path / "rows.parquet")(table))
    pipeline.run("pandas", options=EngineOptions(crossings="raise"))


def test_what_the_driver_copied_is_put_down_for_the_stage_that_was_at_work() -> None:
    made = iter([[], [Copied("host_to_device", 8), Copied("device_to_host", 5)], [Copied("device_to_host", 7)], []])
    ledger = Ledger(copied=lambda: next(made))
    ledger.turn_to(3)
    ledger.turn_to(4)
    ledger.turn_to(3)
    ledger.turn_to(None)
    assert ledger.as_json()["confirmed"] == [
        {"stage": 3, "host_to_device": 8, "device_to_host": 5, "copies": 2, "largest": 8},
        {"stage": 4, "host_to_device": 0, "device_to_host": 7, "copies": 1, "largest": 7},
    ]
    assert Ledger().as_json()["confirmed"] is None


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
def test_there_is_nothing_to_confirm_without_a_device(engine: str) -> None:
    with pytest.raises(UsageError, match="Only engine 'gpu' can confirm what crosses"):
        modelled().run(engine, options=EngineOptions(confirm_crossings=True))
