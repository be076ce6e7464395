"""Synthetic mortgage data in the layout of Fannie Mae's public loan performance files.

The real files may not be passed on, so gpupipe makes its own: the same columns, the same text, and the distributions of the public
2007Q3 quarter. Loans are made in batches of a fixed size, each from a random generator of its own, spawned from the seed: so the
rows depend on the seed alone and not on how they are cut into files, the first rows of a large set are those of a small one, and
memory does not grow with the number of rows.

Everything is written into a hidden folder inside the output folder and moved to its place at the end.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gpupipe.core.errors import SinkError, UsageError
from gpupipe.datasets.mortgage_chain import draw_histories
from gpupipe.datasets.mortgage_columns import Ints, month_number
from gpupipe.datasets.mortgage_facts import NAME_PAIRS
from gpupipe.datasets.mortgage_loans import draw_loans
from gpupipe.datasets.mortgage_months import performance_table
from gpupipe.datasets.mortgage_pieces import Pieces

_LOANS_A_BATCH = 4096
_BATCHES_A_QUARTER = 8  # about 1.85 million rows
_FIRST_YEAR = 2000
_N_QUARTERS = 32  # 2000Q1 to 2007Q4; then the first quarter goes on
_OUTPUTS = ("acquisition", "performance", "names.csv")


@dataclass(frozen=True)
class MortgageFiles:
    """What `generate_mortgage` wrote: the paths, the performance rows, the loans, and the bytes of both kinds of file."""

    acquisition: tuple[Path, ...]
    performance: tuple[Path, ...]
    names: Path
    n_rows: int
    n_loans: int
    n_bytes: int


@dataclass(frozen=True)
class _Batch:
    """The loans of a batch and their months, cut to the rows that are wanted."""

    quarter: str
    acquisition: pa.Table
    performance: pa.Table
    lengths: Ints


def _draw_batch(seed: int, number: int, n_rows: int) -> _Batch:
    """Return batch `number`, of at most `n_rows` performance rows; the last loan may lose its last months."""
    rng = np.random.default_rng([seed, number])
    quarter = number // _BATCHES_A_QUARTER % _N_QUARTERS
    year, quarter_of_year = _FIRST_YEAR + quarter // 4, quarter % 4
    start = month_number(year, 3 * quarter_of_year + 1)
    loans = draw_loans(rng, _LOANS_A_BATCH, first_loan=number * _LOANS_A_BATCH, quarter_start=start)
    histories = draw_histories(rng, loans, quarter_start=start)
    performance = performance_table(rng, loans, histories).slice(0, n_rows)
    ends = np.minimum(np.cumsum(histories.length), n_rows)
    lengths = np.diff(ends, prepend=0)
    lengths = lengths[lengths > 0]
    return _Batch(f"{year}Q{quarter_of_year + 1}", loans.table.slice(0, len(lengths)), performance, lengths)


def _batches(seed: int, n_rows: int) -> Iterator[_Batch]:
    number = 0
    while n_rows > 0:
        batch = _draw_batch(seed, number, n_rows)
        yield batch
        n_rows -= batch.performance.num_rows
        number += 1


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"expected to write mortgage files into {str(out)!r}, got: {error.strerror or error}. "
            "Check the permissions of the folder and the space on its disk, or name another folder."
        ) from error


def _check_call(out: Path, n_rows: int, seed: int, rows_a_file: int, *, overwrite: bool) -> None:
    for name, value, least in (("n_rows", n_rows, 1), ("rows_a_file", rows_a_file, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UsageError(f"expected {name} to be a whole number of at least {least}, got {value!r}. Pass {name}={least} or more.")
    if out.exists() and not out.is_dir():
        raise UsageError(f"expected out to be a folder, got the file {str(out)!r}. Name a new folder.")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        raise UsageError(
            f"expected out to be a new or an empty folder, got {str(out)!r}, which holds files. "
            f"Name another folder, or pass overwrite=True to replace {', '.join(_OUTPUTS)} in it."
        )


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Give a hidden folder inside `out`, and remove it, and what of `out` was made for it, however the block ends."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    staging: Path | None = None
    try:
        with _writing(out):
            out.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=".mortgage-", dir=out))
        yield staging
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _write_names(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="|", lineterminator="\n")
        writer.writerow(["seller_name", "new"])
        writer.writerows(NAME_PAIRS.items())


def _publish(staging: Path, out: Path) -> None:
    """Move the outputs from `staging` to `out`; put the old ones back if one of the moves fails."""
    old = staging / "old"
    old.mkdir()
    moved: list[tuple[Path, Path]] = []
    try:
        for name in _OUTPUTS:
            for source, target in ((out / name, old / name), (staging / name, out / name)):
                if source.exists():
                    source.rename(target)
                    moved.append((source, target))
    except BaseException:
        for source, target in reversed(moved):
            target.rename(source)
        raise


def generate_mortgage(
    out: str | Path,
    n_rows: int,
    *,
    seed: int = 0,
    rows_a_file: int = 2_000_000,
    text: bool = True,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> MortgageFiles:
    """Return the files written: `n_rows` performance rows, the acquisition rows of their loans, and the sellers' short names.

    Parameters
    ----------
    rows_a_file
        The most rows of a performance file. A loan is never cut, so a file is a little shorter; a longer loan is a file of its own.
    text
        Pipe-separated text without a header, or parquet with types. ``names.csv`` is pipe-separated, with a header, either way.
    overwrite
        Whether ``acquisition``, ``performance`` and ``names.csv`` in `out` are replaced. Other files there stay.
    progress
        Called after each batch with the number of rows written so far.

    Raises
    ------
    UsageError
        If a number is out of range, or `out` is a file or holds files.
    SinkError
        If `out` cannot be written.

    Notes
    -----
    Layout: RAPIDS mortgage example, ``Performance_<YYYYQq>.txt[_i]`` and ``Acquisition_<YYYYQq>[_i].txt``.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = generate_mortgage(f"{folder}/mortgage", 1000)
    ...     files.n_rows, [path.name for path in files.performance]
    (1000, ['Performance_2000Q1.txt'])
    """
    out = Path(out)
    with _writing(out):
        _check_call(out, n_rows, seed, rows_a_file, overwrite=overwrite)
    n_loans = n_done = 0
    with _staging(out) as staging:
        with _writing(out):
            pieces = Pieces(staging, rows_a_file=rows_a_file, text=text)
        try:
            for batch in _batches(seed, n_rows):
                with _writing(out):
                    pieces.write(batch.quarter, batch.acquisition, batch.performance, batch.lengths)
                n_loans += len(batch.lengths)
                n_done += batch.performance.num_rows
                if progress is not None:
                    progress(n_done)
        finally:
            with _writing(out):
                pieces.close()
        with _writing(out):
            names = pieces.finish()
            _write_names(staging / "names.csv")
            _publish(staging, out)
    acquisition, performance = (tuple(out / kind / name for name in names[kind]) for kind in ("acquisition", "performance"))
    n_bytes = sum(path.stat().st_size for path in acquisition + performance)
    return MortgageFiles(acquisition, performance, out / "names.csv", n_rows, n_loans, n_bytes)
