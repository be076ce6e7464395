"""What a run came to, for the terminal: its stages, its outputs, and where to look further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyarrow.types import is_decimal, is_floating, is_integer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gpupipe.core.visible import visible
from gpupipe.report.cluster_section import cluster_text
from gpupipe.report.cost_sections import crossings_text
from gpupipe.report.form import LEAST_SECONDS, Report, Stage, has_run, seconds_around, title_of
from gpupipe.report.markup import cut, display_width, one_line
from gpupipe.report.result_sections import is_model, is_table, output_text
from gpupipe.report.stage_sections import checkpoints_text, grouped
from gpupipe.report.units import bytes_text, number_text, plural, rows_text, seconds_text
from gpupipe.report.values import python_values

MOST_STAGES = 40
MOST_CELL = 32
MORE_WIDTH = 14  # of "and 1,234 more"
STATUS_STYLES = {"ok": ("✓", "green"), "failed": ("✕", "red"), "interrupted": ("◼", "yellow")}


def print_summary(report: Report, console: Console, *, page: str | None = None, heads: Mapping[str, Any] | None = None) -> None:
    """Print a run's summary.

    Parameters
    ----------
    page
        Where its HTML report was written.
    heads
        The first rows of the tables among its outputs, as Arrow tables.
    """
    console.print(_headline(report))
    console.print(_stages(report))
    told = crossings_text(report)
    if told:
        console.print(Text(told, style="dim"))
    _print_cluster(report, console)
    _print_checkpoints(report, console)
    _print_put_aside(report, console)
    for fallback in report["fallbacks"]:
        console.print(Text(f"! {_title(report, fallback['stage'])} fell back: {one_line(fallback['reason'])}", style="yellow"))
    if report["outputs"]:
        console.print()
        console.print(_outputs(report))
    for name, head in (heads or {}).items():
        console.print()
        console.print(Text.assemble((one_line(name), "bold"), (f"  {first_text(head)}", "dim")))
        console.print(head_table(head, console.width))
    if report["error"] is not None:
        console.print()
        _print_error(report, console)
    if page is not None:
        console.print()
        console.print(Text.assemble(("report  ", "dim"), (page, "bold")), soft_wrap=True)


def _print_cluster(report: Report, console: Console) -> None:
    """Print what the run came to on its cluster."""
    told = cluster_text(report)
    if told:
        console.print(Text(told, style="dim"))
    for retry in (report.get("cluster") or {}).get("retries") or ():
        console.print(Text(f"! Begun again with {one_line(retry)}", style="yellow"))


def _headline(report: Report) -> Text:
    """Return the pipeline, how it ended, and what it took."""
    mark, colour = STATUS_STYLES.get(str(report["status"]), ("•", "white"))
    peak = report["memory"].get("peak_bytes")
    told = f"  {report['engine']} engine · {seconds_text(report['seconds'])}" + (f" · peak memory {bytes_text(peak)}" if peak else "")
    return Text.assemble((f"{mark} ", colour), (one_line(report["pipeline"]), "bold"), (told, "dim"))


def _stages(report: Report) -> Table:
    """Return the stages as a table; of a very long pipeline those that took longest."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("stage")
    for name in ("rows in", "rows out", "bytes", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    stretches = {int(stretch["id"]): stretch for stretch in report["stretches"]}
    units = list(grouped(report["stages"], stretches))
    hidden: list[float] = []
    for number, members in units:
        if number is not None:
            told = Text(f"{plural(len(members), 'stage')} as one query", style="italic")
            table.add_row("", told, "", "", "", seconds_text(stretches[number]["seconds"]))
        elif len(units) > MOST_STAGES and (members[0].get("seconds") or 0.0) < float(report["seconds"] or 0.0) / MOST_STAGES:
            hidden.append(members[0].get("seconds") or 0.0)
            continue
        for stage in members:
            table.add_row(*_row(stage, fused=number is not None))
    if hidden:
        _add_quiet(table, f"and {plural(len(hidden), 'short stage')}", sum(hidden))
    if (around := seconds_around(report)) >= LEAST_SECONDS:
        _add_quiet(table, "around the stages", around)
    return table


def _add_quiet(table: Table, told: str, seconds: float) -> None:
    """Add what is no stage, so that the times add up."""
    table.add_row("", Text(told, style="dim"), "", "", "", Text(seconds_text(seconds), style="dim"))


def _row(stage: Stage, *, fused: bool) -> tuple[Text | str, ...]:
    """Return the cells of a stage; a member of a stretch is indented and has no time of its own."""
    name = Text("  " if fused else "")
    name.append(cut(title_of(stage), 40))
    if stage.get("label"):
        name.append(f"  {cut(stage['name'], 24)}", style="dim")
    if stage.get("checkpoint") in ("taken", "skipped"):
        name.append("  from checkpoint" if stage["checkpoint"] == "taken" else "  not needed", style="dim italic")
    seconds = stage.get("seconds") or 0.0
    time = "" if fused and seconds < LEAST_SECONDS else seconds_text(seconds if has_run(stage) else None)
    return (
        str(stage["id"]),
        name,
        rows_text(stage.get("rows_in")),
        rows_text(stage.get("rows_out")),
        bytes_text(stage.get("bytes")),
        time,
    )


def _print_checkpoints(report: Report, console: Console) -> None:
    """Print what came from checkpoints and what was kept, and why something was not."""
    told = checkpoints_text(report)
    if told:
        console.print(Text(visible(told), style="dim"), soft_wrap=True)
        for remark in report["checkpoints"]["remarks"]:
            titles = ", ".join(_title(report, number) for number in remark["stages"])
            console.print(Text(f"! {titles}: {one_line(remark['text'])}", style="yellow"), soft_wrap=True)


def _outputs(report: Report) -> Table:
    """Return the outputs as a table without lines."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in report["outputs"].items():
        told = Text(one_line(output_text(value)))
        if (is_table(value) or is_model(value)) and value.get("path"):
            told.append(f"  {visible(value['path'])}", style="cyan")
        table.add_row(Text(one_line(name)), told)
    return table


def first_text(head: Any) -> str:
    """Return what the first rows of a table are called."""
    return "no rows" if not head.num_rows else f"first {plural(head.num_rows, 'row')}" if head.num_rows > 1 else "first row"


def head_table(head: Any, width: int) -> Table:
    """Return the first rows of an Arrow table, with as many of its columns as there is room for."""
    columns: list[tuple[Text, list[str], bool]] = []
    room = width
    for name, column in zip(head.column_names, head.columns, strict=True):
        cells = [cut(_cell_text(value), MOST_CELL) for value in python_values(column)]
        title = cut(name, MOST_CELL)
        room -= max(map(display_width, (title, *cells))) + 2
        left = len(head.column_names) - len(columns)
        if columns and room < (0 if left == 1 else MORE_WIDTH):
            columns.append((Text(f"and {left} more", style="dim"), [""] * head.num_rows, False))
            break
        columns.append((Text(title), cells, any(test(column.type) for test in (is_integer, is_floating, is_decimal))))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading, _, right in columns:
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for row in zip(*(cells for _, cells, _ in columns), strict=True):
        table.add_row(*(Text(cell, style="dim" if cell == "null" else "") for cell in row))
    return table


def _cell_text(value: object) -> str:
    """Return a value of a table: numbers as they are, since a key is no quantity."""
    return number_text(value) if value is None or isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def _print_put_aside(report: Report, console: Console) -> None:
    """Print how many rows of sources did not fit, and where they are."""
    for stage in report["stages"]:
        facts = stage.get("facts") or {}
        if facts.get("rejected") and facts.get("put into"):
            some = f"{number_text(facts['rejected'])} of {number_text(facts.get('read'))} rows"
            put = f"put {some} aside that do not fit, into {one_line(str(facts['put into']))}"
            console.print(Text(f"! {one_line(title_of(stage))} {put}", style="yellow"), soft_wrap=True)


def _print_error(report: Report, console: Console) -> None:
    """Print why the run did not finish."""
    error = report["error"]
    console.print(Text.assemble((f"{error['type']}: ", "bold red"), visible(error["message"])), soft_wrap=True)
    for note in error.get("notes") or ():
        console.print(Padding(Text(visible(note), style="dim"), (0, 0, 0, 2)), soft_wrap=True)


def _title(report: Report, number: object) -> str:
    """Return the title of a stage."""
    return next((one_line(title_of(stage)) for stage in report["stages"] if stage["id"] == number), str(number))
