"""docs/walkthrough.md leads to code that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([\w./]+(?:\.py|/))(?::(\w+))?`")


def defined(path: Path) -> set[str]:
    """Return the names of the classes, functions and methods of a file."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds)}


def test_files_and_what_is_in_them_are_there() -> None:
    named = [(path, name) for path, name in NAMED.findall(TEXT) if path not in {"gpupipe/", "trips.py"}]
    assert len(named) > 50
    wrong = [
        f"{path}:{name}"
        for path, name in named
        if not (ROOT / "gpupipe" / path).exists() or (name and name not in defined(ROOT / "gpupipe" / path))
    ]
    assert not wrong
