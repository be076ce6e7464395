"""``gpupipe explain``: an error's account, by its name in any case."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gpupipe.cli import app
from gpupipe.cli.failure import _told_kind
from gpupipe.core.ends import SinkError
from gpupipe.core.errors import ColumnError


def explain(*words: str) -> str:
    """Return what the command prints."""
    made = CliRunner().invoke(app, ["explain", *words])
    return f"{made.exit_code} {made.output}"


@pytest.mark.parametrize("code", ["ColumnError", "columnerror:", "gpupipe.core.errors.ColumnError"])
def test_an_error_is_explained_by_its_name(code: str) -> None:
    told = explain(code)
    assert told.startswith("0 ColumnError: A column is not there") and "gp.Join(..., suffix=" in told and "Exit code 2." in told


def test_without_a_name_all_are_listed_and_another_word_is_told_the_nearest() -> None:
    assert explain().count("Error ") == 13
    told = " ".join(explain("ColumError").split())
    assert told.startswith("2 ") and "Did you mean 'ColumnError'?" in told


def test_an_error_of_a_kind_of_its_own_is_explained_by_that_kind() -> None:
    class SpecialError(ColumnError):
        pass

    assert _told_kind(SpecialError("x")) == "ColumnError" and _told_kind(SinkError("x")) == "SinkError"
