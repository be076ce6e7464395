"""``gpupipe run``: runs a pipeline, tells of it on stderr, and answers on stdout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from gpupipe.cli.cluster_options import Authority, Certificate, Key, Unencrypted, Where, WorkerSeconds, clustered
from gpupipe.cli.failure import exit_code, print_failure, reported
from gpupipe.cli.file_command import again_with, words_of
from gpupipe.cli.options import CheckpointFolder, File, Given, Resume, Trace, bytes_of
from gpupipe.cli.streams import loading, stdout_to_stderr
from gpupipe.cli.watch import watch_runs
from gpupipe.core.plain_json import json_text
from gpupipe.core.visible import visible

if TYPE_CHECKING:
    from gpupipe.cli.running import RunEnding

Report: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", show_default=False, help="Write report.html, report.json and every fitted output to DIR."),
]

Crossings: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="POLICY", help="What happens once more bytes crossed between ingest and sinks than the budget: allow, warn or raise."
    ),
]
Budget: TypeAlias = Annotated[
    int,
    typer.Option(metavar="BYTES", parser=bytes_of, help="How much may cross between host and device beyond ingest and sinks, as 10MB."),
]
Fallbacks: TypeAlias = Annotated[
    str, typer.Option(metavar="POLICY", help="What a GPU engine does with what its libraries have not: refuse it, or run it on the host.")
]

Confirm: TypeAlias = Annotated[
    bool, typer.Option("--confirm-crossings", help="Put the driver's own records of copies beside the ledger; needs cupti-python.")
]

Watch: TypeAlias = Annotated[
    bool, typer.Option("--watch", help="Run again whenever the file, the modules beside it or its input files change, until Ctrl-C.")
]

Differences: TypeAlias = Annotated[
    bool, typer.Option("--allow-differences", help="Take answers that differ from engine cpu's; 'gpupipe check --engine NAME' tells them.")
]


def run(
    context: typer.Context,
    file: File,
    given: Given = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="Where the rows live: auto, cpu, gpu, pandas, dask or dask-cuda.")] = "auto",
    report: Report = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object on stdout.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Run stage by stage, to know the time of each; slower.")] = False,
    preview: Annotated[bool, typer.Option("--preview/--no-preview", help="Show first rows of tables in the report.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary; errors are still told.")] = False,
    crossings: Crossings = "allow",
    crossings_budget: Budget = "0",  # type: ignore[assignment]  # Typer parses the default, too
    fallbacks: Fallbacks = "refuse",
    confirm_crossings: Confirm = False,
    allow_differences: Differences = False,
    cluster: Where = None,
    tls_ca_file: Authority = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    allow_unencrypted: Unencrypted = False,
    worker_seconds: WorkerSeconds = 30.0,
    checkpoints: CheckpointFolder = None,
    resume: Resume = False,
    watch: Watch = False,
    traceback: Trace = False,
) -> None:
    """Run a pipeline.

    'gpupipe run FILE --help' also lists the parameters of that pipeline. Progress and the summary go to stderr. Exit code 0: done;
    1: the run failed; 2: the call or the plan is wrong; 130: interrupted. Outputs change only if the whole run succeeds.

    With --checkpoints, a run that fails or is killed continues with --resume; see 'gpupipe cache --help' for what is kept.

    Example: gpupipe run flow.py -p data=rows.parquet --engine cpu --report out
    """
    with reported(with_traceback=traceback):
        if watch:
            watch_runs(file, [word for word in words_of(context) if word != "--watch"])
        with loading(file):
            from gpupipe.cli.running import Call, Keeping, carry_out, options_of  # local: loads a dataframe library; --help does without

        made = options_of(crossings, crossings_budget, fallbacks, confirm_crossings=confirm_crossings, allow_differences=allow_differences)
        at = clustered(made, cluster, (tls_ca_file, tls_cert, tls_key), allow_unencrypted=allow_unencrypted, worker_seconds=worker_seconds)
        kept = Keeping(checkpoints, resume, again_with(context, "--resume"))
        with stdout_to_stderr():
            ending = carry_out(Call(file, (*(given or ()),), engine, report, at, kept, profile=profile, preview=preview, quiet=quiet))
        if as_json:
            typer.echo(json_text(ending.answer))
        tell_ending(ending, quiet=quiet, with_traceback=traceback)


def tell_ending(ending: RunEnding, *, quiet: bool, with_traceback: bool) -> None:
    """Print on stderr how the run ended, and exit where it did not end well."""
    if ending.error is not None:
        print_failure(ending.error, with_traceback=with_traceback)
        if ending.page is not None and not isinstance(ending.error, KeyboardInterrupt):
            typer.echo(visible(f"  report: {ending.page}"), err=True)
        if ending.again is not None:
            typer.echo(visible(f"  resume: {ending.again}"), err=True)
        raise typer.Exit(exit_code(ending.error))
    if not quiet:
        _print_summary(ending.report, ending.page, ending.heads)


def _print_summary(report: dict[str, Any], page: Path | None, heads: Mapping[str, Any]) -> None:
    """Print what the run came to."""
    from rich.console import Console  # local: --quiet does without
    from rich.text import Text  # local: as above

    from gpupipe.report.text import print_summary  # local: as above

    console = Console(stderr=True, highlight=False)
    print_summary(report, console, page=None if page is None else visible(page), heads=heads)
    if page is None:
        console.print(Text("\nFor a report with the drawing, the stages and the scores: --report DIR", style="dim"))
