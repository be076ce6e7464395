"""The taxi tutorial, on made-up and on real trips."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import gpupipe as gp
from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "taxi.py"


@pytest.fixture(scope="module")
def taxi() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_made_up_trips_are_learned(taxi: ModuleType, engine: str, tmp_path: Path) -> None:
    result = taxi.pipeline(n_rows=4_000, n_estimators=20, out=str(tmp_path / "fares.parquet")).run(engine)
    assert result["fare"]["ridge"]["r2"] > 0.9
    assert result["fare"]["xgboost"]["rmse"] < 1.5
    assert "prediction" in gp.ReadParquet(str(tmp_path / "fares.parquet")).schema()


def test_the_same_trips_are_made_up_again(taxi: ModuleType) -> None:
    assert taxi.made_up(100).equals(taxi.made_up(100))
    assert not taxi.made_up(100).equals(taxi.made_up(100, seed=1))


def test_engines_agree_on_real_trips(taxi: ModuleType, shared_data: Path) -> None:
    path = str(shared_data / "taxi" / "nyc_taxis_2019-03.csv.gz")
    on_cpu, on_pandas = (taxi.pipeline(trips=path, n_estimators=20).run(name) for name in ("cpu", "pandas"))
    assert on_cpu["trips"] == on_pandas["trips"] == 6382
    for name in ("ridge", "xgboost"):
        assert on_cpu["fare"][name] == pytest.approx(on_pandas["fare"][name], rel=1e-6)
        assert on_cpu["fare"][name]["r2"] > 0.8
