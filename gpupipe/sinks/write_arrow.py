"""Rows into Arrow IPC files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gpupipe.core.ends import NativeWrite, Sink, Writer
from gpupipe.core.options import settle
from gpupipe.sinks._files import FilesWriter, FormatWriter
from gpupipe.sinks._target import Target


@dataclass(frozen=True, init=False)
class WriteArrow(Sink):
    """Writes an Arrow IPC file (Feather version 2), or a folder of them, and gives ``{"rows", "columns", "path"}``.

    What is there is replaced, as a whole, when all rows have been written: a file with the rights that it had, a folder only where a sink
    wrote all that is in it.

    Parameters
    ----------
    path
        One file where it ends in ``.arrow``, ``.feather`` or ``.ipc``, else a folder; plain, or an address of fsspec's.
    overwrite
        Whether to replace what is there.

    Raises
    ------
    SinkError
        The place cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> writer = WriteArrow(f"{tempfile.mkdtemp()}/out.arrow").open(pa.schema([("a", pa.int64())]))
    >>> writer.abort()
    """

    path: str
    overwrite: bool

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        settle(self, path=os.fspath(path), overwrite=overwrite)

    def target(self) -> str:
        """Return the place that is replaced."""
        return str(self._target().at)

    def probe(self) -> None:
        """Raise SinkError where the place cannot be written."""
        self._target().probe()

    def open(self, schema: pa.Schema) -> Writer:
        """Return a writer under a temporary name."""
        self.probe()
        return FilesWriter(self._target(), schema, _ArrowFile, native=NativeWrite("ipc", ""), count=_count)

    def _target(self) -> Target:
        suffix = next((known for known in (".feather", ".ipc") if self.path.lower().endswith(known)), ".arrow")
        return Target.of(self.path, suffix, overwrite=self.overwrite)


class _ArrowFile(FormatWriter):
    """Writes batches as they come."""

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.writer = pa.ipc.new_file(stream, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take some rows."""
        self.writer.write_batch(batch)

    def close(self) -> None:
        """Write the footer."""
        self.writer.close()


def _count(path: str) -> int:
    """Return the rows of a file's batches."""
    with pa.memory_map(path) as mapped, pa.ipc.open_file(mapped) as opened:
        return sum(opened.get_batch(number).num_rows for number in range(opened.num_record_batches))
