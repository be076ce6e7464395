"""Times in text: as ISO 8601 writes them, and none in another form, of which Polars would guess what is the day and what the month.

Polars lets a time outside what 64 bits of nanoseconds hold wrap around; here it fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import polars as pl

from gpupipe.core.iso import ISO_TIME, finer_than

_FORMS = {10: "%Y-%m-%d", 16: "%Y-%m-%d{}%H:%M", 19: "%Y-%m-%d{}%H:%M:%S"}
_FRACTION = "%Y-%m-%d{}%H:%M:%S%.f"
_PLAIN_BYTES, _DIGITS = 10, {"ms": 3, "us": 6, "ns": 9}  # a time with a fraction is longer than that, however it is written
_NS_DAYS = "1677-09-23", "2262-04-10"  # times between these are ones that nanoseconds hold, whatever their time zone


def iso_times(text: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    """Return a column of text as times, which fails where a value is none."""
    return text.map_batches(partial(_times, dtype=dtype), return_dtype=dtype, is_elementwise=True)


def patterned_times(text: pl.Expr, dtype: pl.Datetime, pattern: str) -> pl.Expr:
    """Return a column of text as times written by a pattern, which fails where a value is none."""
    if dtype.time_unit != "ns" and "f" not in pattern:
        return text.str.to_datetime(pattern, time_unit=dtype.time_unit, time_zone=dtype.time_zone, strict=True)
    return text.map_batches(partial(_patterned, dtype=dtype, pattern=pattern), return_dtype=dtype, is_elementwise=True)


def _patterned(text: pl.Series, dtype: pl.Datetime, pattern: str) -> pl.Series:
    """Return texts as times whose fraction of a second, or whose range, is to be checked; where neither can be wrong, parsed once."""
    parsed = partial(text.str.to_datetime, pattern, time_zone=dtype.time_zone, strict=True)
    if dtype.time_unit != "ns":
        _check_digits(text, dtype)
        return parsed(time_unit=dtype.time_unit)
    if "f" in pattern:
        return _unwrapped(parsed(time_unit="ns"), parsed)
    return parsed(time_unit="us").cast(dtype, strict=True)


def _times(text: pl.Series, dtype: pl.Datetime) -> pl.Series:
    """Return texts as times; where all are written as the first one, in a third of the time that Polars takes to find out how each is."""
    _check_digits(text, dtype)
    read = partial(text.str.to_datetime, time_zone=dtype.time_zone)
    is_iso = text.str.contains(ISO_TIME)
    pattern = _form(text)
    if pattern is not None and is_iso.all():
        made = read(pattern, time_unit=dtype.time_unit, strict=False)
        if made.null_count() == text.null_count():
            return made if _surely_fit(text, dtype) else _unwrapped(made, partial(read, pattern, strict=True))
    wrong = text.filter(~is_iso)
    if len(wrong):
        raise pl.exceptions.InvalidOperationError(f"{wrong[0]!r} is no time as ISO 8601 writes it")
    bare = text.str.strip_chars()  # Polars takes blanks around some, by the form that it guesses from the first one
    read = partial(bare.str.to_datetime, time_zone=dtype.time_zone)
    made = read(None, time_unit=dtype.time_unit, strict=True)
    return made if _surely_fit(bare, dtype) else _unwrapped(made, partial(read, None, strict=True))


def _check_digits(text: pl.Series, dtype: pl.Datetime) -> None:
    """Fail where a time has more digits of a second than its unit holds, which Polars would cut."""
    longest = text.str.len_bytes().max()
    if isinstance(longest, int) and longest > _PLAIN_BYTES + _DIGITS[dtype.time_unit]:
        wrong = text.filter(text.str.contains(finer_than(dtype.time_unit)))
        if len(wrong):
            msg = f"{wrong[0]!r} has more digits of a second than Datetime({dtype.time_unit!r}) holds"
            raise pl.exceptions.InvalidOperationError(msg)


def _surely_fit(text: pl.Series, dtype: pl.Datetime) -> bool:
    """Whether times as ISO 8601 writes them are all far from the ends of the dtype."""
    if dtype.time_unit != "ns":
        return True
    first, last = text.min(), text.max()
    return first is None or (str(first) >= _NS_DAYS[0] and str(last) < _NS_DAYS[1])


def _unwrapped(made: pl.Series, parsed: Callable[..., pl.Series]) -> pl.Series:
    """Return times of nanoseconds, which must be those that `parsed` reads in microseconds."""
    apart = made.dt.cast_time_unit("us").to_physical() - parsed(time_unit="us").to_physical()
    wrong = (apart.abs() > 1) | (made.to_physical() == -(2**63))  # which pandas has for missing
    if wrong.any():
        raise pl.exceptions.InvalidOperationError(f"{wrong.sum()} times lie outside 1677-09-21 to 2262-04-11, which nanoseconds hold")
    return made


def _form(text: pl.Series) -> str | None:
    """Return the form of the first value, where that has no time zone and no blanks around it."""
    first = text.drop_nulls().head(1)
    found = re.fullmatch(ISO_TIME.replace(r"\s*", ""), first[0]) if len(first) else None
    if found is None or found[2]:
        return None
    return _FORMS.get(len(found[1]), _FRACTION).format(found[1][10:11])
