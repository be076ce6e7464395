"""What `gpupipe.tensors` takes from an array's library is in CuPy, too."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "gpupipe" / "tensors"
ASKED = re.compile(r"(?:\bxp|array_module\([^()]*\))\.((?:linalg\.|add\.)?\w+)")


def test_every_name_is_there() -> None:
    cupy = import_module("cupy")
    asked = {name for path in FOLDER.glob("*.py") for name in ASKED.findall(path.read_text(encoding="utf-8"))}
    assert len(asked) > 30
    missing = []
    for name in sorted(asked):
        found = cupy
        for part in name.split("."):
            found = getattr(found, part, None)
        missing += [] if found is not None else [name]
    assert missing == []
