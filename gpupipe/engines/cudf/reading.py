"""Sources into device memory: Parquet by cuDF's own reader, delimited text by `text_reading`, everything else through the host.

cuDF reads Parquet through KvikIO, which takes the bytes straight into device memory where GPUDirect Storage is set up. What the device
does not read exactly as the other engines' reader does goes through that reader and one counted copy. What a source declares (dtypes, NaN
as missing, no missing value) is held here as `gpupipe.engines._scan` holds it on the host.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import cudf
import cupy as cp
import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pylibcudf as plc

from gpupipe.core.arrow import plain_table, schema_of
from gpupipe.core.ends import FileScan, Piece, Reading, Source
from gpupipe.core.errors import DtypeError, SourceError
from gpupipe.core.files import Folder
from gpupipe.core.schema import Schema
from gpupipe.engines._arrow import arrow_schema, conform_arrow
from gpupipe.engines._pandaslike import conformed
from gpupipe.engines._parquet_parts import ParquetPart, ParquetParts, footer_of, parts_to_read, whole_groups
from gpupipe.engines._scan import explained, read_lazy, read_piece
from gpupipe.engines.cudf.dtypes import device_schema, same_on_device
from gpupipe.engines.cudf.frames import Crossing, column_of, lazy_of
from gpupipe.engines.cudf.memory import available_bytes
from gpupipe.engines.cudf.predicates import Term, parquet_filters
from gpupipe.engines.cudf.text_plan import NotPlainError, text_not_on_device
from gpupipe.engines.cudf.text_reading import ColumnMaker, DelimitedReader, block_bytes
from gpupipe.engines.cudf.text_values import Texts

AS_FILES = {"format": "parquet", "partitioning": None}  # cuDF would make columns of its own of folders named key=value, whoever asked
_SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne}


def read_to_device(source: Source, reading: Reading, schema: Schema, scratch: Folder, crossing: Crossing) -> Any:
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
        reason = f"{source.name} hands over Arrow batches" if scan is None else not_on_device(scan, needed)
        if scan is not None and reason is None:
            if scan.format == "parquet":
                return _finished(source, _read_parquet([scan], reading, source, crossing), needed)
            try:
                return _kept(_finished(source, _read_text(scan, reading, source, crossing), needed), _filters(scan, reading, source))
            except NotPlainError as error:
                reason = f"{source.name}: {error}, which the host's reader reads, or refuses"
                crossing.ledger.fall_back(reason)
        return _read_on_host(source, lambda: read_lazy(source, reading, schema, scratch), needed, reason or "", crossing)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, RuntimeError) as error:
        raise explained(source, error) from error


def read_pieces_to_device(
    source: Source, pieces: Sequence[Piece], reading: Reading, schema: Schema, scratch: Folder, crossing: Crossing
) -> Any:
    """Return what is needed of some pieces of a source as one cuDF frame: row groups of Parquet by cuDF's reader, others by the host's."""
    needed = Schema(tuple((name, schema[name]) for name in reading.columns))
    device_schema(needed)

    def rows() -> pl.LazyFrame:
        return pl.concat([read_piece(source, piece, reading, scratch) for piece in pieces])

    try:
        scans = [source.scan_piece(piece, scratch) for piece in pieces]
        told = f"pieces of {scans[0].format} are read on the host"
        reasons = (not_on_device(scan, needed) if scan.format == "parquet" else told for scan in scans)
        reason = next((reason for reason in reasons if reason is not None), None)
        if reason is None:
            return _finished(source, _read_parquet(scans, reading, source, crossing), needed)
        return _read_on_host(source, rows, needed, reason, crossing)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, RuntimeError) as error:
        raise explained(source, error) from error


def not_on_device(scan: FileScan, needed: Schema) -> str | None:
    """Return why files are not read on the device, or None where they are."""
    if scan.format != "parquet":
        return text_not_on_device(scan, needed)
    if not all(isinstance(path, str) for path in scan.paths) or not whole_groups(scan):
        return "parts of files that are no row groups are read on the host"
    different = {footer.columns: footer.schema for footer in map(footer_of, map(str, scan.paths))}
    in_files = {name: field.dtype for name, field in needed.items() if name not in (scan.options.get("hive") or {})}
    reasons = (_column_not_on_device(arrow, name, dtype) for arrow in different.values() for name, dtype in in_files.items())
    return next((reason for reason in reasons if reason is not None), None)


def _column_not_on_device(arrow: pa.Schema, name: str, dtype: Any) -> str | None:
    """Return why a column of a Parquet file is not read on the device, or None where it is."""
    if name not in arrow.names:
        return f"column {name!r} is not in every file"
    try:
        have = schema_of(arrow, [name])[name].dtype
    except DtypeError:
        return f"column {name!r} is of a type that only the host's reader knows"
    if pa.types.is_dictionary(arrow.field(name).type) or not same_on_device(have, dtype):
        return f"column {name!r} is {have} in the files and {dtype} in the plan, which the host's reader brings together"
    return None


def _filters(scan: FileScan, reading: Reading, source: Source) -> list[list[Term]] | None:
    """Return what of the predicate the device can use; see `parquet_filters`."""
    return parquet_filters(reading.predicate, scan.schema, nan_as_null=source.takes_nan_as_null())


def _kept(frame: Any, filters: list[list[Term]] | None) -> Any:
    """Return the rows of a cuDF frame of which all terms of one of the lists hold."""
    terms = [term for several in filters or () for term in several]
    if filters is None or not all(name in frame.columns and _comparable(frame[name].dtype, value) for name, _, value in terms):
        return frame
    held = [reduce(operator.and_, [_SIGNS[sign](frame[name], value).fillna(False) for name, sign, value in several]) for several in filters]
    return frame[reduce(operator.or_, held)].reset_index(drop=True)


def _comparable(dtype: Any, value: Any) -> bool:
    """Whether a column of whole numbers could hold the value; what cuDF makes of one that it could not is not relied upon."""
    return dtype.kind not in "iu" or int(np.iinfo(dtype).min) <= value <= int(np.iinfo(dtype).max)


def _read_parquet(scans: Sequence[FileScan], reading: Reading, source: Source, crossing: Crossing) -> Any:
    """Return the planned columns of Parquet files or row groups, without the files, row groups and rows that the predicate leaves out."""
    started = time.perf_counter()
    schema = scans[0].schema
    wanted = parts_to_read(scans, reading)
    in_folders = wanted.folders.column_names
    in_files = [name for name in reading.columns if name not in in_folders]
    if not wanted.parts:
        return cudf.DataFrame.from_arrow(arrow_schema(Schema(tuple((name, schema[name]) for name in reading.columns))).empty_table())
    filters = _filters(scans[0], reading, source) if wanted.are_whole and not in_folders else None
    frame = _read_parts(wanted, in_files, filters, schema, source) if in_files else cudf.DataFrame()
    n_bytes = sum(part.n_bytes(in_files) for part in wanted.parts)
    crossing.read(n_bytes, time.perf_counter() - started, "pages of Parquet, decoded on the device")
    if in_folders:
        ends = cp.cumsum(cp.asarray([part.n_rows for part in wanted.parts]))
        which = cp.searchsorted(ends, cp.arange(sum(part.n_rows for part in wanted.parts)), side="right")
        values = crossing.to_device(wanted.folders, "values in folders' names", at_end=True)
        added = {name: values[name].take(which).reset_index(drop=True) for name in in_folders}
        frame = frame.assign(**added) if in_files else cudf.DataFrame(added)
    return frame[list(reading.columns)]


def _read_parts(wanted: ParquetParts, columns: list[str], filters: list[list[Term]] | None, schema: Schema, source: Source) -> Any:
    """Return columns that stand in the files.

    libcudf reads files together only where they have the same columns in the same order; others are read one after the other.
    """

    def read(parts: Sequence[ParquetPart]) -> Any:
        groups = None if wanted.are_whole else [list(part.groups) for part in parts]
        return cudf.read_parquet(
            [part.path for part in parts],
            columns=columns,
            filters=filters,
            row_groups=groups,
            use_pandas_metadata=False,
            allow_mismatched_pq_schemas=False,
            dataset_kwargs=AS_FILES,
        )

    parts = [part for part in wanted.parts if part.n_rows] or wanted.parts[:1]
    if wanted.are_alike:
        return read(parts)
    planned = device_schema(Schema(tuple((name, schema[name]) for name in columns)))
    return cudf.concat(
        [conformed(lazy_of(read([part])[columns]), planned, source.name).collect().to_native() for part in parts], ignore_index=True
    )


def _read_text(scan: FileScan, reading: Reading, source: Source, crossing: Crossing) -> Any:
    """Return the planned columns of delimited text.

    Raises
    ------
    NotPlainError
        The host must read it; what has gone to the device until then is in the ledger.
    """
    started = time.perf_counter()
    needed = Schema(tuple((name, scan.schema[name]) for name in reading.columns))
    reader = DelimitedReader(scan, needed, DeviceColumns(), block_bytes(available_bytes()))
    try:
        parts = reader.read()
    finally:
        crossing.read(reader.n_bytes, time.perf_counter() - started, f"bytes of {source.name}, read on the device")
    if not all(parts.values()):
        return cudf.DataFrame.from_arrow(arrow_schema(needed).empty_table())
    return cudf.DataFrame({name: _joined(parts.pop(name)) for name in list(parts)})


def _joined(parts: list[Any]) -> Any:
    """Return the parts of a column as one."""
    return parts[0] if len(parts) == 1 else cudf.concat(parts, ignore_index=True)


class DeviceColumns(ColumnMaker):
    """Columns of cuDF's."""

    xp = cp

    def numbers(self, values: Any, missing: Any, dtype: Any) -> Any:
        """Return a cuDF column of an array; dates lie as seconds."""
        made = column_of(values, missing if bool(cp.any(missing)) else None)
        if isinstance(dtype, nw.Date):
            return made.astype("datetime64[s]")
        return made.astype(f"datetime64[{dtype.time_unit}]") if isinstance(dtype, nw.Datetime) else made

    def texts(self, texts: Texts, *, doubled: int | None) -> Any:
        """Return a cuDF column of texts.

        The bytes of the block, cut at every beginning and end of a text, are a column of text as libcudf has them; of its values each
        second one is gathered.
        """
        n_rows = len(texts.lengths)
        offsets = cp.zeros(2 * n_rows + 1, dtype=cp.int32)
        offsets[1::2] = texts.starts
        offsets[2::2] = texts.starts + texts.lengths
        pieces = plc.Column(
            plc.DataType(plc.TypeId.STRING),
            2 * n_rows,
            plc.Column.from_cuda_array_interface(texts.text).data(),
            None,
            0,
            0,
            [plc.Column.from_cuda_array_interface(offsets)],
        )
        places = plc.Column.from_cuda_array_interface(cp.arange(1, 2 * n_rows, 2, dtype=cp.int32))
        (column,) = plc.copying.gather(plc.Table([pieces]), places, plc.copying.OutOfBoundsPolicy.DONT_CHECK).columns()
        if doubled is not None:
            column = plc.strings.replace.replace(column, plc.Scalar.from_py(2 * chr(doubled)), plc.Scalar.from_py(chr(doubled)))
        made = cudf.Series.from_pylibcudf(column)
        return made.where(cudf.Series(~texts.missing), None) if bool(cp.any(texts.missing)) else made


def _finished(source: Source, frame: Any, needed: Schema) -> Any:
    """Return the frame in the planned dtypes, with what the source declares of it."""
    made = conformed(lazy_of(frame.reset_index(drop=True)), device_schema(needed), source.name).collect().to_native()
    if source.takes_nan_as_null():
        made = made.nans_to_nulls()
    for name in source.declared_not_null():
        n_missing = int(made[name]._column.null_count) if name in needed else 0  # NaN is there
        if n_missing:
            msg = f"{source.origin()}, column {name!r}: expected no missing value, as declared, got {n_missing} of {len(made)}."
            raise SourceError(f"{msg} Mend the rows, or declare the column nullable.")
    return made


def _read_on_host(source: Source, rows: Callable[[], pl.LazyFrame], needed: Schema, reason: str, crossing: Crossing) -> Any:
    """Return rows that the host's reader has read, copied to the device once."""
    table = rows().collect(engine="streaming").to_arrow()
    return crossing.to_device(conform_arrow(plain_table(table), needed), reason, at_end=True)
