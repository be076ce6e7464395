"""Where a label store's rows are: a folder of Parquet parts, to which only is added.

::

    DIR/
      gpupipe-labels.json                      what is asked: the scheme
      examples/ answers/ holdout/              part-<time>-<chance>.parquet, one for each time that rows were added
      rounds/round-000003-000.parquet          the questions of a round; what is recorded of it stands in the file's metadata

A part is written in a work folder beside its place (`gpupipe.core.work`), which only its owner enters and which is swept when its process
is killed, and then renamed or linked: it is there whole, or not at all. Names are the writers' own, so that any number of them add at once.
Only the scheme and the rounds have names that two could want: there the first one counts, and the others are given what that one wrote.
"""

from __future__ import annotations

import json
import os
import posixpath
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.errors import SinkError, SourceError, UsageError
from gpupipe.core.files import place
from gpupipe.core.work import WorkFolder

MARK = "gpupipe-labels.json"
ROUND = b"gpupipe-round"
_MOST_CHUNKS = 64


class Parts(Protocol):
    """Tables to which only is added."""

    shown: str  # its place, as people may see it
    identity: str  # what tells it from others

    def settings(self) -> Mapping[str, Any] | None:
        """Return what the store was made for; None where there is none."""

    def create(self, settings: Mapping[str, Any], schemas: Mapping[str, pa.Schema]) -> None:
        """Make the store with its tables, unless somebody else does so meanwhile."""

    def append(self, kind: str, table: pa.Table) -> None:
        """Add rows to a table: all of them or none."""

    def read(self, kind: str, schema: pa.Schema) -> pa.Table:
        """Return the rows of a table, in the order they were added; the same object as long as nothing is added."""

    def put_round(self, number: int, part: int, record: Mapping[str, Any], questions: pa.Table) -> None:
        """Add a round and its questions, unless there is one of this number and part."""

    def rounds(self, schema: pa.Schema) -> list[tuple[Mapping[str, Any], pa.Table]]:
        """Return what is recorded of each round, and its questions, in the order of their numbers."""


class FolderParts:
    """Parts in a folder, local or at an address of fsspec's. Parts that were read once are kept in memory.

    Raises
    ------
    UsageError
        The folder holds something else.
    """

    def __init__(self, folder: str) -> None:
        at = place(folder)
        self.fs: Any = fsspec.filesystem("file") if at.fs is None else at.fs
        self.is_local = at.fs is None
        self.root = str(Path(at.path).absolute()) if self.is_local else at.path.rstrip("/")
        self.shown = str(folder)
        self.identity = f"{at.fs and at.fs.protocol} {self.root}"
        self._read: dict[str, pa.Table] = {}
        self._joined: dict[str, tuple[list[str], pa.Table]] = {}
        self._lock = threading.Lock()

    def settings(self) -> Mapping[str, Any] | None:
        """Return what the mark says; None where there is none."""
        path = posixpath.join(self.root, MARK)
        if not self.fs.exists(path):
            return None
        try:
            found = json.loads(self.fs.cat_file(path))
            assert isinstance(found, dict)
        except (OSError, ValueError, AssertionError) as error:
            raise SourceError(f"{self.shown}: expected a label store's {MARK} to hold what is asked, got a file that does not.") from error
        return found

    def create(self, settings: Mapping[str, Any], schemas: Mapping[str, pa.Schema]) -> None:
        """Make the folder and its mark."""
        if self.fs.exists(self.root) and (not self.fs.isdir(self.root) or self._strangers()):
            msg = f"Expected a label store or an empty folder, got {self.shown!r}, which holds something else. Name another one."
            raise UsageError(msg)
        self._put(MARK, json.dumps(settings, ensure_ascii=False).encode(), once=True)

    def _strangers(self) -> list[str]:
        """Return what a folder holds beside the unfinished marks of others."""
        names = (posixpath.basename(str(path).rstrip("/")) for path in self.fs.ls(self.root, detail=False))
        return [name for name in names if not name.startswith((".writing-", MARK))]

    def append(self, kind: str, table: pa.Table) -> None:
        """Write one part."""
        self._put(f"{kind}/part-{time.time_ns() // 1_000_000:013x}-{secrets.token_hex(6)}.parquet", _bytes(table), once=False)

    def read(self, kind: str, schema: pa.Schema) -> pa.Table:
        """Return the rows of all parts; of those that are new since the last time, only these are read."""
        names = self._names(kind)
        known, joined = self._joined.get(kind, ([], schema.empty_table()))
        if names != known or kind not in self._joined:
            is_longer = names[: len(known)] == known
            new = [self._table(path) for path in (names[len(known) :] if is_longer else names)]
            joined = pa.concat_tables([joined if is_longer else schema.empty_table(), *new])
            joined = joined.combine_chunks() if joined.column(0).num_chunks > _MOST_CHUNKS else joined
            self._joined[kind] = (names, joined)
        return joined

    def put_round(self, number: int, part: int, record: Mapping[str, Any], questions: pa.Table) -> None:
        """Write the questions of a round with what is recorded of it."""
        held = questions.replace_schema_metadata({ROUND: json.dumps(record, sort_keys=True, ensure_ascii=False)})
        self._put(f"rounds/round-{number:06d}-{part:03d}.parquet", _bytes(held), once=True)

    def rounds(self, schema: pa.Schema) -> list[tuple[Mapping[str, Any], pa.Table]]:
        """Return the rounds' records and questions."""
        tables = [self._table(path) for path in self._names("rounds")]
        return [(json.loads(table.schema.metadata[ROUND]), table.replace_schema_metadata(None)) for table in tables]

    def _names(self, kind: str) -> list[str]:
        """Return the paths of a table's parts, in order."""
        folder = posixpath.join(self.root, kind)
        if self.is_local:
            try:
                found = [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208 - names alone, thousands of times
            except FileNotFoundError:
                return []
            except OSError as error:
                msg = f"{folder}: expected a folder of a label store, got {error.strerror or error}. Bring it back, or move it away."
                raise SourceError(msg) from error
        else:
            self.fs.invalidate_cache(folder)
            found = [str(path) for path in self.fs.ls(folder, detail=False)] if self.fs.exists(folder) else []
        return sorted(path for path in found if path.endswith(".parquet") and not posixpath.basename(path).startswith("."))

    def _table(self, path: str) -> pa.Table:
        """Return the rows of one part, which never change; rounds are kept by themselves."""
        if path not in self._read:
            try:
                with self.fs.open(path, "rb") as stream:
                    table = pq.read_table(stream)
            except (pa.ArrowException, OSError) as error:
                msg = (
                    f"{path}: expected a whole part of a label store, got one that cannot be read: {error}. Bring it back, or move it away."
                )
                raise SourceError(msg) from error
            with self._lock:
                self._read[path] = table
        return self._read[path]

    def _put(self, name: str, content: bytes, *, once: bool) -> None:
        """Write a file, whole or not at all; `once` leaves one that is there."""
        path = posixpath.join(self.root, name)
        folder = posixpath.dirname(path)
        try:
            if not self.is_local:
                self.fs.makedirs(folder, exist_ok=True)
                if not (once and self.fs.exists(path)):
                    self.fs.pipe_file(path, content)
                return
            Path(folder).mkdir(parents=True, exist_ok=True)
            with WorkFolder(folder, ".writing-") as work:
                _write(work.new, content)
                if once:
                    _link(work.new, path)
                else:
                    work.new.replace(path)
                _sync(folder)
        except OSError as error:
            msg = f"Expected a label store that can be written at {self.shown!r}, got {error.strerror or error}. Nothing was added."
            raise SinkError(f"{msg} Change its permissions or make room, and add the same rows again.") from error


def _bytes(table: pa.Table) -> bytes:
    """Return a table as Parquet."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _write(path: Path, content: bytes) -> None:
    """Write a file that is on the disk itself when this returns."""
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _link(made: Path, path: str) -> None:
    """Give a file its name, unless another one has it."""
    try:
        Path(path).hardlink_to(made)
    except FileExistsError:
        return


def _sync(folder: str) -> None:
    """Have a folder's names on the disk itself."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
