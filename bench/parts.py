"""Parquet data sets made of parts: each part is a function of its number, and is written by whichever process is free.

What is written does not depend on the number of processes. A data set gets its name only when all of it is there.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_A_PART = 4_000_000
_DICTIONARY_BYTES = 64 << 20  # a million keys of text stay a dictionary

# What makes a part: called with the first row and the one after the last, and what else it needs.
Make = Callable[..., pa.Table]


def write_parts(folder: Path, make: Make, rows: int, *options: Any, a_part: int = ROWS_A_PART) -> None:
    """Write `rows` rows into files of a new folder, one row group each.

    Parameters
    ----------
    make
        A function at the top of a module: ``make(first, end, *options)`` gives the rows from `first` to before `end`.
    a_part
        The rows of a part.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f".{folder.name}-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    starts = range(0, rows, a_part)
    calls = [(make, first, min(first + a_part, rows), unfinished / f"{number:05}.parquet", options) for number, first in enumerate(starts)]
    processes = min(len(calls), len(os.sched_getaffinity(0)))
    if processes == 1:
        for call in calls:
            _write(*call)
    else:
        with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
            for future in [pool.submit(_write, *call) for call in calls]:
                future.result()
    unfinished.rename(folder)


def _write(make: Make, first: int, end: int, path: Path, options: tuple[Any, ...]) -> None:
    """Write one part as a row group. Text and whole numbers are dictionaries in the file, and plain columns to whoever reads it."""
    table = make(first, end, *options)
    few = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    form = {"use_dictionary": few, "dictionary_pagesize_limit": _DICTIONARY_BYTES, "store_schema": False}
    with pq.ParquetWriter(path, table.schema, **form) as writer:
        writer.write_table(table, row_group_size=len(table))
