"""Batches of loans cut into files: text or parquet, a loan never in two files, an acquisition file beside each performance file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.datasets.mortgage_columns import ACQUISITION, PERFORMANCE, Ints
from gpupipe.datasets.mortgage_text import text_bytes, text_rows

KINDS = ("Acquisition", "Performance")


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


class QuarterFiles:
    """The files of one quarter in a new `folder`, written batch after batch and called 0, 1, ... until `publish_pieces` names them."""

    def __init__(self, folder: Path, *, rows_a_file: int, text: bool) -> None:
        for kind in KINDS:
            (folder / kind.lower()).mkdir(parents=True)
        self._folder = folder
        self._rows_a_file = rows_a_file
        self._text = text
        self._open: tuple[_Writer, ...] = ()
        self._rows = 0
        self.n_pieces = 0

    def write(self, acquisition: pa.Table, performance: pa.Table, lengths: Ints) -> None:
        """Append a batch: one acquisition row a loan, and its `lengths` performance rows."""
        loans: pa.Table | pa.Array = text_rows(acquisition, whole_as_float=False) if self._text else acquisition.cast(ACQUISITION)
        months: pa.Table | pa.Array = text_rows(performance, whole_as_float=True) if self._text else performance.cast(PERFORMANCE)
        ends = np.cumsum(lengths)
        loan = row = 0
        while loan < len(lengths):
            if not self._open:
                self._begin()
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
                self._begin()

    def _begin(self) -> None:
        self.close()
        for kind, schema in zip(KINDS, (ACQUISITION, PERFORMANCE), strict=True):
            self._open = (*self._open, _open(self._folder / kind.lower() / str(self.n_pieces), schema, text=self._text))
        self.n_pieces += 1
        self._rows = 0

    def close(self) -> None:
        """Close the files that are being written."""
        writers, self._open = self._open, ()
        for writer in writers:
            writer.close()


def publish_pieces(quarters: Sequence[tuple[str, Path, int]], folder: Path, *, text: bool) -> dict[str, list[str]]:
    """Move the files of all quarters into two folders; return their names, by ``"acquisition"`` and ``"performance"``.

    Parameters
    ----------
    quarters
        In their order: the name, which may come again, the folder that `QuarterFiles` wrote to, and how many pieces there are.
    folder
        Where ``acquisition`` and ``performance`` are made. The pieces of quarters with one name are counted together.
    """
    names: dict[str, list[str]] = {kind.lower(): [] for kind in KINDS}
    for kind in names:
        (folder / kind).mkdir()
    totals: Counter[str] = Counter()
    for quarter, _, n_pieces in quarters:
        totals[quarter] += n_pieces
    seen: Counter[str] = Counter()
    for quarter, written, n_pieces in quarters:
        for number in range(n_pieces):
            piece = None if totals[quarter] == 1 else seen[quarter]
            seen[quarter] += 1
            for kind in KINDS:
                name = _name(kind, quarter, piece, text=text)
                (written / kind.lower() / str(number)).rename(folder / kind.lower() / name)
                names[kind.lower()].append(name)
    return names
