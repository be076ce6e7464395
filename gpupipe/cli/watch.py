"""``gpupipe run --watch``: runs again whenever the pipeline's code or inputs have changed.

Each run is a process of its own, so that it has the code as it is now and leaves nothing behind. It writes down what it was made of; files
are looked at a few times a second. A change counts once nothing has changed for as long as that again, so that files that are being written
are waited for; and since outputs change only if a run succeeds, a run that met a half-written file did no harm.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gpupipe.core.node import ordered
from gpupipe.core.visible import visible

if TYPE_CHECKING:
    from gpupipe.pipeline import Pipeline

NOTES = "GPUPIPE_WATCHED"  # the file in which a run writes down what it was made of
EVERY_SECONDS = 0.4
MOST_FILES = 20_000
_SHOWN = 3

Marks = Mapping[str, tuple[int, int, int]]  # file to size, time and number


def note_watched(file: Path, pipeline: Pipeline | None) -> None:
    """Write down, where somebody watches, what a run is made of: its code, its sources' places, and its outputs' places."""
    notes = os.environ.get(NOTES)
    if not notes:
        return
    stages = [] if pipeline is None else [node.stage for node in ordered(pipeline.outputs)]
    inputs = [place for stage in stages if getattr(stage, "kind", "") == "source" for place in _places(stage)]
    outputs = [place for stage in stages if getattr(stage, "kind", "") == "sink" for place in _places(stage)]
    made = {"code": sorted(_code(file)), "inputs": inputs, "outputs": outputs}
    Path(notes).write_text(json.dumps(made), encoding="utf-8")


def _code(file: Path) -> Iterable[str]:
    """Return the pipeline's file, and the modules beside or below it that are loaded."""
    folder = file.resolve().parent
    loaded = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    own = [Path(path).resolve() for path in loaded if path]
    return {str(file.resolve()), *(str(path) for path in own if path.is_relative_to(folder) and "site-packages" not in path.parts)}


def _places(stage: Any) -> list[str]:
    """Return the local paths of a source or a sink, absolute."""
    held = getattr(stage, "path", None) or getattr(stage, "store", None) or ()
    paths = [held] if isinstance(held, str | Path) else list(held)
    return [str(Path(path).expanduser().absolute()) for path in map(str, paths) if "://" not in path]


def files_of(places: Iterable[str], without: Sequence[str] = ()) -> set[str]:
    """Return the files at places: files, what is in folders, what patterns match; not those at or below the places in `without`."""
    found: set[str] = set()
    for place in places:
        pattern = glob.has_magic(place) and not Path(place).exists()
        for path in glob.glob(place, recursive=True) if pattern else [place]:  # noqa: PTH207  (the pattern is absolute)
            if Path(path).is_dir():
                found |= {
                    str(one) for one in Path(path).rglob("*") if one.is_file() and not any(part.startswith(".") for part in one.parts[1:])
                }
            else:
                found.add(path)
    return {path for path in found if not any(path == out or path.startswith(f"{out.rstrip('/')}/") for out in without)}


def marks_of(files: Iterable[str]) -> Marks:
    """Return what of each file changes when it is written, or another takes its place; one that is not there has none."""
    marks = {}
    for path in sorted(files)[:MOST_FILES]:
        try:
            told = os.stat(path)  # noqa: PTH116  (many files, often)
        except OSError:
            continue
        marks[path] = (told.st_size, told.st_mtime_ns, told.st_ino)
    return marks


def changed(before: Marks, after: Marks) -> list[str]:
    """Return the files that are there anew, gone or different.

    Examples
    --------
    >>> changed({"a": (1, 1, 1), "b": (1, 1, 1)}, {"a": (1, 2, 1), "c": (1, 1, 1)})
    ['a', 'b', 'c']
    """
    return sorted(path for path in {*before, *after} if before.get(path) != after.get(path))


def wait_for_change(places: Sequence[str], outputs: Sequence[str], before: Marks) -> list[str]:
    """Return what has changed since `before`, once it is quiet."""
    while True:
        now = marks_of(files_of(places, outputs))
        if found := changed(before, now):
            while (later := marks_of(files_of(places, outputs))) != now or _busy(now):
                now = later
                time.sleep(EVERY_SECONDS)
            return changed(before, now) or found
        time.sleep(EVERY_SECONDS)


def _busy(marks: Marks) -> bool:
    """Whether a file was written just now, so that more may come."""
    newest = max((written for _, written, _ in marks.values()), default=0)
    return 0 <= time.time_ns() - newest < EVERY_SECONDS * 1e9


def watch_runs(file: str, words: Sequence[str]) -> None:
    """Run the command again and again, until Ctrl-C.

    Parameters
    ----------
    words
        The command's arguments, without ``--watch``.
    """
    target = str(Path(file.rpartition(":")[0] or file if not Path(file).exists() else file).expanduser().absolute())
    with tempfile.TemporaryDirectory(prefix="gpupipe-watch-") as folder:
        notes = Path(folder) / "watched.json"
        known: dict[str, list[str]] = {"code": [target], "inputs": [], "outputs": []}
        while True:
            places = [*known["code"], *known["inputs"]]
            before = marks_of(files_of(places, known["outputs"]))
            began = time.time_ns()
            notes.unlink(missing_ok=True)
            subprocess.run([sys.executable, "-m", "gpupipe", "run", *words], env={**os.environ, NOTES: str(notes)}, check=False)  # noqa: S603 - this command
            if notes.exists():
                known = json.loads(notes.read_text(encoding="utf-8"))
                if not known["inputs"] and not known["outputs"]:  # the pipeline was not built: what it read before is still looked at
                    known |= {"inputs": places, "outputs": []}
            places = [*known["code"], *known["inputs"]]
            now = marks_of(files_of(places, known["outputs"]))
            # What was not known before the run may have changed during it.
            before = {path: before.get(path, mark if mark[1] < began else (-1, -1, -1)) for path, mark in now.items()}
            _tell(f"watching {len(now)} files; Ctrl-C ends")
            found = wait_for_change(places, known["outputs"], before)
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            _tell(f"changed: {', '.join(map(os.path.relpath, found[:_SHOWN]))}{more}")


def _tell(text: str) -> None:
    typer.echo(visible(text), err=True)
