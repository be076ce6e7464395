"""What the records of a JSON file say of its columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import narwhals.stable.v2 as nw
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import DtypeError, SourceError
from gpupipe.core.iso import check_iso
from gpupipe.core.schema import Schema, as_dtype, as_schema
from gpupipe.sources.csv_values import INTEGERS

# While records are looked at, a dtype of whole numbers stands for a range of them; floats hold all of the first two.
_RANGES: dict[type[DType], tuple[int, int]] = {
    nw.UInt32: (0, 2**53),
    nw.Int32: (-(2**53), 2**53),
    nw.Int16: (0, 2**63 - 1),
    nw.Int64: (-(2**63), 2**63 - 1),
    nw.UInt64: (0, 2**64 - 1),
}
_IN_FLOATS = (nw.UInt32, nw.Int32)
_MANY_KEYS = 2_000
_MOST_MISSING = 100  # values that are missing for one that is there
MAX_DEPTH = 60  # Arrow hands over 64 dtypes inside one another, the table's own among them


def records_schema(records: Iterable[Mapping[str, Any]]) -> Schema:
    """Return the columns that some records need, in the order they appear: every key, nullable.

    Whole numbers are Int64, or UInt64 where they are too large, others Float64. Values of different kinds are String, each as its JSON
    text, and so are whole numbers that no dtype holds with the others.

    Examples
    --------
    >>> records_schema([{"a": 1, "b": [1.5]}, {"a": 2.5, "c": {"d": None}}, {"b": None, "e": "x"}]).dtypes
    {'a': Float64, 'b': List(Float64), 'c': Struct({'d': String}), 'e': String}
    """
    found: dict[str, DType | None] = {}
    n_records = n_values = 0
    for record in records:
        n_records += 1
        n_values += len(record)
        for name, value in record.items():
            found[name] = _both(found.get(name), _dtype(value))
    if len(found) > _MANY_KEYS and n_records * len(found) > _MOST_MISSING * n_values:  # a megabyte of them would be a table of gigabytes
        msg = f"Expected records that share their keys, got {len(found):,} keys in {n_records:,} records with {n_values:,} values in all."
        raise SourceError(f"{msg} Declare a schema of the keys to be read, or write key and value as two columns.")
    return as_schema({name: _settled(dtype) for name, dtype in found.items()})


def _dtype(value: Any) -> DType | None:
    """Return the dtype of one value; None where it tells nothing."""
    if value is None:
        return None
    if isinstance(value, bool):
        return nw.Boolean()
    if isinstance(value, int):
        return _whole(value, value)
    if isinstance(value, float):
        return nw.Float64()
    if isinstance(value, list):
        inner: DType | None = None
        for item in value:
            inner = _both(inner, _dtype(item))
        return nw.List(inner or nw.Unknown())
    if isinstance(value, dict):
        return nw.Struct([nw.Field(name, _dtype(item) or nw.Unknown()) for name, item in value.items()])
    return nw.String()


def _both(left: DType | None, right: DType | None) -> DType | None:
    """Return the dtype that takes the values of both."""
    if left is None or right is None or left == right:
        return right if left is None else left
    if isinstance(left, nw.Unknown) or isinstance(right, nw.Unknown):
        return right if isinstance(left, nw.Unknown) else left
    if left.is_numeric() and right.is_numeric():
        return _number(left, right)
    if isinstance(left, nw.List) and isinstance(right, nw.List):
        return nw.List(_both(_instance(left.inner), _instance(right.inner)) or nw.Unknown())
    if isinstance(left, nw.Struct) and isinstance(right, nw.Struct):
        fields: dict[str, DType | None] = {field.name: _instance(field.dtype) for field in left.fields}
        for field in right.fields:
            fields[field.name] = _both(fields.get(field.name), _instance(field.dtype))
        return nw.Struct([nw.Field(name, dtype or nw.Unknown()) for name, dtype in fields.items()])
    return nw.String()


def _whole(low: int, high: int) -> DType:
    """Return the dtype that stands for the least range of whole numbers from `low` to `high`; beyond 64 bits, what a float is exactly."""
    for dtype, (least, most) in _RANGES.items():
        if least <= low and high <= most:
            return dtype()
    return nw.Float64() if low == high and abs(low) < 2**1000 and int(float(low)) == low else nw.String()


def _number(left: DType, right: DType) -> DType:
    """Return the dtype that takes the numbers of both."""
    if left.is_integer() and right.is_integer():
        ranges = [_RANGES[type(dtype)] for dtype in (left, right)]
        return _whole(min(low for low, _ in ranges), max(high for _, high in ranges))
    exact = all(dtype.is_float() or isinstance(dtype, _IN_FLOATS) for dtype in (left, right))
    return nw.Float64() if exact else nw.String()


def _settled(dtype: DType | None) -> DType:
    """Return the dtype with text wherever nothing is known."""
    if dtype is None or isinstance(dtype, nw.Unknown):
        return nw.String()
    if dtype.is_integer():
        return dtype if isinstance(dtype, nw.UInt64) else nw.Int64()
    if isinstance(dtype, nw.List):
        return nw.List(_settled(_instance(dtype.inner)))
    if isinstance(dtype, nw.Struct):
        return nw.Struct([nw.Field(field.name, _settled(_instance(field.dtype))) for field in dtype.fields])
    return dtype


def _instance(dtype: Any) -> DType:
    """Return a dtype that may be given as its class."""
    return as_dtype(dtype)


def misfit(dtype: DType, value: Any) -> bool:
    """Return whether a JSON value is none that the dtype takes."""
    if value is None:
        return False
    if isinstance(dtype, nw.List):
        return not isinstance(value, list) or any(misfit(_instance(dtype.inner), item) for item in value)
    if isinstance(dtype, nw.Struct):
        fields = {field.name: _instance(field.dtype) for field in dtype.fields}
        return not isinstance(value, dict) or any(misfit(fields[name], item) for name, item in value.items() if name in fields)
    if dtype.is_numeric():
        return isinstance(value, bool) or not _is_number(dtype, value)
    if dtype == nw.Boolean:
        return not isinstance(value, bool)
    return isinstance(dtype, (nw.Date, nw.Datetime, nw.Time)) and not _is_time(dtype, value)


def why(dtype: DType, value: Any) -> str:
    """Return how a date or time is written, in brackets, for a value that is none of the dtype; nothing for other dtypes.

    Examples
    --------
    >>> why(nw.Date(), "31.12.2020"), why(nw.Int8(), 300)
    (' (a date is written as 2020-12-31)', '')
    """
    if isinstance(dtype, (nw.Date, nw.Datetime, nw.Time)):
        try:
            check_iso(dtype, value if isinstance(value, str) else "")
        except ValueError as error:
            return f" ({error})"
    return ""


def _is_number(dtype: DType, value: Any) -> bool:
    """Whether a value is a number that the dtype holds."""
    if dtype.is_integer():
        low, high = INTEGERS.get(type(dtype), (-math.inf, math.inf))
        return isinstance(value, int) and low <= value <= high
    if isinstance(dtype, nw.Decimal):
        return _is_decimal(dtype, str(value))
    return isinstance(value, int | float) and not math.isinf(value)


def _is_decimal(dtype: nw.Decimal, text: str) -> bool:
    """Whether a text is a number with no more digits than the dtype has before its point and behind it."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    if not number.is_finite() or abs(number) >= Decimal(10) ** ((dtype.precision or 38) - dtype.scale):
        return False
    exponent = number.normalize().as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= dtype.scale


def _is_time(dtype: DType, value: Any) -> bool:
    """Whether a value is a date or a time as ISO 8601 writes it."""
    try:
        check_iso(dtype, value)
    except (TypeError, ValueError):
        return False
    return True


def check_in_json(schema: Schema) -> None:
    """Raise DtypeError where a column is declared to be of a dtype that JSON's values are not read as.

    Decimals, times of day and times in nanoseconds, which would wrap around, are read where they stand by themselves, and not inside
    lists and structs.
    """
    for name, field in schema.items():
        if (n_deep := depth(field.dtype)) > MAX_DEPTH:
            msg = f"Column {name!r}: expected at most {MAX_DEPTH} lists and structs inside one another, got {n_deep}."
            raise DtypeError(f"{msg} Declare String, and take it apart in a stage.")
        if (odd := _unreadable(field.dtype, inside=False)) is not None:
            msg = f"Column {name!r}: expected a dtype that JSON's values can be read as, got {field.dtype}, and {odd} is none."
            raise DtypeError(f"{msg} Declare numbers or String, and cast them in a stage.")


def depth(dtype: DType) -> int:
    """Return how many lists and structs stand inside one another.

    Examples
    --------
    >>> depth(nw.Int8()), depth(nw.List(nw.Struct({"x": nw.Int8()})))
    (0, 2)
    """
    if isinstance(dtype, (nw.List, nw.Array)):
        return 1 + depth(_instance(dtype.inner))
    if isinstance(dtype, nw.Struct):
        return 1 + max((depth(_instance(field.dtype)) for field in dtype.fields), default=0)
    return 0


def _unreadable(dtype: DType, *, inside: bool) -> DType | None:
    """Return the dtype, or one inside it, that is not read from JSON."""
    if isinstance(dtype, nw.List):
        return _unreadable(_instance(dtype.inner), inside=True)
    if isinstance(dtype, nw.Struct):
        found = (_unreadable(_instance(field.dtype), inside=True) for field in dtype.fields)
        return next((odd for odd in found if odd is not None), None)
    alone = dtype.is_decimal() or isinstance(dtype, nw.Time) or (isinstance(dtype, nw.Datetime) and dtype.time_unit == "ns")
    refused = isinstance(dtype, (nw.Duration, nw.Binary, nw.Array)) or (inside and alone)
    return dtype if refused else None
