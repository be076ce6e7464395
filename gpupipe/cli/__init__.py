"""The command line. A command a file; each loads what it needs only when it is called, so that ``--help`` answers at once."""

from __future__ import annotations

import os
import sys
from typing import Annotated, TypeAlias

import typer

from gpupipe import __version__
from gpupipe.cli.cache import cache_app
from gpupipe.cli.check import check
from gpupipe.cli.data import data_app
from gpupipe.cli.doctor import doctor
from gpupipe.cli.explain import explain
from gpupipe.cli.export import export
from gpupipe.cli.file_command import FileCommand
from gpupipe.cli.jobs import cancel, fetch, list_jobs, logs, status
from gpupipe.cli.label import label
from gpupipe.cli.new import new
from gpupipe.cli.plan import plan
from gpupipe.cli.predict import predict
from gpupipe.cli.rounds import rounds
from gpupipe.cli.run import run
from gpupipe.cli.runs import runs_app
from gpupipe.cli.signals import end_like_ctrl_c
from gpupipe.cli.streams import MaskedStream
from gpupipe.cli.submit import submit

_EPILOG = "Start with: gpupipe doctor. Then: gpupipe run FILE --help"

app = typer.Typer(name="gpupipe", no_args_is_help=True, pretty_exceptions_enable=False, epilog=_EPILOG, rich_markup_mode="markdown")
app.command("new")(new)
app.command("run", cls=FileCommand)(run)
app.command("check", cls=FileCommand)(check)
app.command("plan", cls=FileCommand)(plan)
app.command("predict")(predict)
app.command("export")(export)
app.command("submit", cls=FileCommand)(submit)
app.command("rounds", cls=FileCommand)(rounds)
app.command("status")(status)
app.command("list")(list_jobs)
app.command("logs")(logs)
app.command("cancel")(cancel)
app.command("fetch")(fetch)
app.command("label")(label)
app.command("doctor")(doctor)
app.command("explain")(explain)
app.add_typer(cache_app, name="cache")
app.add_typer(data_app, name="data")
app.add_typer(runs_app, name="runs")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gpupipe {__version__}")
        raise typer.Exit


_Version: TypeAlias = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")]


@app.callback()
def _root(version: _Version = False) -> None:
    """Pipelines from tables to models: declared once in Python, run on the engine that is there."""


def main() -> None:
    """Run the command line with the process's arguments, and exit with its code."""
    # XGBoost's threads otherwise spin while they wait: beside one other busy process, two cores take 50 times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    end_like_ctrl_c()
    if sys.stderr is not None:
        sys.stderr = MaskedStream(sys.stderr)
    try:
        app(prog_name="gpupipe")
    except KeyboardInterrupt:
        sys.exit(130)
