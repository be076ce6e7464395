"""What crosses between ingest and sinks: less than a megabyte of the mortgage pipeline, however many rows it has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

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
    generate_mortgage(tmp_path, 300_000, seed=1)
    given = {"acquisition": f"{tmp_path}/acquisition", "performance": f"{tmp_path}/performance"}
    made = mortgage.pipeline(**given, n_estimators=10, out=str(tmp_path / "features.parquet")).run("gpu", options=HELD)
    crossings = made.report["crossings"]
    assert crossings["between_ends_bytes"] < 1_000_000
    assert not made.report["fallbacks"]
    sources = {stage["id"] for stage in made.report["stages"] if stage["kind"] == "source"}
    up = [event for event in crossings["events"] if event["direction"] == "host_to_device"]
    assert not [event for event in up if event["stage"] in sources], "Parquet is read on the device"


def test_parquet_does_not_cross_and_text_crosses_once(tmp_path: Path) -> None:
    rows = pl.DataFrame({"a": list(range(10_000)), "s": ["x"] * 10_000})
    rows.write_parquet(tmp_path / "rows.parquet")
    rows.write_csv(tmp_path / "rows.csv")
    sources = {
        "parquet": gp.ReadParquet(tmp_path / "rows.parquet"),
        "csv": gp.ReadCsv(tmp_path / "rows.csv", schema={"a": nw.Int64, "s": nw.String}),
    }
    for name, source in sources.items():
        made = gp.Pipeline(name, n=gp.Scalar(nw.col("a").sum())(source.node())).run("gpu", options=HELD)
        ends = [
            event["bytes"] for event in made.report["crossings"]["events"] if event["at_end"] and event["direction"] == "host_to_device"
        ]
        assert made["n"] == 49_995_000
        assert len(ends) == (0 if name == "parquet" else 1)


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
