"""``gpupipe status``, ``list``, ``logs``, ``cancel`` and ``fetch``: the jobs of a cluster, asked after from anywhere."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from gpupipe.cli.cluster_options import Authority, Certificate, Key, Running, Unencrypted, clustered
from gpupipe.cli.failure import RUN_FAILED, reported
from gpupipe.cli.options import Trace
from gpupipe.core.engine import EngineOptions
from gpupipe.core.plain_json import json_text
from gpupipe.core.secret import masked
from gpupipe.core.visible import visible

if TYPE_CHECKING:
    from gpupipe.jobs.desk import Desk
    from gpupipe.jobs.record import Job

JobId: TypeAlias = Annotated[str, typer.Argument(metavar="JOB", show_default=False, help="The id that 'gpupipe submit' printed.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Out: TypeAlias = Annotated[Path, typer.Option(metavar="DIR", show_default=False, help="The folder to write to; new or empty.")]


def status(
    job: JobId,
    cluster: Running = None,
    tls_ca_file: Authority = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    allow_unencrypted: Unencrypted = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the job has ended.")] = False,
    as_json: AsJson = False,
    traceback: Trace = False,
) -> None:
    """Show what has become of a job: queued, running, succeeded, failed, cancelled or lost.

    Exit code 0: it succeeded, or has not ended; 1: it failed, was cancelled, or is lost; 2: there is no such job.

    Example: gpupipe status flow-1a2b3c4d --cluster tcp://host:8786
    """
    with reported(with_traceback=traceback):
        with _desk(cluster, (tls_ca_file, tls_cert, tls_key), allow_unencrypted=allow_unencrypted) as desk:
            found = desk.wait(job) if wait else desk.job(job)
        typer.echo(json_text(found.as_json()) if as_json else visible(masked(_told(found))))
        _exit(found)


def list_jobs(
    cluster: Running = None,
    tls_ca_file: Authority = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    allow_unencrypted: Unencrypted = False,
    as_json: AsJson = False,
    traceback: Trace = False,
) -> None:
    """List the jobs that a cluster's scheduler remembers, the oldest first.

    Example: gpupipe list --cluster tcp://host:8786
    """
    with reported(with_traceback=traceback):
        with _desk(cluster, (tls_ca_file, tls_cert, tls_key), allow_unencrypted=allow_unencrypted) as desk:
            jobs = desk.jobs()
        if as_json:
            typer.echo(json_text([job.as_json() for job in jobs]))
        elif not jobs:
            typer.echo("The cluster has no jobs.", err=True)
        for job in () if as_json else jobs:
            told = f"{job.id}  {job.state:9}  {_when(job.submitted_at)}  {_seconds(job):>9}  {job.target}  {job.submitted_by}"
            typer.echo(visible(told))


def logs(
    job: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    cluster: Running = None,
    tls_ca_file: Authority = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    allow_unencrypted: Unencrypted = False,
    traceback: Trace = False,
) -> None:
    """Print what a job has printed: its last lines, on stdout.

    With --follow the exit code is that of 'gpupipe status' when the job has ended.

    Example: gpupipe logs -f flow-1a2b3c4d --cluster tcp://host:8786
    """
    with reported(with_traceback=traceback), _desk(cluster, (tls_ca_file, tls_cert, tls_key), allow_unencrypted=allow_unencrypted) as desk:
        for line in desk.lines(job, follow=follow):
            typer.echo(visible(masked(line)))
        if follow:
            _exit(desk.job(job))


def cancel(
    job: JobId,
    cluster: Running = None,
    tls_ca_file: Authority = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    allow_unencrypted: Unencrypted = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the job has ended.")] = False,
    traceback: Trace = False,
) -> None:
    """Stop a job. Its outputs stay as they were before it.

    Exit code 0: it will end, or has ended; 2: there is no such job.

    Example: gpupipe cancel flow-1a2b3c4d --cluster tcp://host:8786
    """
    with reported(with_traceback=traceback):
        with _desk(cluster, (tls_ca_file, tls_cert, tls_key), allow_unencrypted=allow_unencrypted) as desk:
            found = desk.cancel(job)
            if wait:
                found = desk.wait(job)
        typer.echo(f"{found.id}  {found.state if found.ended else 'cancelling'}")


def fetch(
    job: JobId,
    out: Out,
    cluster: Running = None,
    tls_ca_file: Authority = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    allow_unencrypted: Unencrypted = False,
    traceback: Trace = False,
) -> None:
    """Write what a job made to a folder: report.html, report.json, log.txt, fitted outputs, and outputs/ with what it wrote beside itself.

    Exit code 0: the job succeeded; 1: it failed or was cancelled (its report and log are fetched), or nothing is left of it; 2: it has not
    ended, or there is no such job.

    Example: gpupipe fetch flow-1a2b3c4d --out results --cluster tcp://host:8786
    """
    with reported(with_traceback=traceback):
        with _desk(cluster, (tls_ca_file, tls_cert, tls_key), allow_unencrypted=allow_unencrypted) as desk:
            found = desk.fetch(job, out)
        typer.echo(visible(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}"))
        if found.state != "succeeded":
            typer.echo(visible(masked(_told(found))), err=True)
        _exit(found)


def _desk(cluster: str | None, tls: tuple[str | None, str | None, str | None], *, allow_unencrypted: bool) -> Desk:
    """Return the desk of the cluster that the command names."""
    from gpupipe.jobs.desk import Desk  # local: loads Dask, which --help does without

    return Desk(clustered(EngineOptions(), cluster, tls, allow_unencrypted=allow_unencrypted))


def _exit(job: Job) -> None:
    """End the command with 1 where the job did not end well."""
    if job.ended and job.state != "succeeded":
        raise typer.Exit(RUN_FAILED)


def _told(job: Job) -> str:
    """Return what is known of a job, a line for each thing."""
    state = f"{job.state} (cancelling)" if job.cancelling and not job.ended else job.state
    facts: dict[str, Any] = {
        "job": job.id,
        "state": state if job.seconds is None else f"{state} after {_seconds(job)}",
        "pipeline": " ".join([job.target, *job.words]),
        "engine": job.engine,
        "submitted": f"{_when(job.submitted_at)} by {job.submitted_by}",
        "worker": f"{job.worker}{f' (attempt {job.attempt})' if job.attempt > 1 else ''}" if job.worker else None,
        "exit code": job.exit_code,
        "message": job.message or None,
    }
    return "\n".join(f"{name + ':':11}{value}" for name, value in facts.items() if value is not None)


def _when(seconds: float) -> str:
    """Return a time of the scheduler's clock, here."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _seconds(job: Job) -> str:
    """Return how long a job has been running, or a dash."""
    return "-" if job.seconds is None else f"{job.seconds:.1f} s"
