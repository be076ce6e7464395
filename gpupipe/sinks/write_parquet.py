"""Rows into parquet files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.ends import NativeWrite, Sink, Writer
from gpupipe.core.errors import DtypeError, PlanError, UsageError, listing
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns
from gpupipe.sinks._files import FilesWriter, FormatWriter
from gpupipe.sinks._target import Target

Compression = Literal["zstd", "snappy", "lz4", "gzip", "uncompressed"]
_COMPRESSIONS = ("zstd", "snappy", "lz4", "gzip", "uncompressed")
_GROUP_ROWS = 1 << 20


@dataclass(frozen=True, init=False)
class WriteParquet(Sink):
    """Writes a parquet file, or a folder of them, and gives ``{"rows", "columns", "path"}``.

    What is there is replaced, as a whole, when all rows have been written: a file with the rights that it had, a folder only where a sink
    wrote all that is in it.

    Parameters
    ----------
    path
        One file where it ends in ``.parquet``, else a folder; plain, or an address of fsspec's.
    partition_by
        Columns that become folders ``key=value``; the path must be a folder.
    overwrite
        Whether to replace what is there.

    Raises
    ------
    UsageError
        The compression is unknown, or a single file is to be partitioned.
    SinkError
        The place cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> writer = WriteParquet(f"{tempfile.mkdtemp()}/out").open(pa.schema([("a", pa.int64())]))
    >>> writer.write(pa.record_batch({"a": [1, 2]}))
    >>> writer.close()
    >>> writer.commit()["rows"]
    2
    """

    path: str
    partition_by: tuple[str, ...]
    compression: Compression
    overwrite: bool

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        partition_by: str | Sequence[str] | None = None,
        compression: Compression = "zstd",
        overwrite: bool = True,
    ) -> None:
        if compression not in _COMPRESSIONS:
            raise UsageError(f"WriteParquet expects compression to be one of {listing(_COMPRESSIONS)}, got {compression!r}.")
        settle(
            self,
            path=os.fspath(path),
            partition_by=() if partition_by is None else as_columns(partition_by, "WriteParquet's partition_by"),
            compression=compression,
            overwrite=overwrite,
        )
        if self.partition_by and self.path.lower().endswith(".parquet"):
            msg = f"A partitioned output is a folder, got the file {self.path!r}. Leave .parquet off the path."
            raise UsageError(msg)

    def check(self, *schemas: Schema) -> None:
        """Raise where the folders' columns are not there, have no agreed text, or are all there is."""
        for schema in schemas:
            schema.require(self.partition_by)
            for name in self.partition_by:
                dtype = schema[name].dtype
                if dtype.is_nested() or str(dtype).startswith(("Binary", "Duration", "Time")):
                    msg = f"WriteParquet has no folder's name for {dtype} in partition column {name!r}. Cast it to text or to a number."
                    raise DtypeError(msg)
            if self.partition_by and len(schema) <= len(self.partition_by):
                msg = f"WriteParquet expects columns beside {listing(self.partition_by)}, which become folders; there are none."
                raise PlanError(msg)

    def target(self) -> str:
        """Return the place that is replaced."""
        return str(self._target().at)

    def probe(self) -> None:
        """Raise SinkError where the place cannot be written."""
        self._target().probe()

    def open(self, schema: pa.Schema) -> Writer:
        """Return a writer under a temporary name."""
        self.probe()
        level = {"compression_level": 1} if self.compression == "zstd" else {}  # as Arrow's writer: higher ones make little smaller
        native = NativeWrite("parquet", "", {"compression": self.compression, **level})
        return FilesWriter(self._target(), schema, self._writer, partition_by=self.partition_by, native=native, count=_count)

    def _target(self) -> Target:
        return Target.of(self.path, ".parquet", overwrite=self.overwrite)

    def _writer(self, stream: Any, schema: pa.Schema) -> FormatWriter:
        compression = "none" if self.compression == "uncompressed" else self.compression
        # Dictionaries of floats take a third of the time of writing them, and with zstd make files no smaller.
        worded = [field.name for field in schema if not pa.types.is_floating(field.type)]
        return _ParquetFile(pq.ParquetWriter(stream, schema, compression=compression, use_dictionary=worded or False))


class _ParquetFile(FormatWriter):
    """Gathers batches into row groups."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self.writer = writer
        self.pending: list[pa.RecordBatch] = []
        self.n_pending = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Take some rows."""
        self.pending.append(batch)
        self.n_pending += batch.num_rows
        if self.n_pending >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        pending, self.pending, self.n_pending = self.pending, [], 0
        if pending:
            self.writer.write_table(pa.Table.from_batches(pending), row_group_size=_GROUP_ROWS)

    def close(self) -> None:
        """Write the last row group and the footer."""
        self._flush()
        self.writer.close()


def _count(path: str) -> int:
    """Return the rows that a file's footer counts."""
    return cast(int, pq.read_metadata(path).num_rows)
