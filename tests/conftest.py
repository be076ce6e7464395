"""What tests of every part share: one test, all engines; and the data beside the project."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before XGBoost is imported; see docs/decisions/008-openmp-waits.md
settings.register_profile("gpupipe", max_examples=10, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gpupipe")

LIBRARIES = {"cpu": "polars", "pandas": "pandas"}


@pytest.fixture(params=sorted(LIBRARIES))
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine that is installed."""
    name: str = request.param
    if importlib.util.find_spec(LIBRARIES[name]) is None:
        pytest.skip(f"engine {name!r} needs {LIBRARIES[name]}, which is not installed")
    return name


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the project."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"there is no {path.parent.name}/{path.name} beside the project: the real samples are not kept in it")
    return path
