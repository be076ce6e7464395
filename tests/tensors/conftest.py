"""Real tensors, and what TensorLy found of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def real_tensor(shared_data: Path) -> Callable[..., Any]:
    """Return what loads a real tensor by its name, missing cells as zeros, as in the reference."""

    def load(name: str, array: str = "tensor") -> Any:
        path = shared_data / "tensors" / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"there is no {path.name} among the real samples")
        with np.load(path) as held:
            return np.nan_to_num(held[array])

    return load


@pytest.fixture(scope="session")
def reference(shared_data: Path) -> dict[str, Any]:
    """Return the decompositions of the real tensors that were computed with TensorLy."""
    path = shared_data / "tensors" / "reference_shared.json"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} among the real samples")
    found: dict[str, Any] = json.loads(path.read_text())
    return found
