"""Reading, for every engine on a CPU: one reader of each format, Polars', so that all of them get the same values.

Who wants Arrow gets plain text from Arrow's reader, as long as that says the same (`_plain_text`).

What a reader delivers is brought to gpupipe's meaning here: the declared dtypes, no dictionaries, and NaN as missing where the source
says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa

from gpupipe.core.ends import FileScan, Piece, Reading, Source
from gpupipe.core.errors import GpupipeError, SourceError
from gpupipe.core.files import Folder
from gpupipe.core.number_text import NumberText
from gpupipe.core.schema import Schema
from gpupipe.engines._arrow import arrow_schema
from gpupipe.engines._declared import Declared
from gpupipe.engines._plain_text import needs_finishing, read_plain
from gpupipe.engines._times import iso_times, patterned_times

# From here on, a thing done for each column costs more than the rows do: only the columns that are needed are declared to Polars, and no
# expression is made for each of them.
MANY_COLUMNS = 5_000


@lru_cache(maxsize=256)
def polars_dtypes(schema: Schema) -> Mapping[str, pl.DataType]:
    """Return the Polars dtype of each column."""
    return MappingProxyType(dict(empty_table(schema).schema))


@lru_cache(maxsize=256)
def empty_table(schema: Schema) -> pl.DataFrame:
    """Return no rows of the schema; a plan asks for those of the same few schemas over and over."""
    frame = pl.from_arrow(pa.Table.from_batches([], arrow_schema(schema)))  # an empty array would have Arrow import pandas
    assert isinstance(frame, pl.DataFrame)
    categories = [name for name, field in schema.items() if isinstance(field.dtype, nw.Categorical)]
    return frame.with_columns(pl.col(categories).cast(pl.Categorical())) if categories else frame


def read_lazy(source: Source, reading: Reading, schema: Schema, scratch: Folder, *, wide: bool = False) -> pl.LazyFrame:
    """Return the source's rows, lazily: only the columns, and where the source is files only the rows, that are needed.

    Parameters
    ----------
    wide
        Whether all columns of files are there, of which Polars will read those that its query needs.
    """
    scan = source.scan(scratch)
    if scan is None:
        frame = _from_batches(source, reading)
        return _finished(source, reading, _conformed(frame, Schema(tuple((name, schema[name]) for name in reading.columns)), source))
    rows = _rows(scan, source)
    if not wide or len(schema) > MANY_COLUMNS:
        return _finished(source, reading, rows.select(reading.columns))
    named = tuple(schema)
    return _finished(source, replace(reading, columns=named), rows if tuple(scan.schema) == named else rows.select(named))


def read_pieces(source: Source, reading: Reading, scratch: Folder) -> list[tuple[str, pl.LazyFrame]]:
    """Return the rows of each file by itself, lazily, with the file's name; none where the source is not several files."""
    scan = source.scan(scratch)
    if scan is None or len(scan.paths) < 2:
        return []
    pieces = [(str(path), _rows(replace(scan, paths=(path,)), source)) for path in scan.paths]
    return [(path, _finished(source, reading, piece.select(reading.columns))) for path, piece in pieces]


def read_piece(source: Source, piece: Piece, reading: Reading, scratch: Folder) -> pl.LazyFrame:
    """Return the rows of one piece of a source, lazily; see `read_lazy`."""
    scan = source.scan_piece(piece, scratch)
    return _finished(source, reading, _rows(scan, source).select(reading.columns))


def read_table(source: Source, reading: Reading, schema: Schema, scratch: Folder, pieces: Sequence[Piece] | None = None) -> pa.Table:
    """Return the source's rows, or those of some pieces, as Arrow; see `read_lazy`."""
    plain = _plain_table(source, reading, [None] if pieces is None else pieces)
    if plain is not None:
        return plain
    if pieces is None:
        rows = read_lazy(source, reading, schema, scratch)
    else:
        rows = pl.concat([read_piece(source, piece, reading, scratch) for piece in pieces])
    return rows.collect(engine="streaming").to_arrow()


def _plain_table(source: Source, reading: Reading, pieces: Sequence[Piece | None]) -> pa.Table | None:
    """Return the rows of plain text, finished; None where one piece is none, or has something wrong, which the other reader tells."""
    tables = []
    for piece in pieces:
        try:
            scan = source.unchecked(piece)
        except (GpupipeError, OSError):  # of several things that are wrong, the other reader tells the first
            return None
        table = None if scan is None else read_plain(scan, reading.columns)
        if table is None:
            return None
        tables.append(table)
    table = pa.concat_tables(tables)
    checked = [name for name in reading.columns if name in source.declared_not_null()]
    nan_as_null = source.takes_nan_as_null()
    if reading.predicate is None and not needs_finishing(table, nan_as_null=nan_as_null, not_null=checked):
        return table
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return _finished(source, reading, frame.lazy()).collect().to_arrow()


def _finished(source: Source, reading: Reading, frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows read with what the source declares of them: no NaN, nothing missing, and only those that are needed."""
    if source.takes_nan_as_null():
        frame = _without_nan(frame)
    checked = [name for name in reading.columns if name in source.declared_not_null()]
    if checked:
        dtypes = frame.collect_schema()
        frame = frame.with_columns(_not_null(source, name, dtypes[name]) for name in checked)
    return frame if reading.predicate is None else frame.filter(reading.predicate)


def _without_nan(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows with NaN missing."""
    schema = frame.collect_schema()
    names = [name for name, dtype in schema.items() if dtype.is_float()]
    if len(names) <= MANY_COLUMNS:
        return frame.with_columns(_no_nan(names)) if names else frame

    def batch(rows: pl.DataFrame) -> pl.DataFrame:
        """Return a batch with NaN missing: an expression for each of so many columns takes 10 kB, so only those that need one get it."""
        floats = rows if len(names) == rows.width else rows.select(names)
        some = np.isnan(floats.to_numpy()).any(axis=0)  # missing, or NaN
        return rows.with_columns(_no_nan([name for name, one in zip(names, some, strict=True) if one])) if some.any() else rows

    # A filter must not go below it: NaN would be compared as a number.
    return frame.map_batches(batch, schema=schema, streamable=True, predicate_pushdown=False, projection_pushdown=False)


def _no_nan(names: Sequence[str]) -> list[pl.Expr]:
    """Return the expressions that make NaN missing; of many columns `fill_nan` takes twice the time and memory."""
    return [pl.when(pl.col(name).is_not_nan()).then(pl.col(name)) for name in names]


def _not_null(source: Source, name: str, dtype: pl.DataType) -> pl.Expr:
    """Return the column, which fails as it is read where a value is missing; only pure row filters wait for it."""
    origin = source.origin()

    def check(values: pl.Series) -> pl.Series:
        if values.null_count():
            got = f"got {values.null_count()} of {len(values)} in one piece"
            msg = f"{origin}, column {name!r}: expected no missing value, as declared, {got}."
            raise SourceError(f"{msg} Mend the rows, or declare the column nullable.")
        return values

    return pl.col(name).map_batches(check, return_dtype=dtype, is_elementwise=True)


def _from_batches(source: Source, reading: Reading) -> pl.LazyFrame:
    """Return the rows of a source that has Arrow batches."""
    frame = pl.from_arrow(source.batches(reading).read_all())  # of a reader without batches, Polars makes nothing
    assert isinstance(frame, pl.DataFrame)
    return frame.lazy()


def _rows(scan: FileScan, source: Source) -> pl.LazyFrame:
    """Return the rows of files in the scan's dtypes; those that write one dtype in different ways are scanned by themselves."""
    if len(scan.paths) > 1 and not scan.options.get("alike", True):
        return pl.concat([_rows(replace(scan, paths=(path,)), source) for path in scan.paths])
    return _conformed(scan_files(scan), scan.schema, source, is_told=scan.format == "ndjson")


def _conformed(frame: pl.LazyFrame, schema: Schema, source: Source, *, is_told: bool = False) -> pl.LazyFrame:
    """Return the columns of the schema, in its dtypes; `is_told` where the source finds the record of a value that is none."""
    have = frame.collect_schema()
    wanted = polars_dtypes(schema)
    origin = None if is_told else source.origin()
    nan_as_null = source.takes_nan_as_null()
    casts = [
        Declared(
            origin, name, dtype, nan_as_null, _parsed(name, dtype, None) if have[name] == pl.String and _is_written(dtype) else None
        ).expression(have[name])
        for name, dtype in wanted.items()
        if have[name] != dtype
    ]
    frame = frame.with_columns(casts) if casts else frame
    return frame if list(have) == list(wanted) else frame.select(list(wanted))


def _is_written(dtype: Any) -> bool:
    """Whether a dtype's values are written in text in a way of their own."""
    return dtype in (pl.Date, pl.Datetime, pl.Time, pl.Boolean)


def scan_files(scan: FileScan) -> pl.LazyFrame:
    """Return a lazy scan of the files, in the reader's own dtypes."""
    frame = _scan_all(scan)
    return frame if scan.rows is None else frame.slice(*scan.rows)


def _scan_all(scan: FileScan) -> pl.LazyFrame:
    """Return a lazy scan of all rows of the files."""
    paths: list[Any] = list(scan.paths)
    if scan.format == "parquet":
        hive = scan.options["hive"]
        if hive is None:
            return pl.scan_parquet(paths, hive_partitioning=False, glob=False, extra_columns="ignore")
        written = {unquote(name): name for part in paths[0].split("/") if (name := part.partition("=")[0]) != part}
        keys = {written.get(name, name): dtype for name, dtype in polars_dtypes(hive).items()}  # Polars takes names as folders have them
        frame = pl.scan_parquet(paths, hive_partitioning=True, hive_schema=keys, glob=False, extra_columns="ignore")
        return frame.rename({name: new for new, name in written.items() if name != new and name in keys})
    if scan.format == "ipc":
        return pl.scan_ipc(paths, hive_partitioning=False)
    if scan.format == "ndjson":
        return pl.scan_ndjson(paths, schema={name: _in_json(dtype) for name, dtype in polars_dtypes(scan.schema).items()})
    return _scan_csv(paths, scan)


def _in_json(dtype: Any) -> Any:
    """Return as what Polars' reader of JSON reads a column: it does not know every dtype, and guesses how dates and times are written."""
    if dtype in (pl.Int8, pl.Int16):
        return pl.Int32()
    if dtype in (pl.UInt8, pl.UInt16):
        return pl.UInt32()
    return pl.String() if dtype.is_decimal() or dtype in (pl.Date, pl.Datetime, pl.Time) else dtype


def _scan_csv(paths: list[Any], scan: FileScan) -> pl.LazyFrame:
    """Return a lazy scan of delimited text; columns with a format are read as text and parsed by it."""
    options = scan.options
    formats: dict[str, str] = dict(options["formats"])
    wanted = polars_dtypes(scan.schema)
    names: list[str] = list(options["names"])
    numbers: NumberText = options.get("numbers", NumberText())
    native = {name for name in names if name in wanted and name not in formats and _native(wanted[name], numbers)}
    raw = {name: wanted[name] if name in native else pl.String() for name in names}
    frame = pl.scan_csv(
        paths,
        has_header=False,  # else its names would say which column is which, and those may be others than the given ones
        skip_rows=1 if options["header"] else 0,
        separator=options["separator"],
        quote_char=options["quote"],
        schema=raw,
        null_values=list(options["null_values"]),
        truncate_ragged_lines=False,
        raise_if_empty=False,  # Polars 1.44 would end the run at a file with a header alone
        glob=False,
    )
    written = [name for name in names if name in wanted and raw[name] != wanted[name]]
    if written and "" not in options["null_values"]:  # else the reader has made them missing, also those in quotes
        frame = frame.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)) for name in written)
    parsed = [_parsed(name, wanted[name], formats.get(name), numbers) for name in written]
    return frame.with_columns(parsed) if parsed else frame


def _native(dtype: Any, numbers: NumberText) -> bool:
    """Whether the CSV reader parses the dtype itself."""
    return (numbers.is_plain and dtype.is_numeric() and not dtype.is_decimal()) or dtype in (
        pl.String,
        pl.Boolean,
    )  # dates: the reader guesses their format by each chunk's first value


def _parsed(name: str, dtype: Any, pattern: str | None, numbers: NumberText | None = None) -> pl.Expr:
    """Return the expression that parses a text column."""
    text = pl.col(name)
    if dtype.is_numeric() and numbers is not None and not numbers.is_plain:
        return _plain_numbers(text, numbers).cast(dtype, strict=True).alias(name)
    pattern = pattern and pattern.replace(".%f", "%.f")  # to Polars, %f counts nanoseconds
    if dtype == pl.Date:
        return text.str.to_date(pattern or "%Y-%m-%d", strict=True)
    if isinstance(dtype, pl.Datetime):
        return iso_times(text, dtype) if pattern is None else patterned_times(text, dtype, pattern)
    if dtype == pl.Time:
        return text.str.to_time(pattern or "%H:%M:%S%.f", strict=True)
    if dtype == pl.Boolean:
        return text.str.to_lowercase().replace_strict({"true": True, "false": False}, return_dtype=pl.Boolean)
    return text.cast(dtype, strict=True)


def _plain_numbers(text: pl.Expr, numbers: NumberText) -> pl.Expr:
    """Return texts of numbers as a program writes them; what is none stays a text that no cast takes."""
    plain = text if numbers.thousands is None else text.str.replace_all(numbers.thousands, "", literal=True)
    plain = plain.str.replace(numbers.decimal, ".", literal=True).str.strip_chars_start()
    is_number, is_blank = text.str.contains(numbers.pattern), text.str.strip_chars() == ""
    return pl.when(is_number).then(plain).when(is_blank).then(None).otherwise(pl.format("no number: {}", text))


def explained(source: Source, error: Exception) -> GpupipeError:
    """Return a reader's error as gpupipe's, with the source's own account of what is wrong where it has one."""
    if isinstance(error, GpupipeError):
        return error
    better = source.explain(error)
    if better is not None:
        return better
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return SourceError(f"{source.origin()} could not be read: {first}. Check the file, and the schema the source declares.")
