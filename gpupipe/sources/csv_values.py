"""Which texts a dtype takes: what the slow look for a refused value goes by."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal

import narwhals.stable.v2 as nw
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import DtypeError
from gpupipe.core.iso import check_digits, check_iso, check_nanoseconds
from gpupipe.core.number_text import NumberText
from gpupipe.core.schema import Schema
from gpupipe.core.time_text import moment_of

INTEGERS: dict[type[DType], tuple[int, int]] = {
    nw.Int8: (-(2**7), 2**7 - 1),
    nw.Int16: (-(2**15), 2**15 - 1),
    nw.Int32: (-(2**31), 2**31 - 1),
    nw.Int64: (-(2**63), 2**63 - 1),
    nw.UInt8: (0, 2**8 - 1),
    nw.UInt16: (0, 2**16 - 1),
    nw.UInt32: (0, 2**32 - 1),
    nw.UInt64: (0, 2**64 - 1),
}
_BLANKS = " \t"  # that the reader takes before a number
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


def check_in_text(schema: Schema) -> None:
    """Raise DtypeError where a column is declared to hold what no field of delimited text can."""
    for name, field in schema.items():
        if isinstance(field.dtype, (nw.List, nw.Array, nw.Struct)):
            msg = f"Column {name!r}: expected a dtype that one field of text can hold, got {field.dtype}."
            raise DtypeError(f"{msg} Declare String, and take it apart in a stage.")


def value_checks(schema: Schema, formats: Mapping[str, str], numbers: NumberText | None = None) -> dict[str, Callable[[str], object]]:
    """Return for each column a function that raises ValueError on a text that its dtype cannot take."""
    made = {name: _check(field.dtype, formats.get(name), numbers or NumberText()) for name, field in schema.items()}
    return {name: check for name, check in made.items() if check is not None}


def _check(dtype: DType, pattern: str | None, numbers: NumberText) -> Callable[[str], object] | None:
    """Return the check of one dtype; None where every text will do or only the reader knows."""
    check = _plain_check(dtype, pattern)
    return _written(numbers, check) if check is not None and dtype.is_numeric() and not numbers.is_plain else check


def _written(numbers: NumberText, check: Callable[[str], object]) -> Callable[[str], object]:
    """Return the check of numbers that are written in another way."""

    def look(text: str) -> object:
        if not text.strip():
            return None
        plain = numbers.plain(text)
        if plain is None:
            groups = "" if numbers.thousands is None else f" and {numbers.thousands!r} between groups of three digits"
            raise ValueError(f"a number has {numbers.decimal!r} before its fraction{groups}, as declared")
        return check(plain)

    return look


def _plain_check(dtype: DType, pattern: str | None) -> Callable[[str], object] | None:
    """Return the check of one dtype, whose numbers are written as in a program."""
    if type(dtype) in INTEGERS:
        return _integer(str(dtype), *INTEGERS[type(dtype)])
    if dtype.is_float():
        return _number
    if isinstance(dtype, nw.Decimal):
        return _decimal(dtype.precision, dtype.scale)
    if dtype == nw.Boolean:
        return _boolean
    if pattern is not None:
        return _timed(dtype, pattern)
    if isinstance(dtype, (nw.Date, nw.Datetime, nw.Time)):
        return lambda text: check_iso(dtype, text)
    return None


def _integer(name: str, low: int, high: int) -> Callable[[str], object]:
    """Return the check of integers between two bounds."""

    def check(text: str) -> None:
        if _is_blank(text):
            return
        if re.fullmatch(r"[ \t]*[+-]?[0-9]+", text) is None or (low == 0 and "-" in text):
            raise ValueError(f"{name} takes whole numbers" + (" without a sign" if low == 0 and "-" in text else ""))
        digits = text.strip().lstrip("+-").lstrip("0")
        if len(digits) > len(str(high)) or not low <= int(text) <= high:  # Python reads no number of any length
            raise ValueError(f"{name} takes {low} to {high}")

    return check


def _number(text: str) -> None:
    """Raise ValueError where the text is no number: to the reader, Python's digit groups are none, nor are blanks behind one."""
    if _is_blank(text):
        return
    if "_" in text or text[-1].isspace():
        raise ValueError("a number has no underscores, and no blanks behind it")
    bare = text.lstrip(_BLANKS)
    float(bare if bare.isascii() and not bare[0].isspace() else f"{text}?")  # Python reads other digits and blanks, too


def _decimal(precision: int, scale: int) -> Callable[[str], object]:
    """Return the check of decimals, of which more places than they have are rounded."""
    places, most = Decimal(1).scaleb(-scale), Decimal(1).scaleb(precision - scale)

    def check(text: str) -> None:
        if _DECIMAL.fullmatch(text) is None:
            raise ValueError(f"a decimal is written as 12.34, got {text!r}")
        number = Decimal(text)
        if number and (number.adjusted() > precision or abs(number.quantize(places, ROUND_HALF_EVEN, Context(prec=200))) >= most):
            raise ValueError(f"it has at most {precision - scale} digits before its fraction")

    return check


def _timed(dtype: DType, pattern: str) -> Callable[[str], object]:
    """Return the check of dates and times that are written by a pattern."""

    def check(text: str) -> None:
        if isinstance(dtype, nw.Datetime) and "%f" in pattern:
            check_digits(text, dtype.time_unit)
        moment = moment_of(text, pattern)
        if isinstance(dtype, nw.Datetime) and dtype.time_unit == "ns":
            check_nanoseconds(moment)

    return check


def _is_blank(text: str) -> bool:
    """Whether there are only blanks, which the reader takes for a missing number."""
    return not text.strip(_BLANKS)


def _boolean(text: str) -> None:
    """Raise ValueError where the text is no truth value."""
    if text.lower() not in ("true", "false"):
        raise ValueError("Boolean takes true and false")
