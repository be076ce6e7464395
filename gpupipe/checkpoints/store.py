"""Where results are kept: a folder on any file system of fsspec's, an entry an address.

::

    DIR/
      gpupipe-checkpoints.json       says what the folder is
      3f/3f9a.../
        entry.json                   what the entry is, its files and their checksums; written last, in one step
        66f0a1b2-9c4e.../            the files, under a name of their own for each time that they were written

What an entry says of itself is believed no further than its own folder: names with another form, links, files that are not listed, and
everything else that the store does not write make it damaged, and a damaged entry is computed again.

An entry is there once its ``entry.json`` is, and that file names the folder it speaks of. So whoever writes an address at the same time
as another writes a folder of their own, the last to finish counts, and who reads the other one meanwhile is not disturbed.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import fsspec

from gpupipe.checkpoints.entry import FOLDER, FORMAT, DamagedEntry, DamagedError, Entry, checked, essence, reason
from gpupipe.core.errors import SinkError, UsageError
from gpupipe.core.files import place

DEFAULT_FOLDER = ".gpupipe/checkpoints"
_MARK = "gpupipe-checkpoints.json"
_ENTRY = "entry.json"
_STALE_SECONDS = 24 * 3600  # how long files that no entry names are left, since a run may be reading or writing them
_BLOCK_BYTES = 1 << 22
_MOST_ENTRY_BYTES = 64 << 20  # its facts have a model's history and curves, of at most some hundred kilobytes


class Store:
    """A folder of entries.

    Raises
    ------
    UsageError
        The folder holds something else.
    SinkError
        The folder cannot be written, where `create` asks for it.

    Examples
    --------
    >>> store = Store("memory://kept-by-the-example", create=True)
    >>> made = store.new_folder("3f9a")
    >>> store.put(made, "rows", b"123")
    >>> _ = store.commit(Entry("3f9a", "table", "p", "Filter", 0.0, made))
    >>> [(entry.stage, entry.n_bytes) for entry in store.entries()]
    [('Filter', 3)]
    """

    def __init__(self, folder: str, *, create: bool = False) -> None:
        at = place(folder)
        self.fs: Any = fsspec.filesystem("file") if at.fs is None else at.fs
        self.is_local = at.fs is None
        self.root = str(Path(at.path).absolute()) if self.is_local else at.path.rstrip("/")
        self.shown = str(folder)
        try:
            self._recognize(create=create)
        except OSError as error:
            msg = f"Expected a folder for checkpoints that can be used, got {self.shown!r}: {error.strerror or error}. Name another one."
            raise SinkError(msg) from error

    def _recognize(self, *, create: bool) -> None:
        """Raise where the folder holds something else than entries; mark a new one as what it is."""
        mark = posixpath.join(self.root, _MARK)
        if self.fs.exists(mark):
            return
        if self.fs.exists(self.root) and (not self.fs.isdir(self.root) or self._strangers()):
            msg = f"Expected a folder of checkpoints or an empty one, got {self.shown!r}, which holds something else. Name another one."
            raise UsageError(msg)
        if create:
            self.fs.makedirs(self.root, exist_ok=True)
            self._put(mark, json.dumps({"format": FORMAT}).encode())

    def _strangers(self) -> list[str]:
        """Return what a folder without a mark holds, beside the unfinished marks of processes that were killed or are at it now."""
        names = (posixpath.basename(str(path).rstrip("/")) for path in self.fs.ls(self.root, detail=False))
        return [name for name in names if not name.startswith(_MARK)]

    def address(self, path: str) -> str:
        """Return a path of the store as sources and sinks take it."""
        return path if self.is_local else str(self.fs.unstrip_protocol(path))

    def _home(self, address: str) -> str:
        """Return the folder of an address."""
        return posixpath.join(self.root, address[:2], address)

    def folder(self, entry: Entry) -> str:
        """Return the path of the folder of an entry's files."""
        return posixpath.join(self._home(entry.address), entry.folder)

    def new_folder(self, address: str) -> str:
        """Return the path of a folder that nobody else has, for files of an entry to be."""
        return posixpath.join(self._home(address), f"{int(time.time()):08x}-{secrets.token_hex(6)}")

    def put(self, folder: str, name: str, content: bytes) -> None:
        """Write one file of a new folder."""
        path = posixpath.join(folder, name)
        self.fs.makedirs(posixpath.dirname(path), exist_ok=True)
        self.fs.pipe_file(path, content)

    def commit(self, draft: Entry) -> Entry:
        """Return the entry, which now counts for its address; where the same is there already, that one stays.

        Parameters
        ----------
        draft
            The entry, with the path of its new folder and without its files.
        """
        names = sorted(self.fs.find(draft.folder)) if self.fs.exists(draft.folder) else []
        files = {str(name)[len(draft.folder) :].lstrip("/"): self._checksum(str(name)) for name in names}
        entry = Entry(**{**asdict(draft), "folder": posixpath.basename(draft.folder), "files": files})
        if self._is_there(entry):
            self.discard(draft.folder)
            return entry
        self.fs.makedirs(self._home(entry.address), exist_ok=True)
        self._put(posixpath.join(self._home(entry.address), _ENTRY), json.dumps({"format": FORMAT, **asdict(entry)}).encode())
        self._sweep(entry)
        return entry

    def _is_there(self, entry: Entry) -> bool:
        """Return whether an undamaged entry of the same files and facts is there."""
        path = posixpath.join(self._home(entry.address), _ENTRY)
        try:
            there = self._read(path) if self.fs.exists(path) else None
            same = there is not None and essence(there) == essence(entry)
            return same and self.find(entry.address) is not None
        except DamagedError:
            return False

    def _put(self, path: str, content: bytes) -> None:
        """Write a small file, whole or not at all."""
        if not self.is_local:
            self.fs.pipe_file(path, content)
            return
        temporary = Path(f"{path}.tmp-{secrets.token_hex(6)}")
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _checksum(self, path: str) -> tuple[int, str]:
        """Return a file's size and SHA-256."""
        whole, size = hashlib.sha256(), 0
        with self.fs.open(path, "rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                whole.update(block)
                size += len(block)
        return size, whole.hexdigest()

    def find(self, address: str) -> Entry | None:
        """Return the entry of an address, its files as they were written, or None where there is none.

        Raises
        ------
        DamagedError
            There is one, and it is damaged.
        """
        path = posixpath.join(self._home(address), _ENTRY)
        if not self.fs.exists(path):
            return None
        entry = self._read(path)
        folder = self.folder(entry)
        names = {str(name)[len(folder) :].lstrip("/") for name in self.fs.find(folder)} if self.fs.exists(folder) else set()
        paths = [posixpath.join(folder, name) for name in names]
        if names != set(entry.files) or any(self._is_elsewhere(path) or not self._is_plain(path) for path in paths):
            msg = f"{folder} holds other files than were written"
            raise DamagedError(msg)
        for name, expected in entry.files.items():
            file = posixpath.join(self.folder(entry), name)
            try:
                found = self._checksum(file) if self.fs.size(file) in (expected[0], None) else ()
            except OSError as error:
                msg = f"{file} cannot be read"
                raise DamagedError(msg) from error
            if found != tuple(expected):
                msg = f"{file} is not as it was written"
                raise DamagedError(msg)
        return entry

    def _is_elsewhere(self, path: str) -> bool:
        """Whether a path of the store is, by a link, somewhere else."""
        return self.is_local and Path(path).resolve() != Path(self.root).resolve() / Path(path).relative_to(self.root)

    def _is_plain(self, path: str) -> bool:
        """Whether it is a file and nothing that waits for a writer or never ends."""
        return not self.is_local or Path(path).is_file()

    def _read(self, path: str) -> Entry:
        """Return the entry that a file describes, which is the one of the folder that it lies in."""
        try:
            if self._is_elsewhere(path):
                msg = "it is a link"
                raise ValueError(msg)
            if not self._is_plain(path):
                msg = "it is no file"
                raise ValueError(msg)
            if (self.fs.size(path) or 0) > _MOST_ENTRY_BYTES:
                msg = "it is larger than the store writes any"
                raise ValueError(msg)
            held = json.loads(self.fs.cat_file(path))
            return checked(held, posixpath.basename(posixpath.dirname(path)))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            msg = f"{path} is damaged: {reason(error)}"
            raise DamagedError(msg) from error

    def entries(self) -> Iterator[Entry]:
        """Yield every entry; what is damaged, or not the store's, is yielded as of kind ``"damaged"``."""
        for path in sorted(self._homes()):
            description = posixpath.join(path, _ENTRY)
            if not self.fs.exists(description):
                continue
            try:
                yield self._read(description)
            except DamagedError as error:
                reason = str(error).removeprefix(f"{description} is damaged: ")
                yield DamagedEntry(posixpath.basename(path), "damaged", "", "", self._modified(description), "", reason=reason)

    def _homes(self) -> list[str]:
        """Return the folder of each address."""
        if not self.fs.exists(posixpath.join(self.root, _MARK)):
            return []
        outer = [str(path).rstrip("/") for path in self.fs.ls(self.root, detail=False)]
        outer = [path for path in outer if re.fullmatch(r"[0-9a-f]{2}", posixpath.basename(path))]
        found = [str(path).rstrip("/") for folder in outer if self.fs.isdir(folder) for path in self._inside(folder)]
        return [path for path in found if re.fullmatch(r"[0-9a-f]+", posixpath.basename(path)) and self.fs.isdir(path)]

    def _inside(self, folder: str) -> list[Any]:
        """Return what is in a folder; of one that may not be read, nothing."""
        try:
            return list(self.fs.ls(folder, detail=False))
        except OSError:
            return []

    def _modified(self, path: str) -> float:
        """Return when a file was written, in seconds since 1970; 0 where the file system does not say."""
        try:
            return float(self.fs.modified(path).timestamp())
        except (OSError, NotImplementedError, AttributeError):
            return 0.0

    def remove(self, entry: Entry) -> None:
        """Remove an entry: first what makes it one, then its files; files of others at the same address stay."""
        home = self._home(entry.address)
        if self._is_elsewhere(home):  # what a link leads to is not the store's
            return
        with suppress(FileNotFoundError):  # another process was faster
            self.fs.rm(posixpath.join(home, _ENTRY))
        if entry.folder:
            self.discard(self.folder(entry))
        with suppress(OSError):  # somebody else's files are in it
            self.fs.rmdir(home)

    def discard(self, folder: str) -> None:
        """Remove a folder of files that no entry names."""
        if not self._is_elsewhere(folder):
            with suppress(FileNotFoundError):
                self.fs.rm(folder, recursive=True)

    def _sweep(self, entry: Entry) -> None:
        """Remove files of the address that no entry names, and that are too old for any run to be at work on them."""
        with suppress(OSError):  # another process may be sweeping
            self._clear_home(self._home(entry.address), entry.folder, _STALE_SECONDS)

    def _clear_home(self, home: str, named: str, older_than_seconds: float) -> int:
        """Return how many things of one address that no entry names were removed."""
        n_removed = 0
        for found in self._inside(home):
            path = str(found).rstrip("/")
            name = posixpath.basename(path)
            begun = re.fullmatch(FOLDER, name)
            if (begun is None and not name.startswith(f"{_ENTRY}.tmp-")) or self._is_elsewhere(path):
                continue
            since = int(begun[1], 16) if begun else self._modified(path)
            if name != named and time.time() - since >= older_than_seconds:
                self.fs.rm(path, recursive=True)
                n_removed += 1
        return n_removed

    def clear_remains(self, older_than_seconds: float = _STALE_SECONDS) -> int:
        """Return how many things that no entry names were removed: those of runs that were killed, and what was written anew since."""
        n_removed = 0
        for home in self._homes():
            described = posixpath.join(home, _ENTRY)
            try:
                named = self._read(described).folder if self.fs.exists(described) else ""
            except DamagedError:
                named = ""
            n_removed += self._clear_home(home, named, older_than_seconds)
            with suppress(OSError):  # it is not empty
                self.fs.rmdir(home)
        return n_removed
