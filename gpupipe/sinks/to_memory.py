"""Rows kept as an Arrow table."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from gpupipe.core.ends import Sink, Writer


@dataclass(frozen=True)
class ToMemory(Sink):
    """The rows as a ``pyarrow.Table``, which is the value of the run's output.

    Examples
    --------
    >>> writer = ToMemory().open(pa.schema([("a", pa.int64())]))
    >>> writer.write(pa.record_batch({"a": [1, 2]}))
    >>> writer.close()
    >>> writer.commit().num_rows
    2
    """

    def open(self, schema: pa.Schema) -> Writer:
        """Return a writer that keeps the rows."""
        return _MemoryWriter(schema)


class _MemoryWriter(Writer):
    """Keeps batches."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = pa.schema([field.with_nullable(True) for field in schema])
        self.pieces: list[pa.Table] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep some rows, in the schema's types."""
        self.pieces.append(pa.Table.from_batches([batch]).cast(self.schema))

    def close(self) -> None:
        """Do nothing: every row is here."""

    def commit(self) -> pa.Table:
        """Return the table."""
        return pa.concat_tables(self.pieces) if self.pieces else self.schema.empty_table()

    def abort(self) -> None:
        """Forget the rows."""
        self.pieces.clear()
