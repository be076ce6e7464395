"""The contract with RAPIDS: what gpupipe calls, bound against the signatures of the installed packages. No device is needed.

`make contract` installs the packages (5.8 GB) into an environment of its own and runs this folder. Elsewhere every test is skipped.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
os.environ.setdefault("RAPIDS_NO_INITIALIZE", "1")  # before cudf or cuml is imported: they import without a device then


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the contract where RAPIDS is not installed."""
    if importlib.util.find_spec("cudf") is not None and importlib.util.find_spec("cuml") is not None:
        return
    reason = "RAPIDS is not installed here; `make contract` installs it in an environment of its own and runs these tests"
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))
