"""Rows that were put aside, in Parquet: one file for each source file, so that reading one again leaves the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.errors import SourceError
from gpupipe.sources.csv_bad_row import BadRow
from gpupipe.sources.csv_text import without_newline

SCHEMA = pa.schema([("file", pa.string()), ("line", pa.int64()), ("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())])
_BATCH = 10_000
_KEPT = "rows kept"


class Rejected:
    """Takes rows that do not fit.

    Parameters
    ----------
    file
        The source file's name.
    writer
        Where they go; None where none is to come.
    """

    def __init__(self, file: str, writer: pq.ParquetWriter | None) -> None:
        self._file = file
        self._writer = writer
        self._rows: list[dict[str, object]] = []
        self.n_kept = 0  # as the reader of the file tells it, when all has been read

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
        assert self._writer is not None
        self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA))
        self._rows = []


@contextmanager
def rejected(folder: str | None, file: str) -> Iterator[Rejected]:
    """Give what takes the rows of one source file that do not fit; without a folder there are none.

    The Parquet file is put in place when all of the source file has been read, also where no row was put aside.

    Raises
    ------
    SourceError
        It cannot be written.
    """
    if folder is None:
        yield Rejected(file, None)
        return
    target = rejected_path(folder, file)
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
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
            writer.add_key_value_metadata({_KEPT: str(taking.n_kept)})
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def rejected_path(folder: str, file: str) -> Path:
    """Return where the rows of one source file go that do not fit."""
    stamp = hashlib.blake2b(file.encode(), digest_size=6).hexdigest()
    return Path(folder, f"{Path(file).name}-{stamp}.parquet")


def told_of(folder: str, files: Iterable[str]) -> dict[str, Any]:
    """Return how many rows of some source files were read, kept and put aside, and where, as the report tells it."""
    targets = [target for file in files if (target := rejected_path(folder, file)).exists()]  # a worker's folder may be another one
    if not targets:
        return {}
    found = [pq.read_metadata(target) for target in targets]
    kept = sum(int((one.metadata or {}).get(_KEPT.encode(), b"0")) for one in found)
    rejected = sum(one.num_rows for one in found)
    return {"read": kept + rejected, "kept": kept, "rejected": rejected, "put into": folder}
