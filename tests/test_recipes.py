"""The recipes of docs/extending.md, each added to a copy of the package: what they touch, and that what they add works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_layout import EXCEPTED_IMPORTS, wrong_directions

ROOT = Path(__file__).resolve().parents[1]
# What a recipe adds, by the first words of its title: the files, and how many lines the face grows by.
RECIPES = {
    "A row stage": (["gpupipe/stages/clip.py", "tests/stages/test_clip.py"], 1),
    "A source": (["gpupipe/sources/read_lines.py", "tests/sources/test_read_lines.py"], 1),
    "An algorithm": (["gpupipe/stages/graphs/loops.py", "tests/stages/graphs/test_loops.py"], 1),
    "A kind of node": (
        [
            "gpupipe/kinds/histogram.py",
            "gpupipe/stages/to_histogram.py",
            "gpupipe/stages/from_histogram.py",
            "tests/stages/test_to_histogram.py",
            "tests/stages/test_from_histogram.py",
        ],
        2,
    ),
    "An engine's own way": (["gpupipe/engines/_tasks/loops.py", "tests/engines/test_loops.py"], 0),
}


def files_of(title: str) -> dict[str, str]:
    """Return the files that a recipe shows, by their paths: each block of code, and the path that stands before it."""
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    (section,) = [part for part in re.split(r"(?m)^## ", text) if part.startswith(title)]
    found = {}
    before = 0
    for block in re.finditer(r"```python\n(.*?)```", section, re.S):
        paths = re.findall(r"`((?:gpupipe|tests)/[\w/]+\.py)`", section[before : block.start()])
        found[paths[-1]] = block[1]
        before = block.end()
    return found


def face_lines(files: dict[str, str]) -> list[str]:
    """Return the lines that a recipe's stages have in the face."""
    lines = []
    for path, code in files.items():
        if path.startswith(("gpupipe/stages/", "gpupipe/sources/")):
            module = path.removesuffix(".py").replace("/", ".")
            (name,) = re.findall(r"^class (\w+)\(", code, re.M)
            lines.append(f"from {module} import {name} as {name}")
    return lines


def test_recipes_work_and_touch_no_more_than_they_say(tmp_path: Path) -> None:
    """All of them in one copy, since a copy and its processes cost more than what they test."""
    shutil.copytree(ROOT / "gpupipe", tmp_path / "gpupipe", ignore=shutil.ignore_patterns("__pycache__"))
    names, tests = [], []
    for title, (expected, n_lines) in RECIPES.items():
        files = files_of(title)
        assert list(files) == expected
        assert not any((tmp_path / path).exists() for path in files)
        for path, code in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(code, encoding="utf-8")
        lines = face_lines(files)
        assert len(lines) == n_lines
        with (tmp_path / "gpupipe" / "__init__.pyi").open("a", encoding="utf-8") as face:
            face.write("\n".join(["", *lines, ""]))
        names += [line.split()[-1] for line in lines]
        tests += [path for path in files if path.startswith("tests/")]
    seen = f"import gpupipe as gp; print(*(getattr(gp, name).__name__ for name in {names!r}))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    shown = subprocess.run([sys.executable, "-c", seen], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert shown.stdout.split() == names, shown.stderr
    plain = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, *tests], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert f"{len(tests)} passed" in ran.stdout
    assert not wrong_directions(tmp_path, EXCEPTED_IMPORTS), "imports run one way"


def test_what_recipes_add_is_formed_as_the_house_is(tmp_path: Path) -> None:
    """The linter and the formatter have nothing to say of it."""
    pytest.importorskip("ruff")
    for title in RECIPES:
        for path, code in files_of(title).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(code, encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for command in (["check", "-q"], ["format", "--check", "-q"]):
        call = [sys.executable, "-m", "ruff", *command, "--config", "lint.isort.known-first-party=['gpupipe']"]
        ran = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
