"""What the beginning of a delimited file says of its columns: their names, and the dtypes that suit them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.csv as pcsv
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import SourceError
from gpupipe.core.files import Place
from gpupipe.core.schema import Field, Schema
from gpupipe.sources._head import head
from gpupipe.sources.csv_inspect import check_header
from gpupipe.sources.csv_text import Dialect, Grammar, Record, opened, records

_SAMPLE_BYTES = 1 << 20


def first_record(file: Place, dialect: Dialect) -> Record:
    """Return the header's record, or the first row's.

    Raises
    ------
    SourceError
        The file has no row.
    """
    return _first(file, file.stamp, dialect)


@lru_cache(maxsize=4096)
def _first(file: Place, stamp: str, dialect: Dialect) -> Record:
    """Return the first record; `stamp` makes a changed file another one."""
    found = next(_rows(file, dialect), None)
    if found is None:
        what = "a header line" if dialect.header else "at least one row"
        msg = f"{file}: expected {what}, got an empty file. Write it again, or leave it out of the path."
        raise SourceError(msg)
    return found


def header_of(file: Place, dialect: Dialect) -> tuple[str, ...]:
    """Return the names in the header.

    Raises
    ------
    SourceError
        The file is empty, the header is not UTF-8, or a name is there twice.
    """
    fields = Grammar.of(dialect).split(first_record(file, dialect).raw)
    try:
        names = tuple(field.decode() for field in fields)
    except UnicodeDecodeError as error:
        msg = f"{file}: expected a header in UTF-8, got {b', '.join(fields)[:200]!r} ({error.reason}). Convert the file to UTF-8."
        raise SourceError(msg) from error
    check_header(names, str(file))
    return names


def inferred(
    file: Place, dialect: Dialect, names: Sequence[str], null_values: Sequence[str], formats: str | Mapping[str, str] | None
) -> Schema:
    """Return the dtypes that suit the first megabyte of a file: Int64, Float64, Boolean, Date, Datetime("us"), or else String.

    Parameters
    ----------
    formats
        How dates and times are written: by column, or one for every column of text that it fits.
    """
    return _inferred(
        file,
        file.stamp,
        dialect,
        tuple(names),
        tuple(null_values),
        formats if formats is None or isinstance(formats, str) else tuple(formats.items()),
    )


@lru_cache(maxsize=256)
def _inferred(
    file: Place,
    stamp: str,
    dialect: Dialect,
    names: tuple[str, ...],
    null_values: tuple[str, ...],
    formats: str | tuple[tuple[str, str], ...] | None,
) -> Schema:
    """Return the dtypes; `stamp` makes a changed file another one."""
    sample, n_bytes = list[bytes](), 0
    for record in islice(_rows(file, dialect), int(dialect.header), None):
        sample.append(record.raw)
        n_bytes += len(record.raw)
        if n_bytes > _SAMPLE_BYTES:
            break
    table = _parsed(b"".join(sample), dialect, names, null_values)
    by_column = {} if formats is None or isinstance(formats, str) else dict(formats)
    columns = []
    for name in names:
        pattern = by_column.get(name) or (formats if isinstance(formats, str) and _fits(table[name], formats) else None)
        columns.append((name, Field(_dtype(table[name].type) if pattern is None else timed(pattern))))
    return Schema(tuple(columns))


def timed(pattern: str) -> DType:
    """Return the dtype of values written by a pattern: a date, or a time of a day too.

    Examples
    --------
    >>> timed("%d.%m.%Y"), timed("%Y-%m-%d %H:%M")
    (Date, Datetime(time_unit='us', time_zone=None))
    """
    return nw.Datetime("us") if any(sign in pattern for sign in ("%H", "%I", "%M", "%S", "%T", "%R", "%s", "%f", "%c")) else nw.Date()


def _rows(file: Place, dialect: Dialect) -> Iterator[Record]:
    """Yield the records of the beginning that are no blank lines, after the skipped ones; one cut off at the end is left out."""
    grammar = Grammar.of(dialect)
    if file.fs is None:
        with opened(file.path) as stream:
            for record in islice(records(stream, grammar, str(file)), dialect.skip_rows, None):
                if not record.is_blank:
                    yield record
        return
    text, whole = head(file, _SAMPLE_BYTES)
    for record in islice(records(io.BytesIO(text), grammar, str(file)), dialect.skip_rows, None):
        if not record.is_blank and (whole or record.raw.endswith(b"\n")):
            yield record


def _parsed(sample: bytes, dialect: Dialect, names: Sequence[str], null_values: Sequence[str]) -> pa.Table:
    """Return the sample as Arrow's reader understands it; rows of another length are for the later check."""
    if not sample:
        return pa.table({name: pa.nulls(0) for name in names})
    parse = pcsv.ParseOptions(
        delimiter=dialect.separator,
        quote_char=dialect.quote or False,
        newlines_in_values=True,
        invalid_row_handler=lambda _: "skip",
    )
    nulls = pcsv.ConvertOptions(null_values=[*null_values, ""], strings_can_be_null=True, quoted_strings_can_be_null=True)
    try:
        return pcsv.read_csv(io.BytesIO(sample), pcsv.ReadOptions(column_names=list(names), block_size=4 * _SAMPLE_BYTES), parse, nulls)
    except pa.ArrowInvalid:
        return pa.table({name: pa.nulls(0) for name in names})


def _dtype(kind: pa.DataType) -> DType:
    """Return the dtype for what Arrow's reader made of a column."""
    if pa.types.is_integer(kind):
        return nw.Int64()
    if pa.types.is_floating(kind):
        return nw.Float64()
    if pa.types.is_boolean(kind):
        return nw.Boolean()
    if pa.types.is_date(kind):
        return nw.Date()
    return nw.Datetime("us", kind.tz) if pa.types.is_timestamp(kind) else nw.String()


def _fits(column: pa.ChunkedArray, pattern: str) -> bool:
    """Whether all texts among the first values are written by the pattern."""
    if not pa.types.is_string(column.type):
        return False
    values = [value for value in column.slice(0, 1000).to_pylist() if value is not None]
    try:
        return bool(values) and all(datetime.strptime(value, pattern).year for value in values)  # noqa: DTZ007 - only whether it parses
    except ValueError:
        return False
