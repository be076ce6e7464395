"""Rows from Arrow IPC files and streams, Feather version 2 among them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from gpupipe.core.arrow import in_utc, is_readable_zone, schema_of
from gpupipe.core.ends import FileScan, Piece, Source
from gpupipe.core.errors import PlanError, SourceError
from gpupipe.core.file_marks import file_marks
from gpupipe.core.files import Folder, FoundFiles, Paths, Place, find_files, kept_paths, local_files, shared_count, shown
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.sources._agree import agreed_schema, are_alike
from gpupipe.sources.located import at_files

SUFFIXES = (".arrow", ".arrows", ".feather", ".ipc")
_FILE, _FEATHER_1 = b"ARROW1", b"FEA1"


@dataclass(frozen=True)
class _Facts:
    """What the beginning, or the end, of a file tells; a stream does not tell its rows."""

    schema: pa.Schema
    n_rows: int | None


@dataclass(frozen=True, init=False)
class ReadArrow(Source):
    """The rows of Arrow IPC files or streams; which of the two a file is, its first bytes tell.

    A stream is first copied into a file in the run's own folder.

    Parameters
    ----------
    path
        A file, several, a glob, or a folder, read with all its folders; plain paths, or fsspec's addresses.
    nan_as_null
        Whether NaN is missing.

    Raises
    ------
    SourceError
        There is no such file, one is damaged or is Feather version 1, or two files differ in names or dtypes.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.arrow")
    >>> with pa.ipc.new_file(str(path), pa.schema([("a", pa.int64())])) as file:
    ...     file.write(pa.record_batch({"a": [1, 2]}))
    >>> ReadArrow(path).known_rows()
    2
    """

    path: str | tuple[str, ...] | FoundFiles
    nan_as_null: bool

    def __init__(self, path: Paths, *, nan_as_null: bool = True) -> None:
        settle(self, path=kept_paths(path), nan_as_null=nan_as_null)

    def fingerprint(self) -> tuple[tuple[Any, ...], ...] | None:
        """Return the files' marks."""
        return file_marks(self._files())

    def origin(self) -> str:
        """Return the path."""
        return shown(self.path)

    def schema(self) -> Schema:
        """Return the files' columns; dictionaries are what they hold."""
        found = self._files()
        agreed = agreed_schema(found, [_facts(file).schema for file in found])
        try:
            planned = schema_of(agreed)
        except PlanError as error:
            msg = f"{found[0]}: {error}"
            raise SourceError(msg) from error
        columns = ((name, field, self.nan_as_null and field.dtype.is_float()) for name, field in planned.items())
        return Schema(tuple((name, Field(field.dtype, nullable=field.nullable or may_be_nan)) for name, field, may_be_nan in columns))

    def known_rows(self) -> int | None:
        """Return the rows of the files' batches; of streams it is not known."""
        counts = [_facts(file).n_rows for file in self._files()]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def located(self) -> Self:
        """Return the source with its files found."""
        return at_files(self, self._files())

    def n_files(self) -> int:
        """Return how many files there are that other processes can read, too."""
        return shared_count(self._files())

    def pieces(self, file: int, n_rows: int) -> list[Piece]:
        """Return even parts of the file's rows; a stream, whose rows are not known, is one part."""
        whole = _facts(self._files()[file]).n_rows
        if whole is None or whole <= n_rows:
            return [Piece(file, whole or 0)]
        n_parts = -(-whole // n_rows)
        edges = [whole * part // n_parts for part in range(n_parts + 1)]
        return [Piece(file, stop - start, start, stop) for start, stop in pairwise(edges)]

    def scan_piece(self, piece: Piece, scratch: Folder) -> FileScan:
        """Return one part; see `scan`."""
        scan = self._scan([self._files()[piece.file]], scratch)
        return scan if piece.start is None else replace(scan, rows=(piece.start, piece.n_rows))

    def scan(self, scratch: Folder) -> FileScan:
        """Return the files, with a copy in `scratch` for each stream; there are no options."""
        return self._scan(self._files(), scratch)

    def _scan(self, chosen: list[Place], scratch: Folder) -> FileScan:
        """Return some of the files."""
        schema = self.schema()
        paths = []
        for file, local in zip(chosen, local_files(chosen, scratch), strict=True):
            is_readable = all(is_readable_zone(field.type) for field in _facts(file).schema)
            paths.append(local if is_readable and _is_file(file) else _stored(file, local, scratch))
        return FileScan("ipc", tuple(paths), schema, {"alike": are_alike([_facts(file).schema for file in chosen], schema)})

    def declared_not_null(self) -> frozenset[str]:
        """Return the columns that the files say are required; nothing but reading tells whether it is so."""
        return self.schema().not_null

    def explain(self, error: Exception) -> SourceError | None:
        """Return which file is damaged, by reading each to its end."""
        for file in self._files():
            try:
                with file.open() as stream, _opened(stream, file=_is_file(file)) as batches:
                    for batch in batches:
                        batch.validate(full=True)
            except (pa.ArrowException, OSError, ValueError) as found:
                return _damaged(file, found)
        return None

    def _files(self) -> list[Place]:
        return find_files(self.path, SUFFIXES, "Arrow files")


@contextmanager
def _opened(stream: Any, *, file: bool) -> Iterator[Iterator[pa.RecordBatch]]:
    """Open the batches of a file or a stream."""
    if file:
        with pa.ipc.open_file(stream) as opened:
            yield (opened.get_batch(number) for number in range(opened.num_record_batches))
    else:
        with pa.ipc.open_stream(stream) as opened:
            yield iter(opened)


def _is_file(file: Place) -> bool:
    """Whether the bytes are those of a file rather than of a stream."""
    with file.open() as stream:
        return bool(stream.read(len(_FILE)) == _FILE)


def _facts(file: Place) -> _Facts:
    """Return what a file tells; read once as long as the file stays as it is."""
    try:
        return _read_facts(file, file.stamp)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(file, error) from error


@lru_cache(maxsize=4096)
def _read_facts(file: Place, stamp: str) -> _Facts:
    """Return what a file tells; `stamp` makes a changed file another one."""
    with file.open() as stream:
        start = stream.read(len(_FILE))
        stream.seek(0)
        if start[:4] == _FEATHER_1:
            msg = f"{file}: expected Feather version 2, got version 1. Write it again: pyarrow.feather.write_feather."
            raise SourceError(msg)
        if start != _FILE:
            with pa.ipc.open_stream(stream) as opened:
                return _Facts(opened.schema, None)
    if file.fs is not None:
        with file.open() as stream, pa.ipc.open_file(stream) as opened:
            return _Facts(opened.schema, None)
    with pa.memory_map(file.path) as mapped, pa.ipc.open_file(mapped) as opened:
        return _Facts(opened.schema, sum(opened.get_batch(number).num_rows for number in range(opened.num_record_batches)))


def _stored(file: Place, local: str, scratch: Folder) -> str:
    """Return a copy of a stream as a file, or of a file with times in a zone that not every reader knows; made once for one as it is."""
    stamp = hashlib.blake2b(f"{file} {file.stamp}".encode(), digest_size=12).hexdigest()
    target = Path(scratch, f"stream-{stamp}.arrow")
    if not target.exists():
        part = target.with_suffix(".part")
        try:
            with Path(local).open("rb") as stream, _opened(stream, file=_is_file(file)) as opened:
                schema = _plain(_facts(file).schema)
                with pa.ipc.new_file(str(part), schema) as copy:
                    for batch in opened:
                        copy.write_batch(batch if batch.schema == schema else batch.cast(schema))
        except (pa.ArrowException, OSError, ValueError) as error:
            part.unlink(missing_ok=True)
            raise _damaged(file, error) from error
        part.replace(target)
    return str(target)


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return the schema without dictionaries, as a file cannot replace one half-way, as a stream can, and with time zones that all know."""
    types = (field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in schema)
    return pa.schema([field.with_type(in_utc(kind)) for field, kind in zip(schema, types, strict=True)])


def _damaged(file: Place, error: Exception) -> SourceError:
    """Return the error for a file that is no whole Arrow file or stream."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    reason = first.rstrip(".")
    return SourceError(f"{file}: expected a whole Arrow file or stream, got one that cannot be read: {reason}. Write it again.")
