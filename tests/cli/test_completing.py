"""What a shell offers behind ``-p``."""

from __future__ import annotations

from pathlib import Path

import typer

from gpupipe.cli import app
from gpupipe.cli.completing import complete_parameter

FILE = '''
from typing import Literal
print("loud")
def pipeline(data: str, seed: int = 7, method: Literal["mean", "max"] = "mean", fast: bool = False, api_token: str = "hidden"):
    """Do.

    Parameters
    ----------
    seed
        Which rows.
    """
'''


def offered(target: Path, incomplete: str) -> list[tuple[str, str]]:
    """Return what is offered, as it is found where the option has no value yet."""
    command = typer.main.get_command(app)
    context = command.get_command(typer.Context(command), "run").make_context("run", [str(target), "-p"], resilient_parsing=True)  # type: ignore[attr-defined]
    return complete_parameter(context, incomplete)


def test_parameters_are_offered_with_their_choices_or_defaults(tmp_path: Path, capsys: object) -> None:
    file = tmp_path / "offered.py"
    file.write_text(FILE)
    words = [word for word, _ in offered(file, "")]
    assert words == ["data=", "seed=7", "method=mean", "method=max", "fast=true", "fast=false", "api_token="]
    assert offered(file, "se") == [("seed=7", "Which rows.")]
    assert capsys.readouterr().out == ""  # type: ignore[attr-defined]


def test_a_file_that_cannot_be_loaded_offers_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1/0")
    assert offered(tmp_path / "broken.py", "") == [] == offered(tmp_path / "none.py", "")
