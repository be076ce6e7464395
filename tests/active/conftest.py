"""The array libraries that acquisition functions are held to: NumPy, and CuPy where there is a device."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from gpupipe.engines._cuda import why_not


@pytest.fixture(scope="session", params=["numpy", *(["cupy"] if why_not() is None else [])])
def xp(request: pytest.FixtureRequest) -> Any:
    """Return an array library."""
    return importlib.import_module(request.param)
