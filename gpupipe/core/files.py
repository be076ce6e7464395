"""Where files are: local paths, globs, folders and fsspec addresses, for everything that reads or writes files.

An address with ``://`` is fsspec's; ``file://`` and plain paths are local. Names that begin with ``.`` or ``_`` are nobody's rows:
temporary outputs, ``_SUCCESS`` marks.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import posixpath
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from gpupipe.core.errors import GpupipeError, MissingExtraError, SourceError, UsageError, listing, nearest
from gpupipe.core.folders import check_plain, files_below, hidden, matches

Folder: TypeAlias = str | os.PathLike[str]
Paths: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "hf": "huggingface_hub",
    "http": "aiohttp",
    "https": "aiohttp",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "webdav": "webdav4",
    "github": "requests",
    "webhdfs": "requests",
    "oci": "ocifs",
    "oss": "ossfs",
    "git": "pygit2",
    "dbfs": "requests",
}
_BLOCK_BYTES = 1 << 23


@dataclass(frozen=True)
class Place:
    """One address: a file system and a path on it; no file system where it is local.

    Parameters
    ----------
    root
        The folder above which the path tells nothing about the rows: partition folders lie below it.
    called
        What people call the file, where that is another path than `path`.
    """

    path: str
    fs: Any = None
    root: str = ""
    called: str = ""

    def __str__(self) -> str:
        if self.called:
            return self.called
        return self.path if self.fs is None else str(self.fs.unstrip_protocol(self.path))

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders between the root and the file."""
        return tuple(part for part in posixpath.dirname(self.path)[len(self.root) :].split("/") if part)

    @property
    def is_private(self) -> bool:
        """Whether only this process can read it: fsspec's ``memory://``."""
        return self.fs is not None and "memory" in (self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,))

    @property
    def stamp(self) -> str:
        """What changes when the file does."""
        if self.fs is not None:
            with remote_errors(self):
                return str(self.fs.ukey(self.path))
        found = os.stat(self.path)
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Open the file for reading bytes at any place; what a file system says while it is read is a SourceError.

        Not so an OSError or a ValueError, which may be about what is read.
        """
        if self.fs is None:
            with open(self.path, "rb") as stream:
                yield stream
            return
        with remote_errors(self, but=(OSError, ValueError, EOFError)), self.fs.open(self.path, "rb") as stream:
            yield stream


@dataclass(frozen=True)
class FoundFiles:
    """Files that were found once, by whole paths: a process that stands elsewhere reads these, and nobody looks again.

    Parameters
    ----------
    files
        The files, in order.
    given
        The paths that they were found by.
    """

    files: tuple[Place, ...]
    given: str | tuple[str, ...]


@contextmanager
def remote_errors(at: Place | str, *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn what a file system of fsspec's raises, which may be an error of any library, into a SourceError.

    Parameters
    ----------
    but
        Errors that come out as they are.
    """
    passed: tuple[type[Exception], ...] = (GpupipeError, *but)
    try:
        yield
    except passed:
        raise
    except Exception as error:
        told = " ".join(str(error).split()).rstrip(".")
        what = f"{type(error).__name__}: {told}" if told else type(error).__name__
        msg = f"{at} could not be reached: {what}. Check the address, the network, and what you may read there."
        raise SourceError(msg) from error


def place(path: str | os.PathLike[str]) -> Place:
    """Return the file system and path of an address.

    Raises
    ------
    MissingExtraError
        The package for its protocol is not installed.

    Examples
    --------
    >>> place("file:///data/a.csv").path, place("a.csv").fs
    ('/data/a.csv', None)
    """
    text = os.fspath(path)
    if "\0" in text:
        msg = f"Expected a path, in which the character NUL cannot be, got {text!r}."
        raise UsageError(msg)
    if "://" not in text:
        return Place(os.path.expanduser(text))
    import fsspec  # local: plain paths need no file systems, and loading it takes as long as the rest of the package

    protocol = text.partition("://")[0]
    try:
        with remote_errors(text, but=(ImportError, ValueError)):  # some connect at once
            fs, inner = fsspec.core.url_to_fs(text)
    except ImportError as error:
        package = _PACKAGES.get(protocol)
        if package is None:
            msg = f"{text!r} needs a package that is not installed. fsspec says: {error}."
            raise MissingExtraError(msg) from error
        msg = f"{text!r} needs the package {package}, which is not installed. Run: pip install {package}"
        raise MissingExtraError(msg) from error
    except ValueError as error:
        known = [*fsspec.available_protocols()]
        msg = f"Expected an address that fsspec knows, got {text!r}.{nearest(protocol, known)} ({error})"
        raise UsageError(msg) from error
    return Place(inner) if protocol in ("file", "local") else Place(inner, fs)


def find_files(paths: Paths | FoundFiles, suffixes: Sequence[str], what: str) -> list[Place]:
    """Return the files behind a path, several paths, a glob, or a folder with all its folders, in order of their names.

    Parameters
    ----------
    suffixes
        The endings that a file of a folder must have; a path or a glob may name any file.
    what
        What is looked for, in errors: ``"parquet files"``.

    Raises
    ------
    SourceError
        There is no such file, or none of the kind in the folder.
    """
    if isinstance(paths, FoundFiles):
        return list(paths.files)
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        msg = f"Expected the path of {what}, got an empty list."
        raise UsageError(msg)
    found = [one for path in given for one in _find(os.fspath(path), suffixes, what)]
    for one in found:
        try:
            one.path.encode()
        except UnicodeEncodeError as error:
            raise SourceError(f"Expected names of {what} in UTF-8, got {one.path!r}. Rename the file or folder.") from error
    return found


def _find(path: str, suffixes: Sequence[str], what: str) -> list[Place]:
    """Return the files behind one path."""
    at = place(path)
    if _is_dir(at):
        found = _below(Place(at.path, at.fs, at.path.rstrip("/")), suffixes, what)
        if not found:
            msg = f"Expected {what} ({listing(suffixes)}) in the folder {path!r}, got {_contents(at)}. Check the path."
            raise SourceError(msg)
        return found
    if _is_file(at):
        return _plain([Place(at.path, at.fs, posixpath.dirname(at.path))], what)
    if glob.has_magic(at.path):
        return _matches(at, path, suffixes, what)
    raise _missing(at, path, what)


def _matches(at: Place, path: str, suffixes: Sequence[str], what: str) -> list[Place]:
    """Return the files that a glob matches, and those in the folders it matches."""
    root = posixpath.dirname(at.path[: min(at.path.index(sign) for sign in "*?[" if sign in at.path)])
    names = _globbed(at, suffixes)
    if not hidden(at.path[len(root) :]):  # a pattern that says _ or . itself means it
        names = [name for name in names if not hidden(name[len(root) :])]
    found: list[Place] = []
    for name in names:
        one = Place(name, at.fs, root)
        if _is_dir(one):
            found += _below(one, suffixes, what)
        else:
            found += _plain([one], what)
    if not found:
        raise _missing(at, path, what)
    return found


def _globbed(at: Place, suffixes: Sequence[str]) -> list[str]:
    """Return what a glob matches, in order; where it has ``**``, the files alone."""
    if at.fs is not None:
        with remote_errors(at):
            return sorted(map(str, at.fs.glob(at.path)))
    if "**" in at.path.split("/"):
        return matches(at.path, suffixes)
    return sorted(glob.glob(at.path))


def check_there(path: str, what: str) -> None:
    """Raise SourceError where no file is at a local path; `what` is what is looked for, in errors.

    Examples
    --------
    >>> check_there("nothing.db", "a database")
    Traceback (most recent call last):
    gpupipe.core.errors.SourceError: Expected a database at 'nothing.db', got nothing there; ...
    """
    if not _is_file(place(path)):
        raise _missing(Place(path), path, what)
    check_plain([path], what)


def _missing(at: Place, path: str, what: str) -> SourceError:
    """Return the error for a path with nothing behind it, with what is in the nearest folder there is."""
    folder = posixpath.dirname(at.path)
    while glob.has_magic(folder) or (folder and folder != posixpath.dirname(folder) and not _is_dir(Place(folder, at.fs))):
        folder = posixpath.dirname(folder)
    here = Place(folder or ".", at.fs)
    rest = at.path[len(folder) :].lstrip("/").split("/")[0]
    close = _nearest(rest, _names(here))
    got = f"got nothing there; the folder {str(here)!r} holds {_contents(here)}"
    return SourceError(f"Expected {what} at {path!r}, {got}.{close} Check the path.")


def _nearest(name: str, names: Sequence[str]) -> str:
    """Return the hint at the nearest name; for a glob, at one that it matches where capitals do not matter."""
    if not glob.has_magic(name):
        return nearest(name, names)
    alike = [known for known in names if fnmatch.fnmatchcase(known.lower(), name.lower())]
    return nearest(alike[0], alike) if alike else ""


def _contents(at: Place) -> str:
    """Return what a folder holds, as errors say it."""
    names = _names(at)
    return listing(names, limit=8) if names else "nothing"


def _names(at: Place) -> list[str]:
    """Return the names in a folder."""
    try:
        if at.fs is None:
            return sorted(os.listdir(at.path or "."))
        with remote_errors(at, but=(OSError,)):
            return sorted(posixpath.basename(str(name).rstrip("/")) for name in at.fs.ls(at.path, detail=False))
    except OSError:
        return []


def _is_dir(at: Place) -> bool:
    if at.fs is None:
        return os.path.isdir(at.path or ".")
    with remote_errors(at):
        return bool(at.fs.isdir(at.path))


def _is_file(at: Place) -> bool:
    if at.fs is None:
        return os.path.exists(at.path)
    with remote_errors(at):
        return bool(at.fs.isfile(at.path))


def _below(at: Place, suffixes: Sequence[str], what: str) -> list[Place]:
    """Return the files with one of the suffixes in a folder and its folders, without hidden ones."""
    top = at.path.rstrip("/")
    if at.fs is None:
        names = list(files_below(top, at.root))
    else:
        with remote_errors(at):
            names = [str(name) for name in at.fs.find(top)]
    kept = [name for name in names if name.lower().endswith(tuple(suffixes)) and not hidden(name[len(top) :])]
    return _plain([Place(name, at.fs, at.root) for name in sorted(kept)], what)


def _plain(found: list[Place], what: str) -> list[Place]:
    """Return the files, which must be plain ones where they are local."""
    check_plain((file.path for file in found if file.fs is None), what)
    return found


def shared_count(files: Sequence[Place]) -> int:
    """Return how many files there are, or 0 where only this process can read them."""
    return 0 if any(file.is_private for file in files) else len(files)


def shown(paths: Paths | FoundFiles) -> str:
    """Return the paths as plans and errors show them.

    Examples
    --------
    >>> shown("a.csv"), shown(["a.csv", "b.csv"])
    ('a.csv', 'a.csv and 1 more')
    """
    if isinstance(paths, FoundFiles):
        return shown(paths.given)
    if isinstance(paths, str | os.PathLike):
        return os.fspath(paths)
    first = os.fspath(paths[0]) if paths else "nothing"
    return first if len(paths) < 2 else f"{first} and {len(paths) - 1} more"


def kept_paths(paths: Paths) -> str | tuple[str, ...]:
    """Return the paths as values that compare and pickle: one text, or several."""
    return os.fspath(paths) if isinstance(paths, str | os.PathLike) else tuple(os.fspath(path) for path in paths)


def local_files(places: Iterable[Place], scratch: Folder) -> list[str]:
    """Return local paths of the files; remote ones are downloaded into `scratch`, block by block, once.

    Raises
    ------
    SourceError
        A file cannot be downloaded.
    """
    return [found.path if found.fs is None else _downloaded(found, scratch) for found in places]


def _downloaded(found: Place, scratch: Folder) -> str:
    """Return the local copy of a remote file; its partition folders keep their names."""
    import hashlib  # local: only remote files need it

    stamp = hashlib.blake2b(f"{found} {found.stamp}".encode(), digest_size=8).hexdigest()
    target = Path(scratch, f"remote-{stamp}", *found.folders, posixpath.basename(found.path))
    if target.exists():
        return str(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with found.open() as source, part.open("wb") as copy:
            shutil.copyfileobj(source, copy, _BLOCK_BYTES)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"{found} could not be downloaded to {os.fspath(scratch)!r}: {error}. Check the address, the network, and the room there."
        raise SourceError(msg) from error
    return str(target)
