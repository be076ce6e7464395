"""The pipeline of traffic forecasts, on made-up roads and on the detectors of Los Angeles."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "traffic_forecast.py"


@pytest.fixture(scope="module")
def traffic() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_made_up_roads_are_forecast(traffic: ModuleType) -> None:
    result = traffic.pipeline(n_roads=2, horizon=12, windows=1, epochs=1, n_seeds=2).run("cpu")
    rows = result["by_horizon"].rows()
    assert {row[0] for row in rows} == {"lstm", "tt-lstm", "last value", "same time yesterday", "holt-winters"}
    assert {row[1] for row in rows} == {*range(5, 61, 5)} and all(np.isfinite(row[2]) for row in rows)
    assert result["errors"].columns == ["kind", "minutes_15", "minutes_30", "minutes_60"] and len(result["errors"]) == 5
    spread = {row[0]: row[3] for row in rows}
    assert spread["lstm"] > 0 and spread["last value"] is None  # of one there is no deviation
    assert len(result["ahead"]) == 2 * 12
    assert any("Loss by epoch" in str(card["parts"]) for card in result.report["cards"])


def test_a_broken_detector_is_missing(traffic: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "speeds.csv"
    path.write_text("1,2,3\n50,0,1\n51,60.5,2\n")
    assert traffic.read(str(path), 2).to_pydict() == {
        "road": ["1", "2", "1", "2"], "step_of_5_min": [0, 0, 1, 1], "mph": [50.0, pytest.approx(np.nan, nan_ok=True), 51.0, 60.5],
    }  # fmt: skip


def test_the_file_is_short_enough_to_teach() -> None:
    assert len(FILE.read_text().splitlines()) <= 120
