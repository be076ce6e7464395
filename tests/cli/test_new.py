"""``gpupipe new``: what it writes runs, and holds its own test, as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gpupipe.cli import app


def new(name: Path | str) -> str:
    """Return what the command prints; it ends as a call that is wrong where it is one."""
    made = CliRunner().invoke(app, ["new", str(name)])
    return f"{made.exit_code} {made.output}"


def test_what_is_written_runs_and_passes_its_own_test(tmp_path: Path) -> None:
    assert new(tmp_path / "churn").startswith("0 ")
    folder = tmp_path / "churn"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == ["data/example.csv", "pipeline.py", "test_pipeline.py"]
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert tests.returncode == 0 and "3 passed" in tests.stdout, tests.stdout + tests.stderr


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text("mine")
    told = new(tmp_path)
    assert told.startswith("2 ") and "which holds pipeline.py" in told.replace("\n", " ")
    assert (tmp_path / "pipeline.py").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["x y", "1st", "a.b"])
def test_a_name_that_is_none_is_told(tmp_path: Path, name: str) -> None:
    told = new(tmp_path / name)
    assert told.startswith("2 ") and "Expected a name of letters" in told
    assert not list(tmp_path.iterdir())
