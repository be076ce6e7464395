"""Sources into device memory: Parquet by cuDF's own reader, everything else by the reader of the other engines and one counted copy.

cuDF reads Parquet through KvikIO, which takes the bytes straight into device memory where GPUDirect Storage is set up. What a source
declares (dtypes, NaN as missing, no missing value) is held here as `gpupipe.engines._scan` holds it on the host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import cudf
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.arrow import plain_table, schema_of
from gpupipe.core.ends import FileScan, Piece, Source
from gpupipe.core.engine import Reading
from gpupipe.core.errors import DtypeError, SourceError
from gpupipe.core.schema import Schema
from gpupipe.engines._arrow import conform_arrow
from gpupipe.engines._pandaslike import conformed
from gpupipe.engines._scan import explained, read_lazy, read_piece
from gpupipe.engines.cudf.dtypes import device_schema, same_on_device
from gpupipe.engines.cudf.frames import Crossing, lazy_of
from gpupipe.engines.cudf.predicates import parquet_filters


def read_to_device(source: Source, reading: Reading, schema: Schema, scratch: str, crossing: Crossing) -> Any:
    """Return what is needed of a source as a cuDF frame, in the dtypes that its schema has on the device.

    Raises
    ------
    SourceError
        The source cannot be read, or a value is missing that was declared not to be.
    UnsupportedError
        A column is of a dtype that cuDF has not.
    """
    needed = Schema(tuple((name, schema[name]) for name in reading.columns))
    device_schema(needed)
    try:
        scan = source.scan(scratch)
        reason = None if scan is None else not_on_device(scan, needed)
        if scan is not None and reason is None:
            return _finished(source, _read_parquet(scan, reading, source, crossing), needed)
        told = reason or f"{source.name} hands over Arrow batches"
        return _read_on_host(source, lambda: read_lazy(source, reading, schema, scratch), needed, told, crossing)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, RuntimeError) as error:
        raise explained(source, error) from error


def read_pieces_to_device(
    source: Source, pieces: Sequence[Piece], reading: Reading, schema: Schema, scratch: str, crossing: Crossing
) -> Any:
    """Return what is needed of some pieces of a source as one cuDF frame, through the host."""
    needed = Schema(tuple((name, schema[name]) for name in reading.columns))
    device_schema(needed)

    def rows() -> pl.LazyFrame:
        return pl.concat([read_piece(source, piece, reading, scratch) for piece in pieces])

    try:
        return _read_on_host(source, rows, needed, "a piece of a source", crossing)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise explained(source, error) from error


def not_on_device(scan: FileScan, needed: Schema) -> str | None:
    """Return why files are not read on the device, or None where they are."""
    if scan.format != "parquet":
        return f"{scan.format} is read on the host, where every bad value is reported"
    if scan.options.get("hive") is not None:
        return "columns in folders' names are read on the host"
    if scan.rows is not None or not all(isinstance(path, str) for path in scan.paths):
        return "parts of files are read on the host"
    arrow = pq.read_schema(scan.paths[0])
    for name, field in needed.items():
        if name not in arrow.names:
            return f"column {name!r} is not in every file"
        try:
            have = schema_of(arrow, [name])[name].dtype
        except DtypeError:
            return f"column {name!r} is of a type that only the host's reader knows"
        if pa.types.is_dictionary(arrow.field(name).type) or not same_on_device(have, field.dtype):
            return f"column {name!r} is {have} in the files and {field.dtype} in the plan, which the host's reader brings together"
    return None


def _read_parquet(scan: FileScan, reading: Reading, source: Source, crossing: Crossing) -> Any:
    """Return the planned columns of Parquet files, without the row groups and rows that the predicate leaves out."""
    started = time.perf_counter()
    nan_as_null = bool(getattr(source, "nan_as_null", False))
    filters = parquet_filters(reading.predicate, scan.schema, nan_as_null=nan_as_null)
    frame = cudf.read_parquet(
        list(scan.paths), columns=list(reading.columns), filters=filters, use_pandas_metadata=False, allow_mismatched_pq_schemas=False
    )
    crossing.read(page_bytes(scan.paths, reading.columns), time.perf_counter() - started, "pages of Parquet, decoded on the device")
    return frame


def page_bytes(paths: Sequence[str | bytes], columns: Sequence[str]) -> int:
    """Return how many bytes the columns take in Parquet files, compressed: the most that reading them moves."""
    wanted = set(columns)
    total = 0
    for path in paths:
        facts = pq.read_metadata(path)
        for group in (facts.row_group(number) for number in range(facts.num_row_groups)):
            chunks = (group.column(number) for number in range(group.num_columns))
            total += sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in wanted)
    return total


def _finished(source: Source, frame: Any, needed: Schema) -> Any:
    """Return the frame in the planned dtypes, with what the source declares of it."""
    made = conformed(lazy_of(frame.reset_index(drop=True)), device_schema(needed), source.name).collect().to_native()
    if getattr(source, "nan_as_null", False):
        made = made.nans_to_nulls()
    for name in source.declared_not_null():
        n_missing = int(made[name].isna().sum()) if name in needed else 0
        if n_missing:
            msg = f"{source.origin()}, column {name!r}: expected no missing value, as declared, got {n_missing} of {len(made)}."
            raise SourceError(f"{msg} Mend the rows, or declare the column nullable.")
    return made


def _read_on_host(source: Source, rows: Callable[[], pl.LazyFrame], needed: Schema, reason: str, crossing: Crossing) -> Any:
    """Return rows that the host's reader has read, copied to the device once."""
    table = rows().collect(engine="streaming").to_arrow()
    return crossing.to_device(conform_arrow(plain_table(table), needed), reason, at_end=True)
