"""Where stages are run on plain frames, with no pipeline: found by its name, since it stands on the engines, which stand on core."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def plain() -> Any:
    """Return the module that runs stages on plain frames."""
    return import_module("gpupipe.engines.load")
