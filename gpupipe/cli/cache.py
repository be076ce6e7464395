"""``gpupipe cache``: what runs have kept in checkpoints, and how to be rid of it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import Trace
from gpupipe.core.errors import UsageError
from gpupipe.core.plain_json import json_text
from gpupipe.core.secret import masked
from gpupipe.core.visible import visible

if TYPE_CHECKING:
    from gpupipe.checkpoints.entry import Entry
    from gpupipe.checkpoints.store import Store

cache_app = typer.Typer(no_args_is_help=True)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
Folder: TypeAlias = Annotated[
    str,
    typer.Option("--checkpoints", metavar="DIR", help="The folder, or fsspec address, that 'gpupipe run --checkpoints' was given."),
]
Pipelines: TypeAlias = Annotated[
    str | None, typer.Option("--pipeline", metavar="NAME", show_default=False, help="Only what the pipeline of this name has kept.")
]
DEFAULT = ".gpupipe/checkpoints"


@cache_app.callback()
def _cache() -> None:
    """List or clear the results that 'gpupipe run --checkpoints' keeps.

    Example: gpupipe cache list
    """


@cache_app.command("list")
def list_(
    folder: Folder = DEFAULT,
    pipeline: Pipelines = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the entries as one JSON object on stdout.")] = False,
    traceback: Trace = False,
) -> None:
    """Show what is kept: age, size, kind, pipeline and stage of each result, newest first; of a damaged one, what is wrong with it.

    Example: gpupipe cache list --checkpoints s3://bucket/checkpoints
    """
    with reported(with_traceback=traceback):
        entries = sorted(_chosen(_store(folder), pipeline, 0.0), key=lambda entry: -entry.created_seconds)
        if as_json:
            typer.echo(
                json_text(
                    {"folder": masked(folder), "bytes": sum(entry.n_bytes for entry in entries), "entries": list(map(_plain, entries))}
                )
            )
        else:
            _print(folder, entries)


@cache_app.command("clear")
def clear(
    folder: Folder = DEFAULT,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", show_default=False, help="Only what is older: a number and s, m, h, d or w, such as 7d or 12h."),
    ] = None,
    pipeline: Pipelines = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    traceback: Trace = False,
) -> None:
    """Remove what is kept, and what killed runs left behind more than a day ago.

    Nothing else in the folder is touched. A run that is reading an entry while it is removed fails, and can be run again.

    Example: gpupipe cache clear --older-than 7d
    """
    with reported(with_traceback=traceback):
        from gpupipe.report.units import bytes_text, plural  # local: --help does without

        store = _store(folder)
        entries = _chosen(store, pipeline, 0.0 if older_than is None else age_of(older_than))
        told = f"{plural(len(entries), 'result')}, {bytes_text(sum(entry.n_bytes for entry in entries))}, in {masked(folder)}"
        if dry_run:
            typer.echo(f"would remove {told}")
            return
        for entry in entries:
            store.remove(entry)
        n_remains = store.clear_remains()
        typer.echo(f"removed {told}" + (f"; and {plural(n_remains, 'folder')} of unfinished files" if n_remains else ""))


def age_of(text: str) -> float:
    """Return the seconds of an age as people write it.

    Raises
    ------
    UsageError
        It is no number with a unit of time.

    Examples
    --------
    >>> age_of("7d"), age_of("1.5h"), age_of("90")
    (604800.0, 5400.0, 90.0)
    """
    matched = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", text)
    if matched is None:
        msg = f"--older-than takes a number and one of s, m, h, d, w, such as 7d or 12h, got {text!r}."
        raise UsageError(msg)
    return float(matched[1]) * _SECONDS[matched[2] or "s"]


def _store(folder: str) -> Store:
    """Return the store of a folder."""
    from gpupipe.checkpoints.store import Store  # local: loads fsspec, which --help does without

    return Store(folder)


def _chosen(store: Store, pipeline: str | None, age_seconds: float) -> list[Entry]:
    """Return the entries of a pipeline, or of all, that are old enough; damaged ones belong to no pipeline."""
    before = time.time() - age_seconds
    return [entry for entry in store.entries() if entry.created_seconds <= before and pipeline in (None, entry.pipeline)]


def _plain(entry: Entry) -> dict[str, object]:
    """Return an entry as plain values."""
    reason = getattr(entry, "reason", None)
    return {
        "address": entry.address,
        "kind": entry.kind,
        "pipeline": entry.pipeline,
        "stage": entry.stage,
        "created_seconds": round(entry.created_seconds, 3),
        "age_seconds": round(max(0.0, time.time() - entry.created_seconds), 3),
        "bytes": entry.n_bytes,
        **({} if reason is None else {"reason": masked(reason)}),
    }


def _print(folder: str, entries: list[Entry]) -> None:
    """Print the entries on stdout."""
    from rich.console import Console  # local: --json does without
    from rich.table import Table  # local: as above
    from rich.text import Text  # local: as above

    from gpupipe.report.units import bytes_text, plural, seconds_text  # local: as above

    console = Console(highlight=False)
    if not entries:
        console.print(
            Text(f"Nothing is kept in {masked(folder)}. A run keeps its results with: gpupipe run FILE --checkpoints DIR"), soft_wrap=True
        )
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("age", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("kind", "pipeline", "stage", "address"):
        table.add_column(name, overflow="fold", no_wrap=name in ("kind", "address"))
    for entry in entries:
        age = seconds_text(max(0.0, time.time() - entry.created_seconds))
        cells = (age, bytes_text(entry.n_bytes), entry.kind, masked(entry.pipeline), masked(entry.stage), entry.address[:12])
        table.add_row(*(Text(visible(cell)) for cell in cells))
    console.print(table)
    for entry in entries:
        if (reason := getattr(entry, "reason", None)) is not None:
            told = f"! {entry.address[:12]} is damaged: {masked(reason)}. A run computes it again; gpupipe cache clear removes it."
            console.print(Text(visible(told)), soft_wrap=True)
    console.print(
        Text(f"{plural(len(entries), 'result')}, {bytes_text(sum(entry.n_bytes for entry in entries))}, in {masked(folder)}", style="dim")
    )
