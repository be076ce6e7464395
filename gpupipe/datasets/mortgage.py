"""Synthetic mortgage data in the layout of Fannie Mae's public loan performance files.

The real files may not be passed on, so gpupipe makes its own: the same columns, the same text, and the distributions of the public
2007Q3 quarter. Loans are made in batches of a fixed size, each from a random generator of its own, spawned from the seed: so the
rows depend on the seed alone, not on how they are cut into files nor on how many processes draw them, the first rows of a large set are
those of a small one, and memory does not grow with the number of rows.

Everything is written into a hidden folder inside the output folder and moved to its place at the end.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gpupipe.core.errors import UsageError
from gpupipe.core.work import WorkFolder, sweep
from gpupipe.datasets.mortgage_facts import NAME_PAIRS
from gpupipe.datasets.mortgage_pieces import publish_pieces
from gpupipe.datasets.mortgage_quarters import Drawing, Quarter, writing
from gpupipe.datasets.mortgage_workers import default_workers, draw_here, draw_in_processes

_STAGING = ".mortgage-"
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


def _check_call(out: Path, n_rows: int, seed: int, rows_a_file: int, workers: int | None, *, overwrite: bool) -> None:
    numbers = [("n_rows", n_rows, 1), ("rows_a_file", rows_a_file, 1), ("seed", seed, 0)]
    numbers += [] if workers is None else [("workers", workers, 1)]
    for name, value, least in numbers:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UsageError(f"expected {name} to be a whole number of at least {least}, got {value!r}. Pass {name}={least} or more.")
    if out.exists() and not out.is_dir():
        raise UsageError(f"expected out to be a folder, got the file {str(out)!r}. Name a new folder.")
    sweep(out, _STAGING)  # what a process that was killed left is nobody's
    if not overwrite and out.is_dir() and any(out.iterdir()):
        raise UsageError(
            f"expected out to be a new or an empty folder, got {str(out)!r}, which holds files. "
            f"Name another folder, or pass overwrite=True to replace {', '.join(_OUTPUTS)} in it."
        )


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Give a hidden folder inside `out`, and remove it, and what of `out` was made for it, however the block ends."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    staging: WorkFolder | None = None
    try:
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
            staging = WorkFolder(out, _STAGING)
        yield staging.path
    finally:
        if staging is not None:
            staging.close()
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
    workers: int | None = None,
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
    workers
        How many processes draw the rows; what is written is the same for any number. Unless given, one a core where rows are many, and
        this process alone where they are few (below 3.7 million) or where it may not start others. A script that has others started
        must do its work under ``if __name__ == "__main__":``, since each of them imports it.
    progress
        Called with the number of rows written so far: after each batch of about 230,000, or after each eighth one where several processes
        draw them.

    Raises
    ------
    UsageError
        If a number is out of range, or `out` is a file or holds files.
    SinkError
        If `out` cannot be written.
    StageError
        If a process ends before its work does.

    Notes
    -----
    Layout: RAPIDS mortgage example, ``Performance_<YYYYQq>.txt[_i]`` and ``Acquisition_<YYYYQq>[_i].txt``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = generate_mortgage(f"{folder}/mortgage", 1000)
    ...     files.n_rows, [path.name for path in files.performance]
    (1000, ['Performance_2000Q1.txt'])
    """
    out = Path(out)
    with writing(out):
        _check_call(out, n_rows, seed, rows_a_file, workers, overwrite=overwrite)
    with _staging(out) as staging:
        drawing = Drawing(out, staging / "quarters", seed, rows_a_file, text)
        quarters = _draw(drawing, n_rows, default_workers(n_rows) if workers is None else workers, progress)
        with writing(out):
            names = publish_pieces([(one.name, one.folder, one.n_pieces) for one in quarters], staging, text=text)
            _write_names(staging / "names.csv")
            _publish(staging, out)
    acquisition, performance = (tuple(out / kind / name for name in names[kind]) for kind in ("acquisition", "performance"))
    n_bytes = sum(path.stat().st_size for path in acquisition + performance)
    return MortgageFiles(acquisition, performance, out / "names.csv", n_rows, sum(one.n_loans for one in quarters), n_bytes)


def _draw(drawing: Drawing, n_rows: int, workers: int, progress: Callable[[int], None] | None) -> list[Quarter]:
    """Return the quarters, drawn and written."""
    told = progress or (lambda rows: None)
    return list(draw_here(drawing, n_rows, told) if workers == 1 else draw_in_processes(drawing, n_rows, workers, told))
