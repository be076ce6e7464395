"""``gpupipe run``: runs a pipeline, tells of it on stderr, and answers on stdout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from gpupipe.cli.failure import exit_code, print_failure, reported
from gpupipe.cli.options import File, Given, Trace
from gpupipe.cli.plain import json_text
from gpupipe.cli.streams import stdout_to_stderr

if TYPE_CHECKING:
    from gpupipe.cli.running import Ending

Report: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", show_default=False, help="Write report.html, report.json and every fitted output to DIR."),
]


def run(
    file: File,
    given: Given = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="Where the rows live: auto, cpu or pandas.")] = "auto",
    report: Report = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object on stdout.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Run stage by stage, to know the time of each; slower.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary; errors are still told.")] = False,
    traceback: Trace = False,
) -> None:
    """Run a pipeline.

    'gpupipe run FILE --help' also lists the parameters of that pipeline. Progress and the summary go to stderr. Exit code 0: done;
    1: the run failed; 2: the call or the plan is wrong; 130: interrupted. Outputs change only if the whole run succeeds.

    Example: gpupipe run flow.py -p data=rows.parquet --engine cpu --report out
    """
    with reported(with_traceback=traceback):
        from gpupipe.cli.running import Call, carry_out  # local: loads a dataframe library, which --help does without

        with stdout_to_stderr():
            ending = carry_out(Call(file, tuple(given or ()), engine, report, profile=profile, quiet=quiet))
        if as_json:
            typer.echo(json_text(ending.answer))
        tell_ending(ending, quiet=quiet, with_traceback=traceback)


def tell_ending(ending: Ending, *, quiet: bool, with_traceback: bool) -> None:
    """Print on stderr how the run ended, and exit where it did not end well."""
    if ending.error is not None:
        print_failure(ending.error, with_traceback=with_traceback)
        if ending.page is not None and not isinstance(ending.error, KeyboardInterrupt):
            typer.echo(f"  report: {ending.page}", err=True)
        raise typer.Exit(exit_code(ending.error))
    if not quiet:
        _print_summary(ending.report, ending.page)


def _print_summary(report: dict[str, Any], page: Path | None) -> None:
    """Print what the run came to."""
    from rich.console import Console  # local: --quiet does without
    from rich.text import Text  # local: as above

    from gpupipe.report.text import print_summary  # local: as above

    console = Console(stderr=True, highlight=False)
    print_summary(report, console, page=None if page is None else str(page))
    if page is None:
        console.print(Text("\nFor a report with the drawing, the stages and the scores: --report DIR", style="dim"))
