"""Rows that were put aside, in Parquet: one file for each source file, so that reading one again leaves the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.errors import SourceError
from gpupipe.sources.csv_bad_row import BadRow
from gpupipe.sources.csv_text import without_newline

SCHEMA = pa.schema([("file", pa.string()), ("line", pa.int64()), ("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())])
_BATCH = 10_000
PUT_ASIDE = "rows put aside"


class Rejected:
    """Takes rows that do not fit.

    Parameters
    ----------
    file
        The source file's name.
    writer
        Where they go.
    """

    def __init__(self, file: str, writer: pq.ParquetWriter) -> None:
        self._file = file
        self._writer = writer
        self._rows: list[dict[str, object]] = []

    def __call__(self, bad: BadRow, raw: bytes) -> None:
        """Take one row and its text."""
        self.take(bad.line_number, bad.row_number, bad.reason, raw)

    def take(self, line: int, row: int, reason: str, raw: bytes) -> None:
        """Take one row by where it stands, why it does not fit, and its text."""
        text = without_newline(raw).decode(errors="backslashreplace")
        self._rows.append({"file": self._file, "line": line, "row": row, "reason": reason, "text": text})
        if len(self._rows) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what has been taken."""
        self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA))
        self._rows = []


@contextmanager
def rejected(folder: str | None, file: str) -> Iterator[Rejected | None]:
    """Give what takes the rows of one source file that do not fit; None without a folder.

    The Parquet file is put in place when all of the source file has been read, also where no row was put aside.

    Raises
    ------
    SourceError
        It cannot be written.
    """
    if folder is None:
        yield None
        return
    target = rejected_path(folder, file)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        writer = pq.ParquetWriter(part, SCHEMA)
    except OSError as error:
        msg = f"{file}: expected room for the rows that do not fit in {folder!r}, got: {error.strerror or error}."
        raise SourceError(f"{msg} Make room there, or name another folder as quarantine.") from error
    try:
        with writer:
            taking = Rejected(file, writer)
            yield taking
            taking.flush()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def rejected_path(folder: str, file: str) -> Path:
    """Return where the rows of one source file go that do not fit."""
    stamp = hashlib.blake2b(file.encode(), digest_size=6).hexdigest()
    return Path(folder, f"{Path(file).name}-{stamp}.parquet")


def told_of(folder: str, files: Iterable[str]) -> dict[str, Any]:
    """Return how many rows of some source files were put aside, and where, as the report tells it; nothing where none was."""
    targets = [target for file in files if (target := rejected_path(folder, file)).exists()]  # a worker's folder may be another one
    n_rows = sum(pq.read_metadata(target).num_rows for target in targets)
    return {PUT_ASIDE: n_rows, "put into": folder} if n_rows else {}
