"""``gpupipe submit``: sends a pipeline to a running cluster, and leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gpupipe.cli.cluster_options import Authority, Certificate, Key, Running, Unencrypted, WorkerSeconds, clustered
from gpupipe.cli.failure import reported
from gpupipe.cli.options import CheckpointFolder, File, Given, Resume, Trace
from gpupipe.cli.streams import loading, stdout_to_stderr
from gpupipe.core.engine import EngineOptions
from gpupipe.core.plain_json import json_text
from gpupipe.core.secret import masked
from gpupipe.core.visible import visible

Include: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--include", metavar="PATH", show_default=False, help="Ship this file or folder, too; below FILE's folder."),
]
Workdir: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="DIR", show_default=False, help="The folder over there that relative paths start at; the job's own otherwise."),
]


def submit(
    file: File,
    given: Given = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="What the pipeline runs on over there: dask, cpu or pandas.")] = "dask",
    include: Include = None,
    workdir: Workdir = None,
    checkpoints: CheckpointFolder = None,
    resume: Resume = False,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Whether the plan is checked here first.")] = True,
    cluster: Running = None,
    tls_ca_file: Authority = None,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    allow_unencrypted: Unencrypted = False,
    worker_seconds: WorkerSeconds = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the job as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the job's id and nothing else.")] = False,
    traceback: Trace = False,
) -> None:
    """Run a pipeline inside a running Dask cluster, and leave: prints the id of a job.

    FILE and the modules below its folder that it imports are shipped; data is not. Then, from any shell: gpupipe status, logs, cancel,
    fetch, list. Exit code 0: the job is there; 1: the cluster cannot be used; 2: the call or the plan is wrong.

    Example: gpupipe submit flow.py -p data=/data/rows.parquet --cluster tcp://host:8786
    """
    with reported(with_traceback=traceback):
        from gpupipe.jobs.desk import Desk  # local: loads Dask, which --help does without
        from gpupipe.jobs.submission import SubmitOptions, prepare  # local: loads a dataframe library, as above

        tls = (tls_ca_file, tls_cert, tls_key)
        options = clustered(EngineOptions(), cluster, tls, allow_unencrypted=allow_unencrypted, worker_seconds=worker_seconds)
        with stdout_to_stderr():
            asked = SubmitOptions(engine, tuple(include or ()), workdir, checkpoints, resume, check)
            with loading(file):
                prepared = prepare(file, tuple(given or ()), asked)
            if not quiet:
                typer.echo(visible(f"shipping {', '.join(prepared.shipped)} ({len(prepared.bundle):,} bytes packed)"), err=True)
                for note in prepared.notes:
                    typer.echo(visible(masked(f"! {note}")), err=True)
            with Desk(options, submitting=True) as desk:
                desk.submit(prepared.job, prepared.bundle)
        told = {"job": prepared.job.id, "cluster": cluster, "shipped": list(prepared.shipped), "notes": list(prepared.notes)}
        typer.echo(json_text(told) if as_json else prepared.job.id)
        if not (quiet or as_json):
            typer.echo(f"submitted; now: gpupipe status|logs -f|cancel|fetch {prepared.job.id} --cluster {masked(cluster)}", err=True)
