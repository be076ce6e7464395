"""Options that several commands share, so that they are called and explained alike everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gpupipe.cli.completing import complete_parameter


def complete_file(incomplete: str) -> list[str]:
    """Return the folders and Python files that an unfinished FILE may become."""
    head = Path(incomplete or ".")
    folder = head if incomplete.endswith("/") or not incomplete else head.parent
    if not folder.is_dir():
        return []
    found = [one for one in sorted(folder.iterdir()) if not one.name.startswith(".") and (one.is_dir() or one.suffix == ".py")]
    shown = [f"{one}/" if one.is_dir() else str(one) for one in found]
    return [name for name in shown if name.startswith(incomplete)]


_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def bytes_of(text: str) -> int:
    """Return a number of bytes as people write it.

    Raises
    ------
    BadParameter
        It is no number with a unit of bytes.

    Examples
    --------
    >>> bytes_of("10MB"), bytes_of("1.5 GiB"), bytes_of("0")
    (10000000, 1610612736, 0)
    """
    matched = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if matched is None or matched[2].upper() not in _UNITS:
        msg = f"expected a number of bytes such as 10MB, 1.5GiB or 0, got {text!r}"
        raise typer.BadParameter(msg)
    return round(float(matched[1]) * _UNITS[matched[2].upper()])


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
        autocompletion=complete_parameter,
        help="Set a parameter of the pipeline; as often as needed. 'FILE --help' lists them.",
    ),
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Trace: TypeAlias = Annotated[bool, typer.Option("--traceback", help="Show Python's traceback where something fails.")]
CheckpointFolder: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--checkpoints", metavar="DIR", show_default=False, help="Keep results in DIR, or at an fsspec address, as they are made."
    ),
]
Resume: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--resume", help="Take results that are kept already instead of computing them; without --checkpoints from .gpupipe/checkpoints."
    ),
]
