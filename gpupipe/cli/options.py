"""Options that several commands share, so that they are called and explained alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer


def complete_file(incomplete: str) -> list[str]:
    """Return the folders and Python files that an unfinished FILE may become."""
    head = Path(incomplete or ".")
    folder = head if incomplete.endswith("/") or not incomplete else head.parent
    if not folder.is_dir():
        return []
    found = [one for one in sorted(folder.iterdir()) if not one.name.startswith(".") and (one.is_dir() or one.suffix == ".py")]
    shown = [f"{one}/" if one.is_dir() else str(one) for one in found]
    return [name for name in shown if name.startswith(incomplete)]


File: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:FUNCTION]",
        show_default=False,
        autocompletion=complete_file,
        help="The Python file, and its function that returns the pipeline; without a name, the function 'pipeline'.",
    ),
]
Given: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--parameter",
        metavar="NAME=VALUE",
        show_default=False,
        help="Set a parameter of the pipeline; as often as needed. 'FILE --help' lists them.",
    ),
]
Trace: TypeAlias = Annotated[bool, typer.Option("--traceback", help="Show Python's traceback where something fails.")]
