"""Rows into delimited text.

Every engine's rows are written here, from Arrow batches, so that the text is the same on all of them: numbers in the shortest form
that reads back equal, dates and times as ISO 8601 has them, quotes only around what needs them. A missing value is `null_value`; an
empty text is quoted, so that the two differ for readers that look. In a table of one column a missing value is quoted, too: a blank line is
no row to most readers.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.arrow import schema_of
from gpupipe.core.ends import Sink, Writer
from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.sinks._files import FilesWriter, FormatWriter
from gpupipe.sinks._target import Target


@dataclass(frozen=True, init=False)
class WriteCsv(Sink):
    r"""Writes a delimited text file, or a folder of them, and gives ``{"rows", "columns", "path"}``.

    What is there is replaced, as a whole, when all rows have been written: a file with the rights that it had, a folder only where a sink
    wrote all that is in it.

    Parameters
    ----------
    path
        One file where it ends in ``.csv``, ``.tsv``, ``.psv`` or ``.txt``, else a folder; plain, or an address of fsspec's.
    separator
        One ASCII character.
    header
        Whether the first line holds the column names.
    null_value
        The text of a missing value; of one in a table of one column, never a blank line.
    overwrite
        Whether to replace what is there.

    Raises
    ------
    UsageError
        The separator is no single ASCII character.
    DtypeError
        A column holds lists, structs, bytes or durations, which have no agreed text.
    SinkError
        The place cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp(), "out.csv")
    >>> writer = WriteCsv(path, null_value="NA").open(pa.schema([("a", pa.int64()), ("b", pa.string())]))
    >>> writer.write(pa.record_batch({"a": [1, None], "b": ["x,y", ""]}))
    >>> writer.close()
    >>> _ = writer.commit()
    >>> path.read_text()
    'a,b\n1,"x,y"\nNA,""\n'
    """

    path: str
    separator: str
    header: bool
    null_value: str
    overwrite: bool

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        separator: str = ",",
        header: bool = True,
        null_value: str = "",
        overwrite: bool = True,
    ) -> None:
        if len(separator) != 1 or not separator.isascii() or separator in '\r\n"':
            raise UsageError(f"separator expected one ASCII character other than a newline or a quote, got {separator!r}.")
        settle(self, path=os.fspath(path), separator=separator, header=header, null_value=null_value, overwrite=overwrite)

    def check(self, *schemas: Schema) -> None:
        """Raise DtypeError for a column that has no agreed text."""
        for name, field in (column for schema in schemas for column in schema.items()):
            if field.dtype.is_nested() or str(field.dtype).startswith(("Binary", "Duration")):
                raise DtypeError(f"WriteCsv has no text for {field.dtype} in column {name!r}. Cast or drop it, or write parquet.")

    def target(self) -> str:
        """Return the place that is replaced."""
        return str(self._target().at)

    def probe(self) -> None:
        """Raise SinkError where the place cannot be written."""
        self._target().probe()

    def open(self, schema: pa.Schema) -> Writer:
        """Return a writer under a temporary name."""
        self.check(schema_of(schema))
        self.probe()
        return FilesWriter(self._target(), schema, self._writer)

    def _target(self) -> Target:
        suffix = next((known for known in (".tsv", ".psv", ".txt") if self.path.lower().endswith(known)), ".csv")
        return Target.of(self.path, suffix, overwrite=self.overwrite)

    def _writer(self, stream: Any, schema: pa.Schema) -> FormatWriter:
        return _CsvFile(stream, schema, self)


class _CsvFile(FormatWriter):
    """Writes each batch as one piece of text."""

    def __init__(self, stream: Any, schema: pa.Schema, how: WriteCsv) -> None:
        self.stream = stream
        self.how = how
        self.special = f'[{re.escape(how.separator)}"\\r\\n]'
        if how.header:
            names = _quoted(pa.array(schema.names, pa.large_string()), self.special, "")
            stream.write((how.separator.join(names.to_pylist()) + "\n").encode())

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows."""
        if not batch.num_rows:
            return
        missing = self.how.null_value or ('""' if batch.num_columns == 1 else "")  # a blank line would be no row
        null = pa.scalar(missing, pa.large_string())
        columns = [pc.fill_null(column, null) for column in self._texts(batch)]
        lines = pc.binary_join_element_wise(*columns, pa.scalar(self.how.separator, pa.large_string()))
        ended = pc.binary_join_element_wise(lines, pa.scalar("", pa.large_string()), pa.scalar("\n", pa.large_string()))
        self.stream.write(_bytes(ended))

    def _texts(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """Return the columns as text; of a batch wider than long, those of one type together, since each call costs more than its rows."""
        if batch.num_columns <= batch.num_rows:
            return [_text(column, self.special, self.how.null_value) for column in batch.columns]
        places: dict[pa.DataType, list[int]] = {}
        for place, kind in enumerate(batch.schema.types):
            places.setdefault(kind, []).append(place)
        made: dict[int, pa.Array] = {}
        for several in places.values():
            alike = pa.chunked_array([batch.column(place) for place in several]).combine_chunks()
            texts = _text(alike, self.special, self.how.null_value)
            made |= {place: texts.slice(number * batch.num_rows, batch.num_rows) for number, place in enumerate(several)}
        return [made[place] for place in range(batch.num_columns)]

    def close(self) -> None:
        """Do nothing: text has no end mark."""


def _bytes(texts: pa.LargeStringArray) -> memoryview:
    """Return the texts one after the other, without a copy."""
    _, offsets, data = texts.buffers()
    bounds = memoryview(offsets).cast("q")
    return memoryview(data)[bounds[texts.offset] : bounds[texts.offset + len(texts)]]


def _text(column: pa.Array, special: str, null_value: str) -> pa.Array:
    """Return the values of a column as text."""
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string(kind):
        return _quoted(column.cast(pa.large_string()), special, null_value)
    if pa.types.is_dictionary(kind):
        return _text(column.cast(kind.value_type), special, null_value)
    text = column.cast(pa.string()).cast(pa.large_string())
    if pa.types.is_timestamp(kind):
        return pc.replace_substring(text, " ", "T", max_replacements=1)
    return text


def _quoted(texts: pa.Array, special: str, null_value: str) -> pa.Array:
    """Return the texts with quotes around those that need them: separators, quotes, newlines, and what would seem missing."""
    need = pc.or_(pc.match_substring_regex(texts, special), pc.is_in(texts, pa.array(["", null_value], pa.large_string())))
    if not pc.any(need, min_count=0).as_py():
        return texts
    inner = pc.replace_substring(texts, '"', '""')
    mark = pa.scalar('"', pa.large_string())
    return pc.if_else(need, pc.binary_join_element_wise(mark, inner, mark, pa.scalar("", pa.large_string())), texts)
