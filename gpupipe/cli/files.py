"""Files that a command writes: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from gpupipe.core.errors import SinkError


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
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        got = error.strerror or error
        msg = f"Expected to write {str(path)!r}, got: {got}. Check the folder, its permissions and the space on its disk."
        raise SinkError(msg) from error
    finally:
        temporary.unlink(missing_ok=True)
