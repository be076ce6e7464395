"""Batches of loans cut into files: text or parquet, a loan never in two files, an acquisition file beside each performance file."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.datasets.mortgage_columns import ACQUISITION, PERFORMANCE, Ints
from gpupipe.datasets.mortgage_text import text_bytes, text_rows


class _Writer(Protocol):
    """A file that takes rows."""

    def write(self, rows: pa.Table | pa.Array) -> None: ...

    def close(self) -> None: ...


class _TextWriter:
    """A file of lines."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, rows: pa.Table | pa.Array) -> None:
        self._file.write(text_bytes(rows))

    def close(self) -> None:
        self._file.close()


def _open(path: Path, schema: pa.Schema, *, text: bool) -> _Writer:
    if text:
        return _TextWriter(path)
    writer: _Writer = pq.ParquetWriter(path, schema)
    return writer


def _name(kind: str, quarter: str, piece: int | None, *, text: bool) -> str:
    """Return a file's name; `piece` is None where a quarter has one file only."""
    number = "" if piece is None else f"_{piece}"
    if not text:
        return f"{kind}_{quarter}{number}.parquet"
    return f"{kind}_{quarter}.txt{number}" if kind == "Performance" else f"{kind}_{quarter}{number}.txt"


class Pieces:
    """The files under `folder`, written batch after batch; `finish` gives them their names, which count the pieces of a quarter."""

    def __init__(self, folder: Path, *, rows_a_file: int, text: bool) -> None:
        self._folders = {kind: folder / kind.lower() for kind in ("Acquisition", "Performance")}
        for path in self._folders.values():
            path.mkdir()
        self._rows_a_file = rows_a_file
        self._text = text
        self._quarters: list[str] = []
        self._open: tuple[_Writer, ...] = ()
        self._rows = 0

    def write(self, quarter: str, acquisition: pa.Table, performance: pa.Table, lengths: Ints) -> None:
        """Append a batch: one acquisition row a loan, and its `lengths` performance rows."""
        loans: pa.Table | pa.Array = text_rows(acquisition, whole_as_float=False) if self._text else acquisition.cast(ACQUISITION)
        months: pa.Table | pa.Array = text_rows(performance, whole_as_float=True) if self._text else performance.cast(PERFORMANCE)
        ends = np.cumsum(lengths)
        loan = row = 0
        while loan < len(lengths):
            if not self._open or self._quarters[-1] != quarter:
                self._begin(quarter)
            end = int(np.searchsorted(ends, row + self._rows_a_file - self._rows, side="right"))
            if end == loan and self._rows == 0:
                end = loan + 1  # a loan longer than a file is a file
            if end > loan:
                stop = int(ends[end - 1])
                self._open[0].write(loans.slice(loan, end - loan))
                self._open[1].write(months.slice(row, stop - row))
                self._rows += stop - row
                loan, row = end, stop
            if loan < len(lengths):
                self._begin(quarter)

    def _begin(self, quarter: str) -> None:
        self.close()
        self._quarters.append(quarter)
        piece = len(self._quarters) - 1
        schemas = {"Acquisition": ACQUISITION, "Performance": PERFORMANCE}
        for kind, folder in self._folders.items():
            self._open = (*self._open, _open(folder / str(piece), schemas[kind], text=self._text))
        self._rows = 0

    def close(self) -> None:
        """Close the files that are being written."""
        writers, self._open = self._open, ()
        for writer in writers:
            writer.close()

    def finish(self) -> dict[str, list[str]]:
        """Close and name all files; return the names, by ``"acquisition"`` and ``"performance"``."""
        self.close()
        names: dict[str, list[str]] = {kind.lower(): [] for kind in self._folders}
        for number, quarter in enumerate(self._quarters):
            single = self._quarters.count(quarter) == 1
            piece = None if single else self._quarters[:number].count(quarter)
            for kind, folder in self._folders.items():
                name = _name(kind, quarter, piece, text=self._text)
                (folder / str(number)).rename(folder / name)
                names[kind.lower()].append(name)
        return names
