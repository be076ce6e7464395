"""How a command ends that did not go well: one clear block on stderr, and the exit code."""

from __future__ import annotations

import sys
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from gpupipe.core.errors import GpupipeError, PlanError, UsageError
from gpupipe.core.secret import masked
from gpupipe.core.visible import visible

RUN_FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130
INTERRUPTED_TEXT = "interrupted; outputs left as they were"


def exit_code(error: BaseException) -> int:
    """Return the code that a command ends with: 2 where the call or the plan is wrong, 130 for Ctrl-C, 1 for all else.

    Examples
    --------
    >>> exit_code(UsageError()), exit_code(GpupipeError()), exit_code(KeyboardInterrupt())
    (2, 1, 130)
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return WRONG_CALL if isinstance(error, UsageError | PlanError) else RUN_FAILED


def _told_kind(error: GpupipeError) -> str:
    """Return the name of the error that there is an account of: its own, or that of the kind it is of."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == GpupipeError.__module__)


@contextmanager
def reported(*, with_traceback: bool = False) -> Iterator[None]:
    """Turn an error that leaves the block into its account on stderr and `typer.Exit` with its code."""
    try:
        yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (told, and turned into an exit code)
        print_failure(error, with_traceback=with_traceback)
        raise typer.Exit(exit_code(error)) from None


def print_failure(error: BaseException, *, with_traceback: bool = False) -> None:
    """Print what went wrong on stderr."""
    from rich.console import Console  # local: a command that goes well needs none of it
    from rich.text import Text  # local: as above

    console = Console(stderr=True, highlight=False)
    if isinstance(error, KeyboardInterrupt):
        console.print(INTERRUPTED_TEXT, style="yellow")
        return
    if with_traceback:
        told = visible(masked("".join(traceback.format_exception(error))))
        print(told, end="", file=sys.stderr)  # noqa: T201  (what --traceback asks for)
        return
    told = visible(masked(str(error)).strip()) or "no message"
    console.print(Text.assemble((f"{type(error).__name__}: ", "bold red"), told), soft_wrap=True)
    notes = list(getattr(error, "__notes__", []))
    if not isinstance(error, GpupipeError):
        notes.append("gpupipe did not foresee this error. Run the command again with --traceback to see where it comes from.")
    elif console.is_terminal:
        notes.append(f"More: gpupipe explain {_told_kind(error)}")
    for note in notes:
        console.print(Text(textwrap.indent(visible(masked(note)), "  "), style="dim"), soft_wrap=True)
