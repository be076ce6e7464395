"""Real graphs, and what other programs found of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def graph_folder(shared_data: Path) -> Path:
    """Return the folder of real graphs."""
    folder = shared_data / "graphs"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder.name} among the real samples")
    return folder


@pytest.fixture(scope="session")
def reference(graph_folder: Path) -> dict[str, Any]:
    """Return what NetworkX, igraph and leidenalg found of the real graphs."""
    found: dict[str, Any] = json.loads((graph_folder / "reference_shared.json").read_text())
    return found
