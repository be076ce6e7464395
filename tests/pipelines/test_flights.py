"""Flights: made-up ones on every engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "flights.py"


@pytest.fixture(scope="module")
def flights() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_made_up_flights_are_late_in_wind(flights: ModuleType, engine: str) -> None:
    result = flights.pipeline(n_rows=1_000).run(engine)
    assert result["scores"]["r2"] > 0.4
    assert result["monthly"].shape == (12, 4)


def test_real_flights(flights: ModuleType, shared_data: Path) -> None:
    result = flights.pipeline(str(shared_data / "tables" / "nycflights13")).run()
    assert result["monthly"].to_arrow()["flights"].to_pylist()[0] == 965
    assert result["scores"]["r2"] > 0.15
    assert 0 < result["without_weather"]["n"] < 200
