"""What a shell offers behind ``-p``: the parameters of the pipeline file on the line."""

from __future__ import annotations

import contextlib
import io
import typing
from typing import TYPE_CHECKING

import typer

from gpupipe.cli.file_command import default_text, file_among, words_of

if TYPE_CHECKING:
    from gpupipe.parameters import Parameter


def complete_parameter(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return ``name=value`` of each parameter of the named file, with what its docstring says; nothing where it cannot be loaded."""
    target = context.params.get("file") or file_among(words_of(context))  # an option without its value ends the parsing before FILE
    if not target:
        return []
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            from gpupipe.definition import load_definition  # local: loads a dataframe library; other words are completed without

            parameters = load_definition(str(target)).parameters
    except Exception:  # noqa: BLE001  (a shell that completes has no place for an error; the command itself tells it)
        return []
    offered = [(f"{parameter.name}={value}", parameter.text) for parameter in parameters for value in _values(parameter)]
    return [(word, told) for word, told in offered if word.startswith(incomplete)]


def _values(parameter: Parameter) -> list[str]:
    """Return what a parameter may be: its choices where they are few, else its default."""
    if parameter.annotation is bool:
        return ["true", "false"]
    if typing.get_origin(parameter.annotation) is typing.Literal:
        return [str(choice) for choice in typing.get_args(parameter.annotation)]
    return [""] if parameter.required or parameter.secret or parameter.default is None else [default_text(parameter.default)]
