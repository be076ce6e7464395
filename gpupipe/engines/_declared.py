"""Columns in the dtypes that a source declares: each value as it is, or an error that names it.

A reader's cast may cut a value off: a fraction, a time of day, the last digits of a whole number in a float. So what comes out is turned
back, and must be what went in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from gpupipe.core.errors import SourceError

_EXACT_BITS = {pl.Float32: 24, pl.Float64: 53}


@dataclass(frozen=True)
class Declared:
    """A column that is read as another dtype than it has.

    Parameters
    ----------
    origin
        Where the column comes from, for errors; None where the source itself finds the record at fault.
    nan_as_null
        Whether NaN is missing.
    parse
        The expression that makes the column of its text, where that is not a cast.
    """

    origin: str | None
    name: str
    dtype: Any
    nan_as_null: bool = False
    parse: pl.Expr | None = None

    def expression(self, have: Any) -> pl.Expr:
        """Return the column in its dtype; evaluating it fails where a value is none of that, or would be cut off."""
        if self.parse is not None and self.origin is None:
            return self.parse
        if _holds_all(have, self.dtype):
            return pl.col(self.name).cast(self.dtype)
        return pl.col(self.name).map_batches(self._converted, return_dtype=self.dtype, is_elementwise=True)

    def _converted(self, values: pl.Series) -> pl.Series:
        """Return the values in the dtype."""
        if self.nan_as_null and values.dtype.is_float():
            values = values.fill_nan(None)
        try:
            if self.parse is not None:
                return values.to_frame(self.name).select(self.parse).to_series()
            made = values.cast(self.dtype, strict=False)
            odd = values.filter(made.is_null() & values.is_not_null())
            if not len(odd):
                odd = values.filter(_cut(values, made))
        except pl.exceptions.PolarsError as error:
            raise self._fault(str(error).splitlines()[0], values.dtype) from error
        if len(odd):
            more = f" and {len(odd) - 1} more in one piece" if len(odd) > 1 else ""
            raise self._fault(f"{str(odd[0])[:100]!r}{more}" if odd.dtype == pl.String else f"{str(odd[0])[:100]}{more}", values.dtype)
        return made

    def _fault(self, got: str, have: Any) -> Exception:
        """Return the error about a value."""
        wanted, there = (nw.from_native(pl.Series(dtype=dtype), series_only=True).dtype for dtype in (self.dtype, have))
        msg = f"column {self.name!r}: expected values that {wanted} holds, got {got}."
        if self.origin is None:
            return pl.exceptions.InvalidOperationError(msg)
        return SourceError(f"{self.origin}, {msg} Declare {there} in the schema, and round, filter or cast in a stage.")


def _holds_all(have: Any, wanted: Any) -> bool:
    """Whether a dtype holds every value of another one; of floats in a smaller float dtype what is nearest."""
    if isinstance(have, (pl.List, pl.Array)) and isinstance(wanted, pl.List):
        return _holds_all(have.inner, wanted.inner)
    if isinstance(have, pl.Struct) and isinstance(wanted, pl.Struct):
        pairs = zip(have.fields, wanted.fields, strict=False)
        alike = [field.name for field in have.fields] == [field.name for field in wanted.fields]
        return alike and all(_holds_all(one.dtype, other.dtype) for one, other in pairs)
    if isinstance(have, pl.Datetime) and isinstance(wanted, pl.Datetime):
        return have.time_unit == wanted.time_unit
    if have.is_integer() and (wanted.is_float() or wanted.is_integer()):
        n_bits = int(str(have).lstrip("UInt"))
        if wanted.is_float():
            return n_bits <= _EXACT_BITS[type(wanted)]
        most = int(str(wanted).lstrip("UInt"))
        return n_bits < most if wanted.is_signed_integer() else have.is_unsigned_integer() and n_bits <= most
    texts = (pl.String, pl.Categorical)
    return have in (wanted, pl.Null) or (have.is_float() and wanted.is_float()) or (have in texts and wanted in texts)


def _cut(values: pl.Series, made: pl.Series) -> pl.Series:
    """Return which values a cast has cut off; decimals as floats are rounded, as floats are."""
    have, wanted = values.dtype, made.dtype
    none = pl.repeat(False, len(values), eager=True)
    if have == pl.String:
        return _cut_texts(values, made) if wanted.is_decimal() else none
    if (have.is_decimal() and wanted.is_float()) or (have.is_integer() and not wanted.is_float() and wanted != pl.Boolean):
        return none
    return ~made.cast(have, strict=False).eq_missing(values)


def _cut_texts(values: pl.Series, made: pl.Series) -> pl.Series:
    """Return which texts have more decimal places than a decimal made of them."""
    assert isinstance(made.dtype, pl.Decimal)
    longer = values.str.contains(rf"^[^eE]*\.\d{{{made.dtype.scale}}}\d*[1-9]")
    powers = values.str.contains("[eE]")
    if powers.any():
        given, got = values.cast(pl.Float64, strict=False), made.cast(pl.Float64)
        longer |= powers & ((given - got).abs() > given.abs() * 1e-14)
    return longer.fill_null(value=False)
