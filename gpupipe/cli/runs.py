"""``gpupipe runs``: the reports of several runs in a folder, listed, and side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import Trace
from gpupipe.core.errors import UsageError, listing
from gpupipe.core.plain_json import json_text
from gpupipe.core.visible import visible

runs_app = typer.Typer(no_args_is_help=True)

Folder: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DIR", show_default=False, help="A folder with the folders that 'gpupipe run --report' wrote.")
]
Pipelines: TypeAlias = Annotated[str | None, typer.Option("--pipeline", metavar="NAME", show_default=False, help="Only runs of this one.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Run = Mapping[str, Any]


@runs_app.callback()
def _runs() -> None:
    """List, compare and export runs by their reports.

    Example: gpupipe run flow.py --report runs/1; gpupipe run flow.py -p seed=1 --report runs/2; gpupipe runs compare runs
    """


@runs_app.command("list")
def list_(folder: Folder, pipeline: Pipelines = None, as_json: AsJson = False, traceback: Trace = False) -> None:
    """Show the runs, the latest last: when, what, how it ended, and its scores.

    Example: gpupipe runs list runs
    """
    with reported(with_traceback=traceback):
        runs = found_runs(folder, pipeline)
        if as_json:
            typer.echo(json_text({"folder": str(folder), "runs": [dict(run) for run in runs]}))
            return
        rows = [[run["name"], run["started"], run["pipeline"], run["engine"], run["status"], f"{run['seconds']:.2f}"] for run in runs]
        told = [", ".join(f"{name} {value:.4g}" for name, value in run["scores"].items()) for run in runs]
        columns = ["run", "started", "pipeline", "engine", "status", "seconds", "scores"]
        _print(columns, [[*row, scores] for row, scores in zip(rows, told, strict=True)])


@runs_app.command("compare")
def compare(folder: Folder, pipeline: Pipelines = None, as_json: AsJson = False, traceback: Trace = False) -> None:
    """Put runs side by side, a column each: the parameters in which they differ, their scores, seconds and memory.

    Example: gpupipe runs compare runs --pipeline churn
    """
    with reported(with_traceback=traceback):
        runs = found_runs(folder, pipeline)
        lines = compared(runs)
        if as_json:
            typer.echo(json_text({"runs": [run["name"] for run in runs], "lines": {name: list(values) for name, values in lines}}))
            return
        _print(["", *(str(run["name"]) for run in runs)], [[name, *map(_shown, values)] for name, values in lines])


@runs_app.command("export")
def export(
    folder: Folder,
    mlflow: Annotated[
        str, typer.Option("--mlflow", metavar="URI", show_default=False, help="MLflow's tracking store: sqlite:///runs.db, or a server.")
    ],
    pipeline: Pipelines = None,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="MLflow's experiment; each run's pipeline unless given.")
    ] = None,
    as_json: AsJson = False,
    traceback: Trace = False,
) -> None:
    """Write the runs into MLflow: parameters, scores, tags, and the reports as artefacts. A run that is there already is left as it is.

    Example: gpupipe runs export runs --mlflow sqlite:///mlflow.db
    """
    with reported(with_traceback=traceback):
        from gpupipe.cli.mlflow_export import to_mlflow  # local: only this command needs it

        done = to_mlflow(folder, found_runs(folder, pipeline), mlflow, experiment)
        if as_json:
            typer.echo(json_text({"runs": done}))
            return
        _print(["run", "experiment", "id", ""], [[run["run"], run["experiment"], run["id"], "" if run["new"] else "there"] for run in done])


def found_runs(folder: Path, pipeline: str | None) -> list[Run]:
    """Return what each report in a folder says, the earliest first.

    Raises
    ------
    UsageError
        There is no such folder, no report in it, or none of the pipeline.
    """
    if not folder.is_dir():
        msg = (
            f"Expected a folder with reports of runs, got {str(folder)!r}, which is none. Write some: gpupipe run FILE --report {folder}/1"
        )
        raise UsageError(msg)
    runs = [run for path in sorted(folder.rglob("report.json")) if (run := _read(folder, path)) is not None]
    chosen = [run for run in runs if pipeline in (None, run["pipeline"])]
    if not chosen:
        known = sorted({run["pipeline"] for run in runs})
        what = f"of pipeline {pipeline!r}; there are some of {listing(known)}" if known else "report.json in it"
        msg = f"Expected runs in {str(folder)!r}, found none {what}. Write some: gpupipe run FILE --report {folder}/1"
        raise UsageError(msg)
    return sorted(chosen, key=lambda run: str(run["started"]))


def _read(folder: Path, path: Path) -> Run | None:
    """Return what is shown of one report; None for a file of that name that is no report."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return {
            "name": str(path.parent.relative_to(folder)) if path.parent != folder else folder.name,
            **{key: str(report[key]) for key in ("started", "pipeline", "engine", "status")},
            "seconds": float(report["seconds"]),
            "peak_bytes": int(report["memory"]["peak_bytes"]),
            "parameters": dict(report["parameters"]),
            "scores": dict(scores_in(report["outputs"])),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        typer.echo(visible(f"{path} is no report of gpupipe, and is passed over"), err=True)
        return None


def scores_in(outputs: Mapping[str, Any], inside: str = "") -> list[tuple[str, float]]:
    """Return the numbers among outputs, those inside mappings by dotted names; sizes of tables are none of them.

    Examples
    --------
    >>> scores_in({"auc": {"roc_auc": 0.5}, "n": 3, "rows": {"rows": 1, "columns": 2, "path": None}})
    [('auc.roc_auc', 0.5), ('n', 3.0)]
    """
    made: list[tuple[str, float]] = []
    for name, value in outputs.items():
        if isinstance(value, Mapping) and not {"path", "held", "fitted"} & set(value):
            made += scores_in(value, f"{inside}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            made.append((f"{inside}{name}", float(value)))
    return made


def compared(runs: Sequence[Run]) -> list[tuple[str, Sequence[Any]]]:
    """Return the lines of a comparison: parameters that differ, scores, and what the runs took.

    Examples
    --------
    >>> one = {"engine": "cpu", "status": "ok", "seconds": 1.0, "peak_bytes": 5, "parameters": {"seed": 0, "n": 1}, "scores": {"r2": 0.5}}
    >>> compared([one, one | {"parameters": {"seed": 1, "n": 1}, "scores": {}}])[:2]
    [('-p seed', [0, 1]), ('r2', [0.5, None])]
    """
    lines: list[tuple[str, Sequence[Any]]] = []
    for what, shown in (("parameters", "-p "), ("scores", "")):
        for name in dict.fromkeys(name for run in runs for name in run[what]):
            values = [run[what].get(name) for run in runs]
            if what == "scores" or any(value != values[0] for value in values):
                lines.append((f"{shown}{name}", values))
    return [*lines, *((name, [run[name] for run in runs]) for name in ("engine", "status", "seconds", "peak_bytes"))]


def _shown(value: Any) -> str:
    """Return a cell as text."""
    return "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _print(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout."""
    from rich.console import Console  # local: --json does without
    from rich.table import Table  # local: as above
    from rich.text import Text  # local: as above

    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(Text(visible(name)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(str(cell))) for cell in row))
    Console(highlight=False).print(table)
