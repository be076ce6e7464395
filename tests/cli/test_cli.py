from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gpupipe import __version__
from gpupipe.cli import app

Command = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("polars", "pandas", "pyarrow", "numpy", "narwhals", "sklearn", "xgboost")


@pytest.mark.parametrize("args", [["--help"], ["run", "--help"], ["--version"], ["plan", "--help"], ["data", "mortgage", "--help"]])
def test_help_loads_no_dataframe_library(args: list[str]) -> None:
    program = (
        "import sys\nfrom gpupipe.cli import app\n"
        f"try:\n    app({args!r})\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\nassert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("args", [["run"], ["check"], ["plan"], ["doctor"], ["data"], ["data", "mortgage"]])
def test_every_command_explains_itself_with_an_example(args: list[str]) -> None:
    result = CliRunner().invoke(app, [*args, "--help"])
    assert result.exit_code == 0
    assert f"Example: gpupipe {args[0]}" in result.output


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"gpupipe {__version__}\n")


def test_a_misspelled_command_or_option_names_the_nearest_and_ends_with_2(in_process: Command) -> None:
    for args, near in ((["chek", "x.py"], "'check'"), (["run", "x.py", "--engin", "cpu"], "--engine")):
        ended = in_process(*args)
        assert ended.code == 2
        assert near in ended.err
        assert ended.out == ""


@pytest.mark.parametrize(
    ("words", "found"), [("gpupipe run fl", "flow.py"), ("gpupipe ru", "run"), ("gpupipe run flow.py -p ro", "rows=100")]
)
def test_the_shell_completes_commands_files_and_parameters(gpupipe: Command, flow: Path, words: str, found: str) -> None:
    ended = gpupipe(_GPUPIPE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    assert found in ended.out.split()
