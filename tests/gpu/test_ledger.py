"""What crosses between ingest and sinks: less than a megabyte of the mortgage pipeline, however many rows it has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from sklearn.linear_model import Perceptron

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import UnsupportedError
from gpupipe.datasets.mortgage import generate_mortgage
from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "mortgage.py"
HELD = EngineOptions(crossings="raise", crossings_budget=1_000_000)


@pytest.fixture(scope="module")
def mortgage() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_less_than_a_megabyte_crosses_between_ingest_and_sink(mortgage: ModuleType, tmp_path: Path) -> None:
    generate_mortgage(tmp_path, 300_000, seed=1, text=False)
    given = {"acquisition": f"{tmp_path}/acquisition", "performance": f"{tmp_path}/performance"}
    made = mortgage.pipeline(**given, n_estimators=10, out=str(tmp_path / "features.parquet")).run("gpu", options=HELD)
    crossings = made.report["crossings"]
    assert crossings["between_ends_bytes"] < 1_000_000
    assert not made.report["fallbacks"]
    sources = {stage["id"] for stage in made.report["stages"] if stage["kind"] == "source"}
    up = [event for event in crossings["events"] if event["direction"] == "host_to_device" and event["stage"] in sources]
    assert {event["reason"] for event in up} == {"pages of Parquet, decoded on the device"}
    assert sum(event["bytes"] for event in up) < 300_000 * 20, "the pages, not the rows"


def copied(report: dict[str, Any], *, among: set[str]) -> dict[str, int]:
    """Return what the driver copied for stages of some kinds, by direction."""
    kinds = {stage["id"]: stage["kind"] for stage in report["stages"]}
    entries = [entry for entry in report["crossings"]["confirmed"] if kinds.get(entry["stage"], "output") in among]
    return {way: sum(entry[way] for entry in entries) for way in ("host_to_device", "device_to_host")}


def test_the_driver_copied_no_more_than_the_ledger_says(mortgage: ModuleType, tmp_path: Path) -> None:
    if find_spec("cupti") is None:
        pytest.skip("needs cupti-python")
    generate_mortgage(tmp_path, 300_000, seed=1, text=False)
    given = {"acquisition": f"{tmp_path}/acquisition", "performance": f"{tmp_path}/performance"}
    held = EngineOptions(crossings="raise", crossings_budget=1_000_000, confirm_crossings=True)
    made = mortgage.pipeline(**given, n_estimators=10, out=str(tmp_path / "features.parquet")).run("gpu", options=held)
    assert made.report["crossings"]["between_ends_bytes"] < 1_000_000
    assert made.report["crossings"]["confirmed"], "the driver made copies"
    tables = copied(made.report, among={"row", "key", "table", "apply", "fit", "value", "output"})
    assert max(tables.values()) < 500_000, made.report["crossings"]["confirmed"]
    learned = copied(made.report, among={"learner"})  # trees and statistics, and 8 bytes a row that XGBoost copies by itself: limits.py
    n_rows = sum(stage["rows_in"] for stage in made.report["stages"] if stage["kind"] == "learner")
    assert learned["host_to_device"] - 8 * n_rows < 1_000_000 and learned["device_to_host"] < 1_000_000


def test_the_driver_tells_of_a_copy_that_no_ledger_knows() -> None:
    if find_spec("cupti") is None:
        pytest.skip("needs cupti-python")

    @gp.rows
    def behind_our_back(frame: nw.LazyFrame) -> nw.LazyFrame:
        frame.collect().to_native().to_pandas()
        return frame

    table = behind_our_back(gp.FromFrame(pl.DataFrame({"x": [0.5] * 1_000_000})).node())
    made = gp.Pipeline("p", n=gp.Scalar(nw.len())(table)).run("gpu", options=EngineOptions(confirm_crossings=True))
    assert copied(made.report, among={"row"})["device_to_host"] >= 8_000_000
    assert made.report["crossings"]["between_ends_bytes"] < 1000


def test_parquet_crosses_as_pages_and_text_once(tmp_path: Path) -> None:
    rows = pl.DataFrame({"a": list(range(10_000)), "s": ["x"] * 10_000})
    rows.write_parquet(tmp_path / "rows.parquet")
    rows.write_csv(tmp_path / "rows.csv")
    sources = {
        "parquet": gp.ReadParquet(tmp_path / "rows.parquet"),
        "csv": gp.ReadCsv(tmp_path / "rows.csv", schema={"a": nw.Int64, "s": nw.String}),
    }
    for name, source in sources.items():
        made = gp.Pipeline(name, n=gp.Scalar(nw.col("a").sum())(source.node())).run("gpu", options=HELD)
        events = made.report["crossings"]["events"]
        assert made["n"] == 49_995_000
        assert len([event for event in events if event["at_end"] and event["direction"] == "host_to_device"]) == 1
        assert name == "csv" or events[0]["reason"].startswith("pages of Parquet")


def test_an_estimator_without_counterpart_is_refused_or_trained_on_the_host_by_choice() -> None:
    rows = pl.DataFrame({"x": [float(i) for i in range(1000)], "y": [i % 2 for i in range(1000)]})
    table = gp.FromFrame(rows).node()
    fitted = gp.Learn(Perceptron(), target="y").fit(table)
    pipeline = gp.Pipeline("p", out=fitted(table))
    with pytest.raises(UnsupportedError, match=r"cuML has no counterpart of sklearn\.linear_model\._perceptron\.Perceptron"):
        pipeline.run("gpu")
    made = pipeline.run("gpu", options=EngineOptions(fallbacks="host"))
    assert "cuML has no counterpart" in made.report["fallbacks"][0]["reason"]
    assert made.report["crossings"]["between_ends_bytes"] > 8000
