"""Between Arrow, narwhals dtypes and NumPy arrays, without a dataframe library."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import DtypeError
from gpupipe.core.schema import Schema, as_dtype

_FIXED: dict[type[DType], pa.DataType] = {
    nw.Int8: pa.int8(),
    nw.Int16: pa.int16(),
    nw.Int32: pa.int32(),
    nw.Int64: pa.int64(),
    nw.UInt8: pa.uint8(),
    nw.UInt16: pa.uint16(),
    nw.UInt32: pa.uint32(),
    nw.UInt64: pa.uint64(),
    nw.Float32: pa.float32(),
    nw.Float64: pa.float64(),
    nw.Boolean: pa.bool_(),
    nw.String: pa.large_string(),
    nw.Binary: pa.large_binary(),
    nw.Date: pa.date32(),
    nw.Time: pa.time64("ns"),
}


def arrow_dtype(dtype: DType) -> pa.DataType:
    """Return the Arrow type that gpupipe delivers for a dtype.

    Examples
    --------
    >>> arrow_dtype(nw.String())
    DataType(large_string)
    """
    fixed = _FIXED.get(type(dtype))
    if fixed is not None:
        return fixed
    if isinstance(dtype, nw.Datetime):
        return pa.timestamp(dtype.time_unit, tz=dtype.time_zone)
    if isinstance(dtype, nw.Duration):
        return pa.duration(dtype.time_unit)
    if isinstance(dtype, nw.Decimal):
        return pa.decimal128(getattr(dtype, "precision", None) or 38, getattr(dtype, "scale", None) or 0)
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return pa.dictionary(pa.uint32(), pa.large_string())
    if isinstance(dtype, nw.List):
        return pa.large_list(arrow_dtype(_inner(dtype)))
    if isinstance(dtype, nw.Array):
        return pa.list_(arrow_dtype(_inner(dtype)), dtype.size)
    if isinstance(dtype, nw.Struct):
        return pa.struct([(field.name, arrow_dtype(as_dtype(field.dtype))) for field in dtype.fields])
    msg = f"Expected a dtype that Arrow has, got {dtype}. Cast the column first."
    raise DtypeError(msg)


def _inner(dtype: Any) -> DType:
    """Return the dtype of a list's items."""
    inner = dtype.inner
    made: DType = inner() if isinstance(inner, type) else inner
    return made


def arrow_schema(schema: Schema) -> pa.Schema:
    """Return the Arrow schema that gpupipe delivers for a planned one."""
    return pa.schema([pa.field(name, arrow_dtype(field.dtype), nullable=field.nullable) for name, field in schema.items()])


def table_of(frame: nw.DataFrame[Any]) -> pa.Table:
    """Return an eager frame as plain Arrow, without the index that pandas would add as a column."""
    return plain_table(frame.to_arrow().select(frame.columns))


def from_pandas(frame: Any) -> pa.Table:
    """Return a pandas frame as plain Arrow, without its index: NaN is missing in NumPy's dtypes and a number in Arrow's.

    Raises
    ------
    DtypeError
        A column holds values of several kinds.
    """
    columns = {}
    for name in frame.columns:
        try:
            columns[str(name)] = pa.array(frame[name], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            msg = f"Expected a column of one kind of values, but {name!r} is none: {error}. Convert its values to one dtype first."
            raise DtypeError(msg) from error
    return plain_table(pa.table(columns))


def conform_arrow(table: pa.Table, schema: Schema) -> pa.Table:
    """Return the table in exactly the Arrow types that gpupipe delivers for the schema."""
    wanted = arrow_schema(schema)
    arrays = [table[field.name] if table[field.name].type == field.type else table[field.name].cast(field.type) for field in wanted]
    return pa.table(arrays, schema=pa.schema([field.with_nullable(True) for field in wanted]))


def column_values(column: pa.Array) -> Any:
    """Return a column as a masked NumPy array of numbers; dates and times as their integers, booleans as 0 and 1."""
    kind = column.type
    if pa.types.is_temporal(kind):
        column = column.cast(pa.int64() if kind.bit_width == 64 else pa.int32())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    mask = np.asarray(column.is_null())
    data = np.asarray(pc.fill_null(column, 0)) if mask.any() else column.to_numpy(zero_copy_only=False)
    return np.ma.MaskedArray(data, mask=mask)


def as_array(table: pa.Table, *, whole_numbers: bool = False) -> Any:
    """Return a table of numbers as an array [n_rows, n_columns], in the dtype that NumPy would find for its columns; missing is NaN.

    That is float32 where there is a column of it and every other one fits, else float64; where there is text, it is Python's objects.

    Parameters
    ----------
    whole_numbers
        Whether it is int64 where all columns hold whole numbers that fit, and none is missing.
    """
    kinds = table.schema.types
    if not all(map(_is_number, kinds)):
        objects = np.empty((table.num_rows, table.num_columns), dtype=object)
        for position, column in enumerate(table.columns):
            objects[:, position] = column.to_pylist()
        return objects
    whole = whole_numbers and all(pa.types.is_integer(kind) and kind != pa.uint64() for kind in kinds) and bool(kinds)
    if whole and not any(column.null_count for column in table.columns):
        dtype = pa.int64()
    else:
        fits = (
            pa.types.is_float32(kind) or pa.types.is_boolean(kind) or (pa.types.is_integer(kind) and kind.bit_width <= 16) for kind in kinds
        )
        dtype = pa.float32() if pa.float32() in kinds and all(fits) else pa.float64()
    array = np.empty((table.num_rows, table.num_columns), dtype=dtype.to_pandas_dtype(), order="F")
    for position, column in enumerate(table.columns):
        values = column.combine_chunks()
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        array[:, position] = values.cast(dtype, safe=False).to_numpy(zero_copy_only=False)
    return array


def named_frame(table: pa.Table) -> Any:
    """Return a table as a pandas frame of NumPy's dtypes, as scikit-learn knows it: missing numbers and texts are NaN."""
    import pandas as pd  # local: only estimators that find their features by name need it

    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if _is_number(column.type):
            columns[name] = pd.Series(as_array(table.select([name]), whole_numbers=True)[:, 0])
        else:
            columns[name] = pd.Series(column.to_pylist(), dtype="str" if pa.types.is_dictionary(column.type) else None)
    return pd.DataFrame(columns)


def _is_number(kind: pa.DataType) -> bool:
    """Whether a type holds numbers or truth values."""
    return any(is_one(kind) for is_one in (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal))
