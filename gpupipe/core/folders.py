"""What lies below a local folder: every file once, whatever links lead where.

A link to a folder is followed, since data often lies elsewhere. It is not where it leads back: to a folder that it lies in, or to one that
is read under its own name anyway.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gpupipe.core.errors import SourceError

_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


def hidden(below: str) -> bool:
    """Return whether a path has a part that is nobody's rows; a partition folder's name may begin with an underscore.

    Examples
    --------
    >>> hidden("a/_SUCCESS"), hidden("_year=2020/a.csv")
    (True, False)
    """
    return any(part.startswith((".", "_")) and "=" not in part for part in below.split("/"))


@dataclass(frozen=True)
class _Folder:
    """A folder as it was reached, where it really is, and where all the folders that it was reached through really are."""

    path: str
    real: str
    through: frozenset[str]

    def inner(self, name: str, root: _Folder, *, is_link: bool) -> _Folder | None:
        """Return a folder in this one; None where it is read elsewhere."""
        path = posixpath.join(self.path, name)
        real = os.path.realpath(path) if is_link else posixpath.join(self.real, name)
        if real in self.through or (is_link and "=" not in name and _read_below(root.real, real)):
            return None
        return _Folder(path, real, self.through | {real})


def files_below(path: str, root: str, *, all: bool = False) -> Iterator[str]:
    """Yield every file below a local folder, without those in hidden folders unless `all` are wanted.

    Parameters
    ----------
    root
        The folder, or one that it lies in, all of which is read: a link from the one into the other is not followed.

    Raises
    ------
    SourceError
        A folder cannot be read.
    """
    first = _root(root)
    start = _reached(path, first)
    waiting = [] if start is None else [start]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder.path or ".") as found:
                entries = [(entry.name, _is_dir(entry), entry.is_symlink()) for entry in found]
        except OSError as error:
            msg = f"Expected a folder that can be read, got {error.strerror} at {folder.path!r}. Change its permissions, or leave it out."
            raise SourceError(msg) from error
        for name, is_dir, is_link in entries:
            if not is_dir:
                yield posixpath.join(folder.path, name)
            elif (all or not hidden(name)) and (inner := folder.inner(name, first, is_link=is_link)) is not None:
                waiting.append(inner)


def _is_dir(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; a link to itself is none."""
    return os.path.isdir(entry) if entry.is_symlink() else entry.is_dir()


def matches(pattern: str, suffixes: Sequence[str]) -> list[str]:
    """Return the files that a glob with ``**`` among its parts matches, in order, and those with a suffix in folders that it matches.

    Python's own follows every link, so that a few loops are more paths than there is time for.
    """
    parts = pattern.split("/")
    at = parts.index("**")
    found = []
    for base in glob.glob("/".join(parts[:at]) or "/") if at else [""]:
        if os.path.isdir(base or "."):
            for name in files_below(base, base, all=hidden("/".join(parts[at:]))):
                inside = name.lower().endswith(tuple(suffixes))
                if _fits(_below(base, name), parts[at:], inside=inside):
                    found.append(name)
    return sorted(found)


def _fits(names: Sequence[str], pattern: Sequence[str], *, inside: bool) -> bool:
    """Whether a path, or where a file inside a folder counts a folder in it, is what a glob matches, by their parts."""
    if not pattern:
        return inside or not names
    if pattern[0] == "**":
        return any(_fits(names[place:], pattern[1:], inside=inside) for place in range(len(names) + 1))
    return bool(names) and fnmatch.fnmatchcase(names[0], pattern[0]) and _fits(names[1:], pattern[1:], inside=inside)


def _reached(path: str, root: _Folder) -> _Folder | None:
    """Return a folder at or below the root; None where it is reached through a link that is not followed."""
    folder: _Folder | None = root
    for name in _below(root.path, path):
        folder = folder and folder.inner(name, root, is_link=os.path.islink(posixpath.join(folder.path, name)))
    return folder


def _below(root: str, path: str) -> list[str]:
    """Return the parts of a path below a folder."""
    return [part for part in path[len(root) :].split("/") if part]


def _root(path: str) -> _Folder:
    """Return the folder that is looked into."""
    real = os.path.realpath(path or ".")
    return _Folder(path, real, frozenset({real}))


def _read_below(root: str, real: str) -> bool:
    """Whether a folder is one below the root that is not hidden."""
    inside = posixpath.relpath(real, root)
    return not hidden("" if inside == "." else inside)


def check_plain(paths: Iterable[str], what: str) -> None:
    """Raise SourceError where a path is not of a file of bytes on a disk: of others nobody knows where they end.

    Parameters
    ----------
    what
        What is looked for, in errors.

    Examples
    --------
    >>> check_plain(["/dev/zero"], "CSV files")
    Traceback (most recent call last):
    gpupipe.core.errors.SourceError: Expected CSV files at '/dev/zero', got a device, ... Write its rows into a file first.
    """
    for path in paths:
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            msg = f"Expected {what} at {path!r}, got {error.strerror}. Check the path, and where it links to."
            raise SourceError(msg) from error
        if not stat.S_ISREG(mode):
            kind = next((name for test, name in _KINDS if test(mode)), "something that is no file")
            msg = f"Expected {what} at {path!r}, got {kind}, which may never end. Write its rows into a file first."
            raise SourceError(msg)
