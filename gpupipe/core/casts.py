"""What casts mean: which ones are refused since libraries differ, which go in steps, and which look at every value.

A value that does not fit must be an error on every engine, inside a lazy query too. So it becomes a text that says what is wrong, and
that no library can cast to a whole number; where all values fit, the column of these texts is missing throughout, which costs little.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
from narwhals.stable.v2.dtypes import DType

_PARSED: tuple[tuple[type[DType], str], ...] = (
    (nw.Date, ".str.to_date('%Y-%m-%d')"),
    (nw.Datetime, ".str.to_datetime('%Y-%m-%d %H:%M:%S')"),
    (nw.Time, ".str.to_time('%H:%M:%S')"),
    (nw.Boolean, " == 'true'"),
)
_INTEGER_DIGITS = 20
_FRACTIONS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def instead_of(name: str, source: DType, wanted: DType) -> str | None:
    """Return what to do instead of a cast that libraries do in different ways, or not at all; None for one that all do alike."""
    column = f"nw.col({name!r})"
    if isinstance(source, nw.String):
        for dtype, parsed in _PARSED:
            if isinstance(wanted, dtype):
                return f"Use WithColumns({column}{parsed}), as the text is written"
    number = source.is_numeric() or isinstance(source, nw.Boolean)
    if isinstance(wanted, nw.Time) and number:
        return "Cast it to Int64 and to Datetime first"
    if wanted.is_temporal() and number and not source.is_integer():
        return "Cast it to Int64 first"
    if isinstance(wanted, nw.Duration) and isinstance(source, nw.String | nw.Time):
        return "Cast it to Int64 first"
    if isinstance(wanted, nw.Date | nw.Time) and isinstance(source, nw.Datetime) and source.time_zone is not None:
        return f"Use WithColumns({column}.dt.replace_time_zone(None)) first, for its day and time where it was"
    if isinstance(wanted, nw.Boolean) and source.is_decimal():
        return f"Use WithColumns({column} != 0)"
    if isinstance(wanted, nw.Binary) and not isinstance(source, nw.String | nw.Binary):
        return "Cast it to String first"
    if isinstance(wanted, nw.String) and isinstance(source, nw.Duration):
        return "Cast it to Int64 first"
    return "Take its fields out first" if isinstance(wanted, nw.String) and isinstance(source, nw.Struct) else None


def steps(source: DType, wanted: DType) -> tuple[DType, ...]:
    """Return the dtypes by way of which a cast is done, the wanted one last: Arrow does not know every direct way."""
    whole: DType = nw.Int32() if nw.Date in (type(source), type(wanted)) else nw.Int64()
    if isinstance(wanted, nw.Decimal) and (source.is_integer() or source.is_temporal()):
        digits = nw.Decimal(_INTEGER_DIGITS, 0)
        return (digits, wanted) if source.is_integer() else (whole, digits, wanted)
    if (source.is_integer() and wanted.is_temporal()) or (source.is_temporal() and wanted.is_numeric()):
        return (wanted,) if whole in (source, wanted) else (whole, wanted)
    return (wanted,)


def is_checked(source: DType, wanted: DType) -> bool:
    """Whether every value must be looked at: a library may cut off what the wanted dtype has no place for."""
    if isinstance(source, nw.Decimal):
        return source.scale > 0 and (wanted.is_integer() or (isinstance(wanted, nw.Decimal) and wanted.scale < source.scale))
    if isinstance(source, nw.Datetime | nw.Duration) and isinstance(wanted, nw.Datetime | nw.Duration):
        return _FRACTIONS[wanted.time_unit] < _FRACTIONS[source.time_unit]
    return source.is_float() and wanted.is_integer()


def cast_checked(name: str, source: DType, wanted: DType) -> nw.Expr:
    """Return the column in the wanted dtype; evaluating it fails where a value does not fit, with the column, the value and what to do."""
    column = nw.col(name)
    made: nw.Expr
    if source.is_float():
        fits = _is_whole(column, wanted)
        made = nw.when(fits).then(column).cast(wanted)
    else:
        made = column.cast(wanted)
        fits = _in_steps(made, *steps(wanted, source)) == column
    odd: nw.Expr = nw.when(~fits).then(column.cast(nw.Int64) if isinstance(source, nw.Duration) else column)
    expected = f"Cast expects values that {wanted} holds in column {name!r}, rounded or made missing before, got "
    text = nw.lit(expected) + odd.cast(nw.String)
    return nw.coalesce(made, _in_steps(text, nw.Int64(), *steps(nw.Int64(), wanted)).alias(name))


def cast_plain(names: list[str], dtypes: tuple[DType, ...]) -> nw.Expr:
    """Return the columns in the last of the dtypes, by way of the others."""
    return _in_steps(nw.col(names), *dtypes)


def _in_steps(expression: nw.Expr, *dtypes: DType) -> nw.Expr:
    """Return the expression cast to one dtype after the other."""
    for dtype in dtypes:
        expression = expression.cast(dtype)
    return expression


def _is_whole(column: nw.Expr, wanted: DType) -> nw.Expr:
    """Whether floats are whole numbers in the range of an integer dtype; NaN and infinity are not."""
    n_bits = int(str(wanted).lstrip("UInt"))
    low, high = (0.0, 2.0**n_bits) if wanted.is_unsigned_integer() else (-(2.0 ** (n_bits - 1)), 2.0 ** (n_bits - 1))
    return (column >= low) & (column < high) & (column == column.floor())
