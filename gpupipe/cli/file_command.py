"""A command on a pipeline file: its ``--help`` also explains the file's own parameters."""

from __future__ import annotations

import inspect
import shlex
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from gpupipe.cli.failure import reported
from gpupipe.cli.streams import stdout_to_stderr
from gpupipe.core.visible import visible

if TYPE_CHECKING:
    from gpupipe.definition import Definition

_ARGS = "gpupipe.args"


class FileCommand(TyperCommand):
    """A command whose first argument is FILE[:FUNCTION]."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the words as they came, since ``--help`` ends the parsing before FILE is known."""
        ctx.meta[_ARGS] = list(args)
        return TyperCommand.parse_args(self, ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the command's help, and where a file was named, the help of its pipeline."""
        target = file_among(ctx.meta.get(_ARGS, ()))
        if target is None:
            TyperCommand.format_help(self, ctx, formatter)
            return
        with reported():
            from gpupipe.definition import load_definition  # local: loads a dataframe library, which plain --help does without

            with stdout_to_stderr():
                definition = load_definition(target)
            TyperCommand.format_help(self, ctx, formatter)
            print_parameters(definition, str(ctx.command_path))


def again_with(context: Any, option: str) -> str:
    """Return the command as it was called, quoted for a shell, with one more option."""
    words = context.meta.get(_ARGS, ())
    return shlex.join([*str(context.command_path).split(), *([] if option in words else [option]), *words])


def file_among(args: Any) -> str | None:
    """Return the word that names a pipeline file.

    Examples
    --------
    >>> file_among(["--engine", "cpu", "-p", "script=a.py", "flow.py:main", "--help"])
    'flow.py:main'
    """
    plain = (word for word in args if not word.startswith("-") and "=" not in word)
    return next((word for word in plain if word.endswith(".py") or ".py:" in word), None)


def print_parameters(definition: Definition, command: str) -> None:
    """Print the parameters of a pipeline on stdout, in the manner of the command's own options."""
    from rich import box  # local: not needed but here
    from rich.console import Console  # local: as above
    from rich.panel import Panel  # local: as above
    from rich.table import Table  # local: as above
    from rich.text import Text  # local: as above

    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(style="bold yellow", overflow="fold", max_width=28)
    table.add_column(ratio=1)
    for parameter in definition.parameters:
        told = Text(visible(parameter.text) + (" " if parameter.text else ""))
        if parameter.required:
            told.append("[required]", "red")
        else:
            told.append(f"[default: {visible(default_text(parameter.default))}]", "dim")
        table.add_row(parameter.name, parameter.type_text, told)
    if not definition.parameters:
        table.add_row(Text("The pipeline has no parameters.", style="not bold default"), "", "")
    title = f"Parameters of {visible(definition.shown)} (-p NAME=VALUE)"
    console.print(Panel(table, title=Text(title), title_align="left", border_style="dim", box=box.ROUNDED))
    if definition.summary:
        console.print(Text(visible(f" {definition.summary}")))
    console.print(Text(visible(f" Example: {example(definition, command)}"), style="dim"), soft_wrap=True)


def default_text(value: Any) -> str:
    """Return a default as one would write it behind the equals sign.

    Examples
    --------
    >>> [default_text(value) for value in (None, True, ["a", "b"], 0.5, "")]
    ['none', 'true', 'a,b', '0.5', "''"]
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value) or "''"


def example(definition: Definition, command: str) -> str:
    """Return a call of the command that sets what must be set, or else the first parameter."""
    chosen = [parameter for parameter in definition.parameters if parameter.required] or list(definition.parameters[:1])
    given = (f"-p {one.name}={'...' if one.default is inspect.Parameter.empty else default_text(one.default)}" for one in chosen)
    return " ".join([command, definition.shown, *given])
