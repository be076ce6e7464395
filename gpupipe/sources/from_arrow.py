"""Rows of an Arrow object in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import pyarrow as pa

from gpupipe.core.ends import Reading, Source
from gpupipe.core.errors import SourceError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.sources._memory import table_batches, table_schema

_READ: WeakSet[pa.RecordBatchReader] = WeakSet()  # only to tell a reader that is spent from one that has no rows


@dataclass(frozen=True, init=False, eq=False)
class FromArrow(Source):
    """The rows of an Arrow table, a record batch, a reader, or any object with ``__arrow_c_stream__``.

    A stream is read once, here, so the source can be run more than once; a table is not copied.

    Parameters
    ----------
    data
        The object.
    nan_as_null
        Whether NaN is missing.

    Raises
    ------
    UsageError
        The object is none of these.
    SourceError
        The stream fails, or has been read before.

    Examples
    --------
    >>> FromArrow(pa.table({"a": [1, None]})).schema().as_json()
    [['a', 'Int64', True]]
    """

    table: pa.Table = field(repr=False)
    nan_as_null: bool

    def __init__(self, data: Any, *, nan_as_null: bool = True) -> None:
        settle(self, table=_as_table(data), nan_as_null=nan_as_null)

    def fingerprint(self) -> tuple[()]:
        """Return nothing beyond the table itself."""
        return ()

    def origin(self) -> str:
        """Return what the table is."""
        return f"an Arrow table of {self.table.num_rows} rows and {self.table.num_columns} columns"

    def schema(self) -> Schema:
        """Return the table's columns."""
        return table_schema(self.table, nan_as_null=self.nan_as_null)

    def known_rows(self) -> int | None:
        """Return the table's rows."""
        return int(self.table.num_rows)

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        """Return the columns' batches."""
        return table_batches(self.table, reading)


def _as_table(data: Any) -> pa.Table:
    """Return an Arrow object as a table."""
    if isinstance(data, pa.Table):
        return data
    try:
        if isinstance(data, pa.RecordBatchReader):
            return _read_once(data)
        if isinstance(data, pa.RecordBatch):
            return pa.Table.from_batches([data])
        if isinstance(data, list | tuple | dict) or not callable(getattr(data, "__arrow_c_stream__", None)):
            msg = (
                "FromArrow expects a pyarrow Table, RecordBatch or RecordBatchReader, or an object with __arrow_c_stream__, "
                f"got {type(data).__name__}. Use FromFrame for a pandas or Polars frame, or pyarrow.table(...) for plain values."
            )
            raise UsageError(msg)
        return pa.RecordBatchReader.from_stream(data).read_all()
    except (pa.ArrowException, OSError, ValueError) as error:
        advice = "A stream can be read only once: make a new one."
        msg = f"The Arrow stream of {type(data).__name__} could not be read: {error}. {advice}"
        raise SourceError(msg) from error


def _read_once(reader: pa.RecordBatchReader) -> pa.Table:
    """Return the rows of a reader, which would seem empty if it were read again."""
    if reader in _READ:
        advice = "A reader can be read only once: share that one source, or make a new reader."
        msg = f"Expected a fresh RecordBatchReader, got one that another FromArrow has read. {advice}"
        raise SourceError(msg)
    table = reader.read_all()
    _READ.add(reader)
    return table
