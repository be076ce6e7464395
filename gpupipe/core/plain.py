"""Where stages are run on plain frames and tried on empty ones: found by name, since that stands on the engines, which stand on core."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def plain() -> Any:
    """Return the module that runs stages on plain frames."""
    return import_module("gpupipe.engines.load")


def symbolic() -> Any:
    """Return the module that tries stages on empty tables."""
    return import_module("gpupipe.engines._tried")
