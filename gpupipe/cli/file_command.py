"""A command on a pipeline file: its ``--help`` also explains the file's own parameters."""

from __future__ import annotations

import difflib
import inspect
import shlex
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from gpupipe.cli.failure import reported
from gpupipe.cli.streams import loading, stdout_to_stderr
from gpupipe.core.errors import GpupipeError
from gpupipe.core.secret import MASK, masked, masked_word
from gpupipe.core.visible import visible

if TYPE_CHECKING:
    from gpupipe.definition import Definition
    from gpupipe.parameters import Parameter

_ARGS = "gpupipe.args"
_SURELY = 0.8  # from this likeness on it is an option that is meant, and the file need not be loaded to see


class FileCommand(TyperCommand):
    """A command whose first argument is FILE[:FUNCTION]."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the words as they came, since ``--help`` ends the parsing before FILE is known."""
        ctx.meta[_ARGS] = list(args)
        try:
            return TyperCommand.parse_args(self, ctx, args)
        except Exception as error:
            if hasattr(error, "possibilities"):  # Typer keeps the type of a misspelled option's error to itself
                _name_parameter(error, file_among(ctx.meta[_ARGS]))
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the command's help, and where a file was named, the help of its pipeline."""
        target = file_among(ctx.meta.get(_ARGS, ()))
        if target is None:
            TyperCommand.format_help(self, ctx, formatter)
            return
        with reported():
            with stdout_to_stderr():
                definition = _loaded(target)
            TyperCommand.format_help(self, ctx, formatter)
            print_parameters(definition, str(ctx.command_path))


def _name_parameter(error: Any, target: str | None) -> None:
    """Say in the error of an option that there is not that a parameter of the pipeline is meant, where that is nearer than any option."""
    name = str(error.option_name).lstrip("-").replace("-", "_")
    options = [one.lstrip("-") for one in error.possibilities or ()]
    if target is None or difflib.get_close_matches(name, options, cutoff=_SURELY):
        return
    try:
        with stdout_to_stderr():
            known = [parameter.name for parameter in _loaded(target).parameters]
    except GpupipeError:  # of which the command itself would tell
        return
    meant = difflib.get_close_matches(name, [*known, *options], n=1)
    if meant and meant[0] in known:
        error.possibilities = None
        error.message += f". A parameter of the pipeline is set with -p: did you mean -p {visible(meant[0])}=VALUE?"


def _loaded(target: str) -> Definition:
    """Return the definition that a word names; while it is loaded, a terminal says so."""
    with loading(target):
        from gpupipe.definition import load_definition  # local: loads a dataframe library, which plain --help does without

        return load_definition(target)


def words_of(context: Any) -> list[str]:
    """Return the words behind the command, as it was called."""
    return list(context.meta.get(_ARGS, ()))


def again_with(context: Any, option: str) -> str:
    """Return the command as it was called, quoted for a shell, with one more option; what is secret by its name is to be given again."""
    words = words_of(context)
    return shlex.join([*str(context.command_path).split(), *([] if option in words else [option]), *map(masked_word, words)])


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
            told.append(f"[default: {visible(shown_default(parameter))}]", "dim")
        table.add_row(parameter.name, parameter.type_text, told)
    if not definition.parameters:
        table.add_row(Text("The pipeline has no parameters.", style="not bold default"), "", "")
    title = f"Parameters of {visible(definition.shown)} (-p NAME=VALUE)"
    console.print(Panel(table, title=Text(title), title_align="left", border_style="dim", box=box.ROUNDED))
    if definition.summary:
        console.print(Text(visible(f" {definition.summary}")))
    console.print(Text(visible(f" Example: {example(definition, command)}"), style="dim"), soft_wrap=True)


def shown_default(parameter: Parameter) -> str:
    """Return a parameter's default as help shows it: not what is secret."""
    return MASK if parameter.secret and parameter.default is not None else str(masked(default_text(parameter.default)))


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
    given = (f"-p {one.name}={'...' if one.default is inspect.Parameter.empty else shown_default(one)}" for one in chosen)
    return " ".join([command, definition.shown, *given])
