"""Where stages are run on plain frames and tried on empty ones, and what notebooks show: found by name, since they stand on the engines."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def plain() -> Any:
    """Return the module that runs stages on plain frames."""
    return import_module("gpupipe.engines.load")


def symbolic() -> Any:
    """Return the module that tries stages on empty tables."""
    return import_module("gpupipe.engines._tried")


def notebook() -> Any:
    """Return the module that says what notebooks show of nodes, stages and fitted things."""
    return import_module("gpupipe.notebook")
