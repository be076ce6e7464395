"""Text into columns, block by block: the bytes go to the device, and everything that is made of them is made there.

A block is as many whole rows as fit; only its needed columns outlive it, in their own dtypes. The host looks at no row: it reads the bytes
of the next block while the device works on this one. What makes columns of arrays is given by the caller, so that all the rest runs, and
is tested against the host's reader, on NumPy's arrays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.ends import FileScan
from gpupipe.core.schema import Schema
from gpupipe.engines.cudf.text_cut import WholeRows, cut_rows, is_utf8
from gpupipe.engines.cudf.text_plan import (
    NotPlainError,
    TextColumn,
    dialect_bytes,
    null_texts,
    quoted_empty_is_null,
    text_columns,
)
from gpupipe.engines.cudf.text_values import Texts, equal_to, iso_form, parsed_booleans, parsed_floats, parsed_integers, parsed_times

_BOM = (0xEF, 0xBB, 0xBF)
_LEAST_BYTES, _MOST_BYTES = 1 << 20, 128 << 20
_ROOM = 80  # a block, the places of its separators and what is made of one column take so many times its bytes where rows are short


def block_bytes(available: int | None) -> int:
    """Return how many bytes of text are looked at together where so many bytes of memory are free.

    Examples
    --------
    >>> block_bytes(80 << 30) >> 20, block_bytes(4 << 30) >> 20
    (128, 51)
    """
    return _MOST_BYTES if available is None else min(_MOST_BYTES, max(_LEAST_BYTES, available // _ROOM))


class ColumnMaker(ABC):
    """Makes columns of what has been read, wherever the arrays are."""

    xp: Any

    @abstractmethod
    def numbers(self, values: Any, missing: Any, dtype: Any) -> Any:
        """Return a part of a column of numbers, truth values, dates (in seconds) or times."""

    @abstractmethod
    def texts(self, texts: Texts, *, doubled: int | None) -> Any:
        """Return a part of a column of text; where `doubled` is a character, two of it stand for one."""


class DelimitedReader:
    """Reads one source's files of delimited text.

    Parameters
    ----------
    scan
        The files.
    needed
        The columns to be read.
    columns
        Makes them.
    n_block_bytes
        How many bytes are looked at together.
    """

    def __init__(self, scan: FileScan, needed: Schema, columns: ColumnMaker, n_block_bytes: int) -> None:
        self.scan = scan
        self.wanted = text_columns(scan, needed)
        self.columns = columns
        self.n_bytes = 0  # that have gone to the device
        self._n_block_bytes = n_block_bytes
        self._forms: dict[str, tuple[str, ...]] = {}

    def read(self) -> dict[str, list[Any]]:
        """Return the parts of each column, in order.

        Raises
        ------
        NotPlainError
            The host must read the text.
        """
        parts: dict[str, list[Any]] = {column.name: [] for column in self.wanted}
        for path in self.scan.paths:
            for rows in self._blocks(str(path)):
                for column in self.wanted if len(rows) else ():
                    parts[column.name].append(self.part(column, rows))
        return parts

    def _blocks(self, path: str) -> Iterator[WholeRows]:
        """Yield the rows of a file."""
        xp = self.columns.xp
        size = Path(path).stat().st_size
        buffers = [np.empty(min(size, self._n_block_bytes), np.uint8) for _ in range(2)]
        place = 0
        with Path(path).open("rb", buffering=0) as stream, ThreadPoolExecutor(1) as reader:
            coming = reader.submit(_fill, stream, 0, buffers[0])
            while place < size:
                n_read = coming.result()
                self.n_bytes += n_read
                text = xp.asarray(buffers[0][:n_read])
                skipped = 3 if place == 0 and tuple(buffers[0][:3].tolist()) == _BOM else 0
                rows = self.cut(text[skipped:], is_first=place == 0, is_last=place + n_read >= size)
                if not rows.n_bytes:
                    raise NotPlainError(f"a row takes more than {n_read} bytes")
                place += skipped + rows.n_bytes
                buffers.reverse()
                if place < size:
                    coming = reader.submit(_fill, stream, place, buffers[0])
                yield rows

    def cut(self, text: Any, *, is_first: bool, is_last: bool) -> WholeRows:
        """Return the whole rows of a block without the header, which must be UTF-8 where a column of them is text."""
        separator, quote = dialect_bytes(self.scan)
        rows = cut_rows(self.columns.xp, text, len(self.scan.options["names"]), separator, quote, is_last=is_last)
        rows = rows.without_first() if is_first and self.scan.options["header"] else rows
        if len(rows) and any(isinstance(column.dtype, nw.String) for column in self.wanted):
            require_utf8(rows.xp, rows.text[: rows.n_bytes])
        return rows

    def part(self, column: TextColumn, rows: WholeRows) -> Any:
        """Return a part of a column."""
        starts, stops, quoted = rows.spans(column.position)
        is_text = isinstance(column.dtype, nw.String)
        missing = stops <= starts
        if is_text and quoted is not None and not quoted_empty_is_null(self.scan):
            missing = missing & ~quoted
        texts = Texts.of(rows.xp, rows.text, starts, stops, missing)
        for word in null_texts(self.scan):
            missing = missing | equal_to(texts, word)
        texts = Texts.of(rows.xp, rows.text, starts, stops, missing)
        return self.made(column, texts, doubled=None if quoted is None else rows.quote)

    def made(self, column: TextColumn, texts: Texts, *, doubled: int | None = None) -> Any:
        """Return a part of a column, of the texts of its values; see `Columns.texts` for what is `doubled`."""
        if isinstance(column.dtype, nw.String):
            return self.columns.texts(texts, doubled=doubled)
        try:
            values = self._values(column, texts)
        except NotPlainError as error:
            raise NotPlainError(f"in column {column.name!r}, {error}") from error
        return self.columns.numbers(values, texts.missing, column.dtype)

    def _values(self, column: TextColumn, texts: Texts) -> Any:
        """Return the values of a column that is no text."""
        xp, dtype = texts.xp, column.dtype
        if isinstance(dtype, nw.Boolean):
            return parsed_booleans(texts)
        if dtype.is_numeric():
            return (parsed_floats if dtype.is_float() else parsed_integers)(texts, str(dtype).lower())
        unit = dtype.time_unit if isinstance(dtype, nw.Datetime) else "s"
        form = column.pattern or self._forms.get(column.name) or iso_form(texts, unit)
        if form is None:
            return xp.zeros(texts.lengths.shape, dtype=np.int64)
        self._forms[column.name] = form
        return parsed_times(texts, form, unit)


def require_utf8(xp: Any, text: Any) -> None:
    """Raise NotPlainError where bytes are no UTF-8, which the host's reader tells."""
    if not is_utf8(xp, text):
        raise NotPlainError("there are bytes that are no UTF-8")


def _fill(stream: Any, place: int, buffer: Any) -> int:
    """Read bytes of a file from a place on until the buffer is full or the file ends, and return how many."""
    stream.seek(place)
    filled = 0
    while filled < len(buffer) and (n_read := stream.readinto(memoryview(buffer)[filled:])):
        filled += n_read
    return filled
