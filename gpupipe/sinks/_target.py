"""Where an output goes: beside its place first, and into its place only when all of it is there.

A file takes the old one's place in one step. A folder cannot: the old one is renamed aside, the new one renamed in, and the old one
removed; `gpupipe.core.work` says what becomes of a process killed between the two renames.

A folder holds an empty file whose name begins with ``_gpupipe-`` and ends in a digest of the names of all others. So a folder that is to be
replaced is known to hold what a sink wrote and nothing else. It is empty, and its name is such, since readers of folders (Polars, Arrow,
Spark) pass over empty files, or over names with an underscore.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpupipe.core.errors import SinkError, UsageError, listing
from gpupipe.core.files import Place, place
from gpupipe.core.work import WorkFolder, special_kind

MARK = "_gpupipe-"
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

    def work(self) -> WorkFolder | None:
        """Return a work folder beside the place; None where it is no local one."""
        if self.at.fs is not None:
            return None
        with translated(self.at):
            return WorkFolder.beside(Path(self.at.path))

    def temporary(self) -> Place:
        """Return a new name beside a place that is not local, on the same file system."""
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
            with tempfile.TemporaryFile(dir=self.folder):
                pass

    def _refuse_other(self, there: bool) -> None:
        """Raise SinkError where what is there must not be replaced."""
        if not there:
            return
        if not self.overwrite:
            advice = "Remove it, or write to another path."
            msg = f"Expected nothing at {str(self.at)!r}, as overwrite=False says, got an output there. {advice}"
            raise SinkError(msg)
        special = special_kind(self.at.path) if self.at.fs is None else None
        if special is not None:
            what = "a file" if self.is_file else "a folder"
            msg = f"Expected {what} or nothing at {str(self.at)!r}, got {special}, which cannot be replaced. Write to another path."
            raise SinkError(msg)
        if Path(self.at.path).is_dir() if self.at.fs is None else self.at.fs.isdir(self.at.path):
            self._refuse_folder(self.at)
        elif not self.is_file:
            msg = f"Expected a folder or nothing at {str(self.at)!r}, got a file. Remove it, or let the path end in {self.suffix}."
            raise SinkError(msg)

    def _refuse_folder(self, there: Place) -> None:
        """Raise SinkError where a folder in the place, now at `there`, holds anything but what a sink wrote."""
        if self.is_file:
            msg = f"Expected a file or nothing at {str(self.at)!r}, got a folder. Remove it, or write to another path."
            raise SinkError(msg)
        names = names_below(there)
        mark = mark_of(name for name in names if not name.startswith(MARK))
        if not names or (mark in names and sum(name.startswith(MARK) for name in names) == 1):
            return
        ours = re.compile(rf"([^/]+=[^/]*/)*part-\d{{5,}}{re.escape(self.suffix)}|{MARK}\w+")
        found = [name for name in names if not ours.fullmatch(name)] or names
        msg = (
            f"Expected a folder that gpupipe wrote, and nothing else in it, at {str(self.at)!r}, since all of it will be replaced, got "
            f"other files there: {listing(found, limit=5)}. Move them away, remove the folder, or write to another path."
        )
        raise SinkError(msg)

    def replace(self, made: Place, work: WorkFolder | None) -> None:
        """Put what was made into the place."""
        with translated(self.at, "put in place"):
            if work is None:
                _replace_remote(self.at, made)
                return
            work.put(lambda old: self._refuse_folder(Place(str(old))))
        _sync_folder(self.folder)


def _replace_remote(at: Place, made: Place) -> None:
    """Move what was made over what is there; not one step on most stores."""
    if at.fs.exists(at.path):
        at.fs.rm(at.path, recursive=True)
    at.fs.mv(made.path, at.path, recursive=bool(at.fs.isdir(made.path)))


def names_below(folder: Place) -> list[str]:
    """Return, in order, everything in a folder but folders that lead to something: files, links, and empty folders with a slash behind."""
    if folder.fs is not None:
        root = f"{folder.path.rstrip('/')}/"
        names = map(str, folder.fs.find(folder.path)) if folder.fs.exists(folder.path) else ()
        return sorted(name.lstrip("/").removeprefix(root.lstrip("/")) for name in names)
    below = Path(folder.path)
    found = (path for path in below.rglob("*") if path.is_symlink() or not path.is_dir() or not any(path.iterdir()))
    return sorted(f"{path.relative_to(below)}{'/' if path.is_dir() and not path.is_symlink() else ''}" for path in found)


def mark_of(names: Iterable[str]) -> str:
    """Return the name of the file that says that a folder holds files of these names, written by a sink, and nothing else."""
    return f"{MARK}{hashlib.blake2b(chr(0).join(sorted(names)).encode(errors='surrogateescape'), digest_size=16).hexdigest()}"


def mark_folder(made: Place) -> None:
    """Mark a folder of files as written by a sink."""
    create(Place(posixpath.join(made.path, mark_of(names_below(made))), made.fs)).close()


def remove(made: Place) -> None:
    """Remove an output that is not local, or one file of a folder, if it is there."""
    if made.fs is None:
        Path(made.path).unlink(missing_ok=True)
    elif made.fs.exists(made.path):
        made.fs.rm(made.path, recursive=True)


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
        why = f"the disk is full (no space left){free}. Make room, or write to another path; the old output is as it was."
    elif isinstance(error, OSError):
        why = f"{error.strerror or text}. Check the path and its permissions, or write to another path."
    else:
        return None
    made = SinkError(f"{at} could not be {what}: {why}")
    made.target = str(at)
    return made


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
    except SinkError as error:
        error.target = str(at)
        raise
    except Exception as error:
        better = explained(error, at, what)
        if better is None:
            raise
        raise better from error
