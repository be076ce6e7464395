"""Traffic as a tensor: hidden hours are found again, on made-up and on real speeds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "traffic_tensor.py"


@pytest.fixture(scope="module")
def traffic() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_made_up_traffic(traffic: ModuleType, engine: str, tmp_path: Path) -> None:
    result = traffic.pipeline(rank=2, out=str(tmp_path / "hours.parquet")).run(engine)
    assert result["error"]["by_patterns"]["rmse"] < 1.2  # of a mean of twelve measurements, each 2 off
    assert result["error"]["by_patterns"]["rmse"] < result["error"]["usual"]["rmse"] / 2
    assert result["ranks"]["rank"].to_list() == [1, 2, 3, 4, 5]
    full = pl.read_parquet(tmp_path / "hours.parquet")
    assert len(full) == 30 * 10 * 24
    assert full["speed"].null_count() == 0
    assert {card["title"] for card in result.report["cards"]} == {"How many components", "CP decomposition of speed", "Residuals"}


def test_a_road_that_is_closed_is_the_first_anomaly(traffic: ModuleType, tmp_path: Path) -> None:
    wide = pl.from_arrow(traffic.made_up())
    at = (3 * 24 + 11) * traffic.ROWS_AN_HOUR + np.arange(traffic.ROWS_AN_HOUR)  # the fourth day, from 11 to 12
    wide[at, "700004"] = 5.0
    wide.write_csv(tmp_path / "speeds.csv")
    far = traffic.pipeline(str(tmp_path / "speeds.csv"), rank=2, top=3, hidden=0.01).run("cpu")["anomalies"]
    first = pl.from_arrow(far.to_arrow()).sort("rank").row(0, named=True)
    assert (first["sensor"], first["day"], first["hour"]) == ("700004", date(2012, 3, 4), 11)
    assert first["residual"] < -30


def test_real_traffic(traffic: ModuleType, shared_data: Path) -> None:
    """Los Angeles, five days: hidden hours are found within two thirds of the error that the mean at the same time makes."""
    series = shared_data / "series"
    given = {"speeds": str(series / "metr_la_week_speed.csv.gz"), "locations": str(series / "metr_la_sensor_locations.csv")}
    on_cpu, on_pandas = (traffic.pipeline(**given).run(name) for name in ("cpu", "pandas"))
    error = on_cpu["error"]
    assert error["by_patterns"]["rmse"] < error["usual"]["rmse"] * 2 / 3
    assert error["usual"] == pytest.approx(on_pandas["error"]["usual"], rel=1e-9)
    assert error["by_patterns"] == pytest.approx(on_pandas["error"]["by_patterns"], rel=1e-6)
    sensors = pl.from_arrow(on_cpu["sensors"].to_arrow())
    assert sensors.shape == (207, 11)
    assert sensors["latitude"].null_count() == 0
    errors = pl.from_arrow(on_cpu["ranks"].to_arrow()).sort("rank")["error"].to_list()
    assert errors == sorted(errors, reverse=True)
