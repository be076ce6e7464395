"""Where an output goes: beside its place under a temporary name first, and into its place only when all of it is there.

A file takes the old one's place in one step. A folder cannot: the old one is renamed aside, the new one renamed in, and the old one
removed. A process killed between the two renames leaves both under names that begin with ``.`` and the folder's own name.
"""

from __future__ import annotations

import errno
import os
import posixpath
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpupipe.core.errors import SinkError, UsageError, listing
from gpupipe.core.files import Place, place

_FULL = ("no space left", "disk quota exceeded", "os error 28", "errno 28")


@dataclass(frozen=True)
class Target:
    """The place of one output.

    Parameters
    ----------
    suffix
        The format's: a path that ends in it is one file, any other a folder of files that end in it.
    overwrite
        Whether an output that is there is replaced.
    """

    at: Place
    suffix: str
    overwrite: bool

    @classmethod
    def of(cls, path: str | os.PathLike[str], suffix: str, *, overwrite: bool) -> Target:
        """Return the place of a path; a link is followed, so that what it points to is replaced."""
        if not os.fspath(path):
            raise UsageError("Expected the path of an output, got an empty text. Name a file or a folder.")
        at = place(path)
        return cls(Place(os.path.realpath(at.path)) if at.fs is None else at, suffix, overwrite)

    @property
    def is_file(self) -> bool:
        """Whether the output is one file."""
        return self.at.path.lower().endswith(self.suffix)

    @property
    def folder(self) -> str:
        """The folder that the output lies in."""
        return posixpath.dirname(self.at.path.rstrip("/"))

    def temporary(self) -> Place:
        """Return a new name beside the place, on the same file system."""
        name = posixpath.basename(self.at.path.rstrip("/"))
        return Place(posixpath.join(self.folder, f".{name}.tmp-{secrets.token_hex(6)}"), self.at.fs)

    def probe(self) -> None:
        """Make the folder that the output lies in, and raise SinkError where nothing can be written there."""
        if self.at.fs is not None:
            self._refuse_other(self.at.fs.exists(self.at.path))
            return
        with translated(self.at, "written"):
            Path(self.folder).mkdir(parents=True, exist_ok=True)
            self._refuse_other(os.path.lexists(self.at.path))
            trial = Path(self.temporary().path)
            trial.touch()
            trial.unlink()

    def _refuse_other(self, there: bool) -> None:
        """Raise SinkError where what is there must not be replaced."""
        if not there:
            return
        if not self.overwrite:
            advice = "Remove it, or write to another path."
            msg = f"Expected nothing at {str(self.at)!r}, as overwrite=False says, got an output there. {advice}"
            raise SinkError(msg)
        if Path(self.at.path).is_dir() if self.at.fs is None else self.at.fs.isdir(self.at.path):
            self._refuse_folder()
        elif not self.is_file:
            msg = f"Expected a folder or nothing at {str(self.at)!r}, got a file. Remove it, or let the path end in {self.suffix}."
            raise SinkError(msg)

    def _refuse_folder(self) -> None:
        """Raise SinkError where a folder in the place holds anything but an older output."""
        if self.is_file:
            msg = f"Expected a file or nothing at {str(self.at)!r}, got a folder. Remove it, or write to another path."
            raise SinkError(msg)
        others = [name for name in self._files() if not name.endswith(self.suffix)]
        others = [name for name in others if not posixpath.basename(name).startswith(("_", "."))]
        if others:
            msg = (
                f"Expected a folder of {self.suffix} files at {str(self.at)!r}, since all of it will be replaced, "
                f"got other files there: {listing(sorted(others), limit=3)}. Write to another path."
            )
            raise SinkError(msg)

    def _files(self) -> list[str]:
        """Return every file in the folder at the place."""
        if self.at.fs is not None:
            return [str(name) for name in self.at.fs.find(self.at.path)]
        return [posixpath.join(folder, name) for folder, _, names in os.walk(self.at.path) for name in names]

    def replace(self, made: Place) -> None:
        """Put what was made into the place."""
        with translated(self.at, "put in place"):
            if self.at.fs is not None:
                _replace_remote(self.at, made)
            elif Path(made.path).is_dir() and Path(self.at.path).exists():
                self._refuse_other(there=True)
                aside = Path(f"{self.temporary().path}-old")
                Path(self.at.path).rename(aside)
                try:
                    Path(made.path).rename(self.at.path)
                except OSError:
                    aside.rename(self.at.path)
                    raise
                shutil.rmtree(aside, ignore_errors=True)
            else:
                Path(made.path).replace(self.at.path)
        if self.at.fs is None:
            _sync_folder(self.folder)


def _replace_remote(at: Place, made: Place) -> None:
    """Move what was made over what is there; not one step on most stores."""
    if at.fs.exists(at.path):
        at.fs.rm(at.path, recursive=True)
    at.fs.mv(made.path, at.path, recursive=bool(at.fs.isdir(made.path)))


def remove(made: Place) -> None:
    """Remove a temporary output, if it is there; a folder is renamed first, so that nobody puts more into it meanwhile."""
    if made.fs is not None:
        if made.fs.exists(made.path):
            made.fs.rm(made.path, recursive=True)
    elif Path(made.path).is_dir():
        aside = Path(f"{made.path}-gone")
        Path(made.path).rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        Path(made.path).unlink(missing_ok=True)


def create(made: Place, below: Place | None = None) -> Any:
    """Return a new file, opened for writing bytes, with the folders it lies in; `below` is a local folder that must be there already."""
    if made.fs is not None:
        made.fs.makedirs(posixpath.dirname(made.path), exist_ok=True)
        return made.fs.open(made.path, "wb")
    path = Path(made.path)
    if below is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        for folder in reversed([each for each in path.parents if each.is_relative_to(below.path) and each != Path(below.path)]):
            folder.mkdir(exist_ok=True)
    return path.open("xb")


def sync(made: Place) -> None:
    """Have a local file, or every one in a local folder, on the disk itself."""
    if made.fs is not None:
        return
    path = Path(made.path)
    for name in (found for found in path.rglob("*") if found.is_file()) if path.is_dir() else [path]:
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync_folder(folder: str) -> None:
    """Have a folder's names on the disk itself, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some file systems have no such thing; the data itself is synced
    finally:
        os.close(descriptor)


def explained(error: BaseException, at: Place, what: str = "written") -> SinkError | None:
    """Return the error of an output that could not be written; None where the error is about something else.

    Libraries wrap the operating system's errors, so a full disk is also told by their words.
    """
    text = str(error).strip()
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(words in text.lower() for words in _FULL):
        free = "" if at.fs is not None else f", {free_bytes(at):,} bytes are free there"
        advice = "Make room, or write to another path; the old output is as it was."
        return SinkError(f"{at} could not be {what}: the disk is full (no space left){free}. {advice}")
    if isinstance(error, OSError):
        advice = "Check the path and its permissions, or write to another path."
        return SinkError(f"{at} could not be {what}: {error.strerror or text}. {advice}")
    return None


def free_bytes(at: Place) -> int:
    """Return the room on the disk of a place."""
    folder = Path(at.path).absolute().parent
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


@contextmanager
def translated(at: Place, what: str = "written") -> Iterator[None]:
    """Turn the operating system's errors into gpupipe's."""
    try:
        yield
    except Exception as error:
        better = explained(error, at, what)
        if better is None:
            raise
        raise better from error
