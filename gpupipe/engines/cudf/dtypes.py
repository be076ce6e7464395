"""Planned dtypes as they lie on the device, where cuDF has fewer of them; without a word of cuDF's, so that any machine can hold it.

cuDF has no dates: it reads them as timestamps in seconds. No planned column has those (sources give milliseconds at the coarsest), so on
the device ``Datetime("s")`` is how a `Date` lies, and nothing else.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pyarrow as pa
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import UnsupportedError
from gpupipe.core.schema import Field, Schema, as_dtype

DATE = nw.Datetime("s")


def device_dtype(dtype: DType, column: str) -> DType:
    """Return the dtype that a column of a planned dtype has on the device.

    Raises
    ------
    UnsupportedError
        cuDF has none for it.

    Examples
    --------
    >>> device_dtype(nw.Date(), "d"), device_dtype(nw.Int8(), "i")
    (Datetime(time_unit='s', time_zone=None), Int8)
    """
    if isinstance(dtype, nw.Date):
        return DATE
    inner = [dtype.inner] if isinstance(dtype, nw.List) else [field.dtype for field in dtype.fields] if isinstance(dtype, nw.Struct) else []
    if isinstance(dtype, nw.Time | nw.Binary | nw.Array) or any(device_dtype(as_dtype(part), column) != as_dtype(part) for part in inner):
        msg = (
            f"Engine 'gpu' cannot hold column {column!r} of {dtype}: cuDF has no such dtype. Leave the column out with Select, cast it "
            "before (a time of day to its microseconds, bytes to text), or use engine 'cpu'."
        )
        raise UnsupportedError(msg)
    return dtype


def device_schema(schema: Schema) -> Schema:
    """Return the schema of a planned table as it lies on the device."""
    return Schema(tuple((name, Field(device_dtype(field.dtype, name), field.nullable)) for name, field in schema.items()))


def with_dates(table: pa.Table) -> pa.Table:
    """Return a table from the device with its dates as dates again.

    Examples
    --------
    >>> with_dates(pa.table({"d": pa.array([86400], pa.timestamp("s"))})).schema.field("d").type
    DataType(date32[day])
    """
    columns = [column.cast(pa.date32()) if column.type == pa.timestamp("s") else column for column in table.columns]
    return pa.table(columns, names=table.column_names) if columns else table


def with_short_lists(table: pa.Table) -> pa.Table:
    """Return a table for the device with its lists counted in 32 bits, which is how cuDF has them.

    Examples
    --------
    >>> with_short_lists(pa.table({"l": pa.array([[[1]]], pa.large_list(pa.large_list(pa.int8())))})).schema.field("l").type
    ListType(list<item: list<item: int8>>)
    """
    if not any(pa.types.is_nested(kind) for kind in table.schema.types):
        return table
    return table.cast(pa.schema([field.with_type(_short(field.type)) for field in table.schema]))


def _short(kind: pa.DataType) -> pa.DataType:
    """Return an Arrow type with every list in it counted in 32 bits."""
    if pa.types.is_large_list(kind):
        return pa.list_(_short(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_short(field.type)) for field in kind])
    return kind


def same_on_device(have: DType, wanted: DType) -> bool:
    """Whether the device's reader makes the wanted dtype of a file's, or one that a cast brings to it without loss of meaning.

    Examples
    --------
    >>> same_on_device(nw.Int32(), nw.Int64()), same_on_device(nw.String(), nw.Int64())
    (True, False)
    """
    if have == wanted:
        return not isinstance(have, nw.Time | nw.Binary | nw.Array | nw.Struct | nw.List | nw.Categorical | nw.Enum | nw.Decimal)
    return (have.is_integer() and wanted.is_integer()) or (have.is_numeric() and wanted.is_float())
