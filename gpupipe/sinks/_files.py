"""Writers of files: one file, or a folder of part files, both under a temporary name until they are committed."""

from __future__ import annotations

import os
import posixpath
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.ends import FIRST_COLUMNS, FIRST_ROWS, NativeWrite, PartWriter, Writer
from gpupipe.core.errors import SinkError, StageError, listing
from gpupipe.core.files import Place
from gpupipe.sinks._first_rows import first_rows_of
from gpupipe.sinks._target import Target, create, explained, free_bytes, mark_folder, remove, sync, translated

_MISSING = "__HIVE_DEFAULT_PARTITION__"
_PART_ROWS = 1 << 25
_HELD_BYTES = 1 << 28
_FULL_BYTES = 1 << 24  # a disk with less room than a write takes is taken for full


class FormatWriter(ABC):
    """Writes batches of one schema into one open file."""

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None:
        """Take some rows."""

    @abstractmethod
    def close(self) -> None:
        """Write what ends the file."""


MakeWriter = Callable[[Any, pa.Schema], FormatWriter]


class _OneFile:
    """A file being written, and the rows in it."""

    def __init__(self, at: Place, schema: pa.Schema, make: MakeWriter, below: Place | None = None) -> None:
        self.n_rows = 0
        self.stream = create(at, below)
        self.format = make(self.stream, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self.format.write(batch)
        self.n_rows += batch.num_rows

    def close(self) -> None:
        try:
            self.format.close()
        finally:
            self.stream.close()


class FilesWriter(Writer):
    """Writes one file, or a folder.

    Parameters
    ----------
    make
        Opens the format on an open file.
    count
        Counts the rows of a file that an engine's own writer wrote.
    native
        What an engine's own writer needs beyond the path; None where it must not.
    """

    def __init__(
        self,
        target: Target,
        schema: pa.Schema,
        make: MakeWriter,
        *,
        partition_by: Sequence[str] = (),
        native: NativeWrite | None = None,
        count: Callable[[str], int] | None = None,
    ) -> None:
        self.target = target
        self.schema = pa.schema([field.with_nullable(True) for field in schema])
        self.make = make
        self.partition_by = tuple(partition_by)
        self.count = count
        self.n_rows = 0
        self.work = target.work()
        self.made = target.temporary() if self.work is None else Place(str(self.work.new))
        self.native = None if native is None or not target.is_file or target.at.fs is not None else _named(native, self.made.path)
        self.open: dict[tuple[str, ...], _OneFile] = {}
        self.held: dict[tuple[str, ...], list[pa.RecordBatch]] = {}
        self.n_held_bytes = 0
        self.n_parts: dict[tuple[str, ...], int] = {}
        self.first: list[pa.RecordBatch] = []

    def explain(self, error: Exception) -> SinkError | None:
        """Return the account of an error that is about this output: it names the temporary file, or the disk here is full."""
        is_ours = self.made.path in str(error) or (self.made.fs is None and free_bytes(self.made) < _FULL_BYTES)
        return explained(error, self.target.at) if is_ours else None

    def write(self, batch: pa.RecordBatch) -> None:
        """Take some rows, in the schema's types."""
        batch = conformed(batch, self.schema)
        self._see(batch)
        with translated(self.target.at):
            if not self.partition_by:
                self._append((), batch)
                return
            for key, rows in _partitions(batch, self.partition_by):
                self.held.setdefault(key, []).append(rows)
                self.n_held_bytes += rows.nbytes
            if self.n_held_bytes > _HELD_BYTES:
                self._flush()

    def first_rows(self) -> pa.Table | None:
        """Return the first rows: those that came here, or those of a local file that was written elsewhere."""
        names = self._file_schema().names[:FIRST_COLUMNS]
        if self.first:
            return pa.Table.from_batches(self.first).select(names)
        at = self.target.at
        return None if at.fs is not None else first_rows_of([at.path] if self.target.is_file else _below(at), names, FIRST_ROWS)

    def _see(self, batch: pa.RecordBatch) -> None:
        """Keep a copy of the first rows."""
        n_rows = min(batch.num_rows, FIRST_ROWS - sum(one.num_rows for one in self.first))
        if n_rows > 0:
            self.first.append(batch.select(self.schema.names[:FIRST_COLUMNS]).take(pa.array(np.arange(n_rows))))

    def parts(self) -> FilePart | None:
        """Return what writes files of the folder in other processes, where they can reach it."""
        if self.target.is_file or self.made.is_private:
            return None
        with translated(self.target.at):
            if self.work is not None:
                self.work.new.mkdir(exist_ok=True)
                old = Path(self.target.at.path)
                self.work.path.chmod((old if old.exists() else self.work.new).stat().st_mode)  # workers may be other members of a group
        return FilePart(self.made, self.target, self.schema, self.make, self.partition_by)

    def take_parts(self, written: Sequence[Mapping[str, Any]]) -> None:
        """Take over the files of all parts; what a task that was run twice left beside them is removed."""
        named = {name for part in written for name in part["files"]}
        with translated(self.target.at):
            there = set(_below(self.made))
            missing = sorted(named - there)
            if missing:
                msg = (
                    f"Workers wrote {len(named)} files of {self.target.at}, of which {len(missing)} are not to be seen from here, such as "
                    f"{missing[0]}. Write to a path that all machines share, or to an fsspec address."
                )
                raise SinkError(msg)
            for stray in there - named:
                remove(Place(stray, self.made.fs))
        self.n_rows = sum(part["rows"] for part in written)
        self.n_parts = dict.fromkeys([()], len(named)) if named else {}

    def close(self) -> None:
        """Finish every file, and have it on the disk."""
        with translated(self.target.at):
            if self.count is not None and not self.n_parts and self.made.fs is None and Path(self.made.path).is_file():
                self.n_rows = self.count(self.made.path)
            else:
                self._flush()
                if not self.n_parts:
                    self._append(tuple(f"{_quoted(name)}={_MISSING}" for name in self.partition_by), _empty(self._file_schema()))
                self._close_files()
            if not self.target.is_file:
                mark_folder(self.made)
            sync(self.made)

    def commit(self) -> dict[str, Any]:
        """Put the output in place; return its rows, columns and path."""
        self.target.replace(self.made, self.work)
        if self.work is not None:
            self.work.close()
        return {"rows": self.n_rows, "columns": len(self.schema), "path": str(self.target.at)}

    def abort(self) -> None:
        """Remove what was written."""
        try:
            self._close_files()
        except Exception:  # noqa: BLE001 - whatever a half-written file says while it is closed, it is removed next
            self.open.clear()
        if self.work is None:
            remove(self.made)
        else:
            self.work.close()

    def _file_schema(self) -> pa.Schema:
        """Return the columns in the files: all but the folders' own."""
        return pa.schema([field for field in self.schema if field.name not in self.partition_by])

    def _append(self, key: tuple[str, ...], batch: pa.RecordBatch) -> None:
        """Write rows of one partition; a file of many rows is followed by the next part."""
        file = self.open.get(key)
        if file is None:
            number = self.n_parts.get(key, 0)
            self.n_parts[key] = number + 1
            name = self.made.path
            if not self.target.is_file:
                name = posixpath.join(name, *key, f"part-{number:05d}{self.target.suffix}")
            file = self.open[key] = _OneFile(Place(name, self.made.fs), self._file_schema(), self.make)
        file.write(batch)
        self.n_rows += batch.num_rows
        if not self.target.is_file and file.n_rows >= _PART_ROWS:
            file.close()
            del self.open[key]

    def _flush(self) -> None:
        """Write the rows held, partition by partition, each into a part of its own: so only one file is open."""
        held, self.held, self.n_held_bytes = self.held, {}, 0
        for key, batches in held.items():
            self._append(key, pa.Table.from_batches(batches).combine_chunks().to_batches()[0])
            self._close_files()

    def _close_files(self) -> None:
        """Close every open file."""
        for key in list(self.open):
            self.open.pop(key).close()


@dataclass(frozen=True)
class FilePart(PartWriter):
    """Writes one block of rows as files of a folder: under hidden names first, so that a task that dies leaves nothing that counts."""

    made: Place
    target: Target
    schema: pa.Schema
    make: MakeWriter
    partition_by: tuple[str, ...]

    def write(self, number: int, batches: Sequence[pa.RecordBatch]) -> dict[str, Any]:
        """Write the rows of one block."""
        rows = [conformed(batch, self.schema) for batch in batches if batch.num_rows]
        if not rows:
            return {"rows": 0, "files": []}
        with translated(self.target.at):
            if not self.partition_by:
                return {"rows": sum(batch.num_rows for batch in rows), "files": [self._file(number, (), rows)]}
            whole = pa.Table.from_batches(rows).combine_chunks().to_batches()[0]
            parts: dict[tuple[str, ...], list[pa.RecordBatch]] = {}
            for key, part in _partitions(whole, self.partition_by):  # a key met twice must not write one file over the other
                parts.setdefault(key, []).append(part)
            files = [self._file(number, key, batches) for key, batches in parts.items()]
        return {"rows": whole.num_rows, "files": files}

    def _file(self, number: int, key: tuple[str, ...], batches: Sequence[pa.RecordBatch]) -> str:
        """Return the path of the file written."""
        folder = posixpath.join(self.made.path, *key)
        name = posixpath.join(folder, f"part-{number:05d}{self.target.suffix}")
        at = Place(posixpath.join(folder, f".{number:05d}-{secrets.token_hex(6)}") if self.made.fs is None else name, self.made.fs)
        file = _OneFile(at, batches[0].schema, self.make, self.made)  # a run that has ended has removed it, and nobody would again
        try:
            for batch in batches:
                file.write(batch)
        finally:
            file.close()
        if self.made.fs is None:
            Path(at.path).replace(name)
        return name


def _below(made: Place) -> list[str]:
    """Return every file in a folder."""
    if made.fs is not None:
        return [str(name) for name in made.fs.find(made.path)] if made.fs.exists(made.path) else []
    return [posixpath.join(folder, name) for folder, _, names in os.walk(made.path) for name in names]


def _named(native: NativeWrite, path: str) -> NativeWrite:
    """Return what an engine's own writer needs, at the temporary path."""
    return NativeWrite(native.format, path, native.options)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    """Return no rows of a schema."""
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch in the types that the writer was opened with.

    Raises
    ------
    StageError
        It has other columns.
    """
    if batch.schema.names != schema.names:
        msg = f"Expected rows with the columns {listing(schema.names)}, as planned, got {listing(batch.schema.names)}."
        raise StageError(msg)
    pairs = zip(batch.columns, schema, strict=True)
    arrays = [column if column.type == field.type else column.cast(field.type) for column, field in pairs]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _partitions(batch: pa.RecordBatch, by: Sequence[str]) -> list[tuple[tuple[str, ...], pa.RecordBatch]]:
    """Return the rows of each partition, without its columns, under the names of its folders."""
    if not batch.num_rows:
        return []
    codes = np.zeros(batch.num_rows, np.int64)
    for name in by:
        code = pc.fill_null(batch[name].dictionary_encode().indices.cast(pa.int64()), -1).to_numpy() + 1
        codes = np.unique(codes * (int(code.max()) + 1) + code, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    rows = batch.take(pa.array(order))
    kept = [name for name in batch.schema.names if name not in by]
    firsts = rows.take(pa.array(starts)).select(list(by)).to_pylist()
    bounds = [*starts.tolist(), batch.num_rows]
    keys = [tuple(f"{_quoted(name)}={_folder(name, first[name])}" for name in by) for first in firsts]
    pieces = zip(keys, bounds, bounds[1:], strict=False)
    return [(key, rows.slice(start, stop - start).select(kept)) for key, start, stop in pieces]


def _folder(column: str, value: Any) -> str:
    """Return a value of a column as the name of its folder."""
    if isinstance(value, bool):
        return str(value).lower()
    if value == _MISSING:
        msg = (
            f"Column {column!r} holds the text {_MISSING!r}, which as a folder's name means a missing value to every reader. "
            "Replace it, or write without partition_by."
        )
        raise SinkError(msg)
    return _MISSING if value is None else _quoted(str(value))


def _quoted(text: str) -> str:
    """Return a name or a value as a part of a folder's name, which no reader takes for more than that."""
    return quote(text, safe=" :+,@")
