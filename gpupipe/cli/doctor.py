"""``gpupipe doctor``: what is installed and usable here, and what to do about what is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gpupipe.cli.failure import RUN_FAILED, reported
from gpupipe.core.extras import pip_install
from gpupipe.core.plain_json import json_text

if TYPE_CHECKING:
    from rich.table import Table

# Extras of a dozen packages each.
_LARGE = ("cu12", "cu13")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
    try_all: Annotated[bool, typer.Option("--try", help="Try every engine on a few rows, and not the default one alone; slower.")] = False,
) -> None:
    """Show which engines and packages are usable here, and how to mend what is not.

    The default engine is tried on a few rows, in a process of its own. Exit code 0: it works; 1: it does not.

    Example: gpupipe doctor
    """
    with reported():
        from gpupipe.cli.findings import examine  # local: --help does without

        found = examine(try_all=try_all)
        if as_json:
            typer.echo(json_text(found))
        else:
            _print(found)
        if not found["usable"]:
            raise typer.Exit(RUN_FAILED)


def _print(found: dict[str, Any]) -> None:
    """Print the findings on stdout."""
    from rich.console import Console  # local: --json does without
    from rich.text import Text  # local: as above

    from gpupipe.report.units import bytes_text  # local: as above

    console = Console(highlight=False)
    machine = found["machine"]
    told = f"gpupipe {found['gpupipe']} · Python {machine['python']} · {machine['platform']}"
    console.print(Text(told, style="bold"))
    room = f"{machine['cpus']} CPUs · {bytes_text(machine['memory_bytes'])} memory"
    console.print(Text(f"{room} · {bytes_text(machine['temp_free_bytes'])} free in {machine['temp']}\n"), soft_wrap=True)
    engines = [(one["name"], _mark(one["usable"]), one["why"]) for one in found["engines"]]
    console.print(_table(("engine", "usable", "why"), engines))
    console.print()
    from gpupipe.cli.findings import further_extras, wanted_extras  # local: as above

    wanted = wanted_extras(found["packages"])
    shown = [one for one in found["packages"] if one["extra"] in wanted]
    rows = [(one["name"], one["version"] or "-", one["needs"], one["extra"] or "always", _mark(one["ok"])) for one in shown]
    if rows:
        console.print(_table(("package", "installed", "needs", "for", "ok"), rows))
    further = further_extras(found["packages"])
    if further:
        console.print(Text("\nNot installed, for who needs it:", style="dim"))
        for extra, what in further:
            command = f"in the folder of its sources, pip install '.[{extra}]'" if extra in _LARGE else pip_install(extra)
            console.print(Text(f"  {extra} ({what}): {command}", style="dim"), soft_wrap=True)
    for problem in found["problems"]:
        console.print()
        console.print(Text.assemble(("! ", "yellow"), problem["what"]), soft_wrap=True)
        console.print(Text(f"  {problem['mend']}", style="bold"), soft_wrap=True)
    if not found["problems"]:
        console.print(Text("\nNothing is wrong.", style="green"))


def _mark(ok: bool | None) -> str:
    """Return a truth as a word; None is what could not be found out."""
    return "-" if ok is None else "yes" if ok else "no"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """Return a table without lines."""
    from rich.table import Table  # local: as above
    from rich.text import Text  # local: as above

    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", pad_edge=False)
    for name in head:
        table.add_column(name, overflow="fold")
    styles = {"yes": "green", "no": "red"}
    for row in rows:
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    return table
