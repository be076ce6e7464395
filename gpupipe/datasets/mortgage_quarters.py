"""The rows of one quarter: loans drawn in batches of a fixed size, each from a random generator of its own, and written as they come.

A quarter depends on the seed and its own number alone, so quarters can be drawn in any order and in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gpupipe.core.errors import SinkError
from gpupipe.datasets.mortgage_chain import Histories, draw_histories
from gpupipe.datasets.mortgage_columns import Ints, month_number
from gpupipe.datasets.mortgage_loans import Loans, draw_loans
from gpupipe.datasets.mortgage_months import performance_table
from gpupipe.datasets.mortgage_pieces import QuarterFiles

ROWS_A_QUARTER = 1_830_000  # about: 228,500 rows a batch, which differ by 1 %
_LOANS_A_BATCH = 4096
_BATCHES_A_QUARTER = 8
_FIRST_YEAR = 2000
_N_QUARTERS = 32  # 2000Q1 to 2007Q4; then the first quarter goes on


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Raise what the operating system says of a file in the block as a SinkError that names `out`."""
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"expected to write mortgage files into {str(out)!r}, got: {error.strerror or error}. "
            "Check the permissions of the folder and the space on its disk, or name another folder."
        ) from error


@dataclass(frozen=True)
class Drawing:
    """What all quarters have in common.

    Parameters
    ----------
    out
        Where the data set goes in the end, for what is told of errors.
    folder
        Where each quarter gets a folder of its own.
    """

    out: Path
    folder: Path
    seed: int
    rows_a_file: int
    text: bool


@dataclass(frozen=True)
class Quarter:
    """A quarter as it was written: its name, its folder, and how many files of each kind, rows and loans there are."""

    name: str
    folder: Path
    n_pieces: int
    n_rows: int
    n_loans: int


@dataclass(frozen=True)
class _Batch:
    """The loans of a batch and their months, cut to the rows that are wanted."""

    acquisition: pa.Table
    performance: pa.Table
    lengths: Ints


def _start_of(number: int) -> tuple[str, int]:
    """Return the name of quarter `number`, counted from 0, and its first month."""
    year, quarter = divmod(number % _N_QUARTERS, 4)
    return f"{_FIRST_YEAR + year}Q{quarter + 1}", month_number(_FIRST_YEAR + year, 3 * quarter + 1)


def _batches_of(number: int) -> range:
    """Return the numbers of a quarter's batches."""
    return range(number * _BATCHES_A_QUARTER, (number + 1) * _BATCHES_A_QUARTER)


def _begin_batch(seed: int, number: int, start: int) -> tuple[np.random.Generator, Loans, Histories]:
    """Return the generator of batch `number`, its loans and what became of them, of a quarter that starts in month `start`."""
    rng = np.random.default_rng([seed, number])
    loans = draw_loans(rng, _LOANS_A_BATCH, first_loan=number * _LOANS_A_BATCH, quarter_start=start)
    return rng, loans, draw_histories(rng, loans, quarter_start=start)


def _draw_batch(seed: int, number: int, start: int, n_rows: int | None) -> _Batch:
    """Return a batch, of at most `n_rows` performance rows where that is given: the last loan may lose its last months."""
    rng, loans, histories = _begin_batch(seed, number, start)
    performance = performance_table(rng, loans, histories)
    n_rows = performance.num_rows if n_rows is None else n_rows
    ends = np.minimum(np.cumsum(histories.length), n_rows)
    lengths = np.diff(ends, prepend=0)
    lengths = lengths[lengths > 0]
    return _Batch(loans.table.slice(0, len(lengths)), performance.slice(0, n_rows), lengths)


def count_rows(seed: int, number: int) -> int:
    """Return how many performance rows quarter `number` has, without drawing them.

    Examples
    --------
    >>> count_rows(0, 0)
    1826544
    """
    start = _start_of(number)[1]
    return sum(int(_begin_batch(seed, batch, start)[2].length.sum()) for batch in _batches_of(number))


def draw_quarter(drawing: Drawing, number: int, n_rows: int | None, told: Callable[[int], bool]) -> Quarter:
    """Return quarter `number`, counted from 0, written into a new folder.

    Parameters
    ----------
    n_rows
        The most rows; the whole quarter where it is None.
    told
        Called after each batch with the rows of the quarter so far; the quarter ends there where it returns False.

    Raises
    ------
    SinkError
        A file cannot be written.
    """
    name, start = _start_of(number)
    folder = drawing.folder / str(number)
    rows = loans = 0
    with writing(drawing.out):
        pieces = QuarterFiles(folder, rows_a_file=drawing.rows_a_file, text=drawing.text)
    try:
        for batch_number in _batches_of(number):
            batch = _draw_batch(drawing.seed, batch_number, start, None if n_rows is None else n_rows - rows)
            with writing(drawing.out):
                pieces.write(batch.acquisition, batch.performance, batch.lengths)
            rows, loans = rows + batch.performance.num_rows, loans + len(batch.lengths)
            if not told(rows) or rows == n_rows:
                break
    finally:
        with writing(drawing.out):
            pieces.close()
    return Quarter(name, folder, pieces.n_pieces, rows, loans)
