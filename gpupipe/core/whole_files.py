"""Files that a command writes: whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gpupipe.core.errors import SinkError
from gpupipe.core.work import WorkFolder, special_kind


def make_folder(folder: Path) -> None:
    """Make a folder that can be written to.

    Raises
    ------
    SinkError
        Where it cannot be made, or nothing can be written into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        msg = f"Expected a folder that can be written to, got {str(folder)!r}: {error.strerror or error}. Name another one."
        raise SinkError(msg) from error


def write_whole(path: Path, text: str) -> None:
    """Write a text file under a temporary name, and put it in place when it is complete.

    Raises
    ------
    SinkError
        Where it cannot be written; an older file of the name is left as it was.
    """
    special = special_kind(path)
    if special is not None:
        msg = f"Expected a file or nothing at {str(path)!r}, got {special}, which cannot be replaced. Name another path."
        raise SinkError(msg)
    try:
        with WorkFolder.beside(path) as work:
            work.new.write_text(text, encoding="utf-8")
            work.put()
    except OSError as error:
        got = error.strerror or error
        msg = f"Expected to write {str(path)!r}, got: {got}. Check the folder, its permissions and the space on its disk."
        raise SinkError(msg) from error
