"""Between Arrow's types and planned dtypes: which Arrow types a source may have, and what each is read as.

Engines deliver a small set of plain types. What stands for one of them in a file (dictionaries, views, half floats, seconds) is
read as that one; what stands for none is refused, by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from zoneinfo import available_timezones

import narwhals.stable.v2 as nw
import pyarrow as pa
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import DtypeError
from gpupipe.core.schema import Field, Schema

_HOURS = re.compile(r"\+(0\d|1[0-4]):00|-(0\d|1[0-2]):00")
_NAME = re.compile(r"[A-Z][A-Za-z]{2,}[\w+-]*(/[\w+-]+)*")
_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_list_view, pa.types.is_large_list_view)
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
_FIXED: dict[pa.DataType, type[DType]] = {
    pa.int8(): nw.Int8,
    pa.int16(): nw.Int16,
    pa.int32(): nw.Int32,
    pa.int64(): nw.Int64,
    pa.uint8(): nw.UInt8,
    pa.uint16(): nw.UInt16,
    pa.uint32(): nw.UInt32,
    pa.uint64(): nw.UInt64,
    pa.float32(): nw.Float32,
    pa.float64(): nw.Float64,
    pa.bool_(): nw.Boolean,
    pa.large_string(): nw.String,
    pa.large_binary(): nw.Binary,
    pa.date32(): nw.Date,
    pa.time64("ns"): nw.Time,
}


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the plain type that a column of an Arrow type is read as; times in a zone that is an offset are times in UTC.

    Raises
    ------
    DtypeError
        There is none: maps, unions, intervals, decimals of more than 38 digits.

    Examples
    --------
    >>> plain_type(pa.dictionary(pa.int32(), pa.string())), plain_type(pa.timestamp("s")), plain_type(pa.list_(pa.float16()))
    (DataType(large_string), TimestampType(timestamp[ms]), LargeListType(large_list<item: float>))
    """
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if any(is_list(kind) for is_list in _LISTS):
        return pa.large_list(plain_type(kind.value_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(plain_type(kind.value_type), kind.list_size)
    if pa.types.is_struct(kind):
        return pa.struct([(child.name, plain_type(child.type)) for child in kind])
    return _plain_scalar(kind)


def _plain_scalar(kind: pa.DataType) -> pa.DataType:
    """Return the plain type of a type without parts."""
    if any(is_text(kind) for is_text in _TEXTS):
        return pa.large_string()
    if any(is_bytes(kind) for is_bytes in _BYTES):
        return pa.large_binary()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_time(kind):
        return pa.time64("ns")
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ms" if kind.unit == "s" else kind.unit, _zone(kind.tz) if kind.tz else None)
    if pa.types.is_duration(kind):
        return pa.duration("ms") if kind.unit == "s" else kind
    if pa.types.is_decimal(kind) and kind.precision <= 38 and kind.scale >= 0:
        return pa.decimal128(kind.precision, kind.scale)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return kind
    msg = f"Expected an Arrow type that has a dtype here, got {kind}."
    raise DtypeError(msg)


@lru_cache(maxsize=1024)
def _zone(zone: str) -> str:
    """Return the name of a time zone; UTC for an offset, and for a name that nobody knows: the moments are the same."""
    known = zone == "UTC" or zone in available_timezones()
    return zone if known or (_NAME.fullmatch(zone) and not available_timezones()) else "UTC"


def is_readable_zone(kind: pa.DataType) -> bool:
    """Return whether Polars knows the time zones in a type: it reads whole hours as names, and ends on others that are none.

    Examples
    --------
    >>> [is_readable_zone(pa.timestamp("us", zone)) for zone in (None, "Europe/Berlin", "+01:00", "+05:30")]
    [True, True, True, False]
    """
    if isinstance(kind, pa.BaseExtensionType):
        return is_readable_zone(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return is_readable_zone(kind.value_type)
    if pa.types.is_nested(kind):
        return all(is_readable_zone(kind.field(number).type) for number in range(kind.num_fields))
    return not pa.types.is_timestamp(kind) or not kind.tz or _zone(kind.tz) == kind.tz or _HOURS.fullmatch(kind.tz) is not None


def in_utc(kind: pa.DataType) -> pa.DataType:
    """Return a type with UTC instead of time zones that Polars does not know.

    Examples
    --------
    >>> in_utc(pa.list_(pa.timestamp("us", "+05:30")))
    ListType(list<item: timestamp[us, tz=UTC]>)
    """
    if is_readable_zone(kind):
        return kind
    if pa.types.is_timestamp(kind):
        return pa.timestamp(kind.unit, "UTC")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = kind.value_field.with_type(in_utc(kind.value_type))
        return pa.list_(inner) if pa.types.is_list(kind) else pa.large_list(inner)
    if pa.types.is_struct(kind):
        return pa.struct([child.with_type(in_utc(child.type)) for child in kind])
    msg = f"Expected times in a zone that has a name, got {kind}. Write the file again with times in UTC."
    raise DtypeError(msg)


@lru_cache(maxsize=4096)
def dtype_of(kind: pa.DataType) -> DType:
    """Return the planned dtype of a column of an Arrow type.

    Raises
    ------
    DtypeError
        There is none.

    Examples
    --------
    >>> dtype_of(pa.decimal128(9, 2))
    Decimal(precision=9, scale=2)
    """
    return _dtype(plain_type(kind))


def _dtype(kind: pa.DataType) -> DType:
    """Return the dtype of a plain type."""
    fixed = _FIXED.get(kind)
    if fixed is not None:
        return fixed()
    if pa.types.is_timestamp(kind):
        return nw.Datetime(kind.unit, kind.tz)
    if pa.types.is_duration(kind):
        return nw.Duration(kind.unit)
    if pa.types.is_decimal(kind):
        return nw.Decimal(kind.precision, kind.scale)
    if pa.types.is_fixed_size_list(kind):
        return nw.Array(_dtype(kind.value_type), kind.list_size)
    if pa.types.is_struct(kind):
        return nw.Struct([nw.Field(child.name, _dtype(child.type)) for child in kind])
    return nw.List(_dtype(kind.value_type))


def schema_of(schema: pa.Schema, names: Iterable[str] | None = None) -> Schema:
    """Return the planned schema of an Arrow one, or of some of its columns; a field that cannot be null is not null.

    Raises
    ------
    DtypeError
        A column has a type that no dtype stands for.

    Examples
    --------
    >>> schema_of(pa.schema([pa.field("a", pa.int8(), nullable=False), ("b", pa.string())])).as_json()
    [['a', 'Int8', False], ['b', 'String', True]]
    """
    chosen = [schema.field(name) for name in names] if names is not None else list(schema)
    columns = []
    known: dict[tuple[pa.DataType, bool], Field] = {}  # a wide table has few types
    for field in chosen:
        try:
            kind = field.type, field.nullable
            if kind not in known:
                known[kind] = Field(dtype_of(field.type), field.nullable)
            columns.append((field.name, known[kind]))
        except DtypeError as error:
            advice = "Leave the column out by declaring a schema of the others, or write it in another type."
            msg = f"Column {field.name!r}: {error} {advice}"
            raise DtypeError(msg) from error
    return Schema(tuple(columns))


def plain_table(table: pa.Table) -> pa.Table:
    """Return the table in plain types."""
    arrays = [column.cast(plain_type(column.type)) for column in map(_decoded, table.columns)]
    return pa.table(arrays, names=table.column_names) if arrays else table


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column as it is stored, without an extension or a dictionary, which do not cast to every plain type at once."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _decoded(pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type))
    if not pa.types.is_dictionary(kind):
        return column
    if isinstance(kind.value_type, pa.BaseExtensionType):  # as categories of intervals in pandas, which Arrow does not cast
        chunks = [chunk.dictionary.storage.take(chunk.indices) for chunk in column.chunks]
        return _decoded(pa.chunked_array(chunks, kind.value_type.storage_type))
    return column.cast(kind.value_type)
