"""The notebooks of the docs: their code runs, and each holds what a kernel made of it."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"


def cells(path: Path) -> list[dict[str, Any]]:
    """Return the cells of code."""
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_code_runs_and_shows_what_is_kept(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if path.stem == "graph":
        pytest.importorskip("networkit", reason="networkit is not installed: pip install networkit")
    monkeypatch.chdir(tmp_path)
    names = ModuleType(f"notebook_{path.stem}")
    monkeypatch.setitem(sys.modules, names.__name__, names)
    for cell in cells(path):
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(path), "exec"), vars(names))
        shown = None if last is None else eval(compile(ast.Expression(last.value), str(path), "eval"), vars(names))  # type: ignore[attr-defined]
        kept = [output for output in cell["outputs"] if output["output_type"] == "execute_result"]
        assert not [output for output in cell["outputs"] if output["output_type"] == "error"]
        assert len(kept) == (shown is not None), "make notebooks"
        if kept:
            assert ("text/html" in kept[0]["data"]) == hasattr(shown, "_repr_html_")
            assert "/tmp/" not in json.dumps(kept[0]["data"])  # no place of the machine that made it


def test_a_kernel_showed_how_a_run_went() -> None:
    told = [output for path in FOLDER.glob("*.ipynb") for cell in cells(path) for output in cell["outputs"]]
    shown = ["".join(output["data"]["text/html"]) for output in told if output["output_type"] == "display_data"]
    assert shown and all("✓" in html and " ran in " in html for html in shown)
