"""``gpupipe new``: a small pipeline to begin with, its test, its data contract and some rows."""

from __future__ import annotations

import csv
import importlib.util
import io
import random
import re
from pathlib import Path
from typing import Annotated

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import Quiet, Trace
from gpupipe.core.errors import UsageError
from gpupipe.core.visible import visible
from gpupipe.core.whole_files import make_folder, write_whole

_TEMPLATES = Path(__file__).with_name("templates")
_N_ROWS = 500


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="What the pipeline is called, and its folder.")],
    quiet: Quiet = False,
    traceback: Trace = False,
) -> None:
    """Write a small pipeline to begin with: it runs as it is.

    NAME/pipeline.py has the pipeline and what its rows are held to, NAME/test_pipeline.py its test, NAME/data/example.csv some rows.
    Nothing that is there is replaced.

    Example: gpupipe new churn && cd churn && gpupipe run pipeline.py --report report
    """
    with reported(with_traceback=traceback):
        folder = Path(name)
        if not re.fullmatch(r"[A-Za-z][\w-]*", folder.name):
            msg = f"Expected a name of letters, digits, - and _ that begins with a letter, got {folder.name!r}. Give another one."
            raise UsageError(msg)
        files = _files(folder.name)
        there = sorted(path for path in files if (folder / path).exists())
        if there:
            msg = f"Expected a new folder, got {name!r}, which holds {', '.join(there)}. Give another name, or move those away."
            raise UsageError(msg)
        for path, text in files.items():
            make_folder((folder / path).parent)
            write_whole(folder / path, text)
        if not quiet:
            typer.echo(visible(f"wrote {', '.join(str(folder / path) for path in files)}"), err=True)
            typer.echo(visible(f"next: cd {folder} && gpupipe run pipeline.py --report report"), err=True)
            install = "" if importlib.util.find_spec("pytest") else "pip install pytest && "
            typer.echo(f"its test: {install}python -m pytest", err=True)


def _files(name: str) -> dict[str, str]:
    """Return what is written, by its path in the folder."""
    made = {
        path: (_TEMPLATES / f"{path}.txt").read_text(encoding="utf-8").replace("NAME", name) for path in ("pipeline.py", "test_pipeline.py")
    }
    return {**made, "data/example.csv": _example()}


def _example() -> str:
    """Return rows of people who stay the likelier the more they spend."""
    chance = random.Random(0)  # noqa: S311 - an example
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["id", "age", "plan", "spent", "stayed"])
    for number in range(_N_ROWS):
        spent = round(chance.expovariate(0.02), 2)
        stayed = int(chance.random() < 0.2 + 0.6 * min(spent / 100, 1))
        rows.writerow([number, chance.randrange(18, 90), chance.choice(["basic", "family", "plus"]), spent, stayed])
    return stream.getvalue()
