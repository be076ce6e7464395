"""A plain copy of a delimited file, for a reader that can take neither archives nor blank lines."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from gpupipe.core.errors import SourceError
from gpupipe.sources.csv_inspect import Bits, scan
from gpupipe.sources.csv_text import Dialect, Grammar, Record, Source, opened, origin, records, whole_lines

_RETURN = 13


def cleaned(source: Source, dialect: Dialect, folder: str | os.PathLike[str], *, block_bytes: int = 1 << 20) -> Path:
    r"""Return a new file in `folder`: the source decompressed, without byte order mark and without blank lines.

    The dialect reads the copy as it reads the source: rows to be skipped are copied as they are, and so is every line inside
    quotes. Comments before the first row are left out. The caller removes the file.

    Parameters
    ----------
    source
        A path, or the file's bytes; gzip, bzip2, xz and Zstandard are told by their first bytes.
    block_bytes
        Bytes copied together.

    Raises
    ------
    SourceError
        The source cannot be read, its archive is cut short or damaged, or the copy cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cleaned(b"\xef\xbb\xbfa,b\n\n1,2\n\n", Dialect(), folder).read_bytes()
    b'a,b\n1,2\n'
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix="gpupipe-", suffix=".csv", dir=folder)
    except OSError as error:
        raise _unwritable(source, folder, error) from error
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            _copy(source, dialect, target, block_bytes)
    except OSError as error:
        path.unlink()
        raise _unwritable(source, folder, error) from error
    except BaseException:  # an interrupt too must leave no file behind
        path.unlink()
        raise
    return path


def _copy(source: Source, dialect: Dialect, target: BinaryIO, block_bytes: int) -> None:
    grammar, is_open = Grammar.of(dialect), False
    with opened(source) as stream:
        if not _copy_first(records(stream, grammar, origin(source)), dialect, target):
            shutil.copyfileobj(stream, target)  # all the rest is inside a quote
        for buffer, n_bytes in whole_lines(stream, block_bytes):
            seen = scan(buffer, n_bytes, grammar, is_open=is_open)
            block = np.frombuffer(buffer, np.uint8, n_bytes)
            target.write((_without(block, seen.blank) if seen.n_blank else block).data)
            is_open = seen.is_open


def _copy_first(found: Iterator[Record], dialect: Dialect, target: BinaryIO) -> bool:
    """Copy the rows to be skipped and the first record behind them; say whether all their quotes are closed."""
    is_closed = True
    for record in islice(found, dialect.skip_rows):
        target.write(record.raw)
        is_closed = record.closed
    for record in found:
        if not record.is_blank:
            target.write(record.raw)
            return record.closed
    return is_closed


def _without(block: npt.NDArray[np.uint8], blank: Bits) -> npt.NDArray[np.uint8]:
    """The block without its blank lines, given the bits of their newlines."""
    newlines = np.flatnonzero(np.unpackbits(blank.view(np.uint8), bitorder="little"))
    returns = newlines[newlines > 0] - 1
    kept = np.ones(len(block), np.bool_)
    kept[newlines] = False
    kept[returns[block[returns] == _RETURN]] = False
    return block[kept]


def _unwritable(source: Source, folder: str | os.PathLike[str], error: OSError) -> SourceError:
    return SourceError(
        f"{origin(source)}: expected room for a plain copy in {os.fspath(folder)!r}, got: {error.strerror or error}. "
        "Make room there, or name another folder for temporary files."
    )
