"""Texts as numbers, truth values, dates and times, for a whole column at one time, one character of each after the other.

What comes out is what the host's reader makes of the same text. Each function knows the plain forms of its dtype; where a text is of
another, which that reader may take (`` 1``) or refuse (``1x``), it raises `NotPlainError`. The arrays are CuPy's on a device and NumPy's in
tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.engines.cudf.decimals import MOST_DIGITS, nearest_floats
from gpupipe.engines.cudf.text_plan import WIDTHS, NotPlainError

_LONGEST_INTEGER, _LONGEST_FLOAT = 20, 40
_MOST_POWER_DIGITS = 5
_MINUS, _PLUS, _POINT, _ZERO, _LOWER = 45, 43, 46, 48, 32
_WORDS = {b"nan": np.nan, b"inf": np.inf, b"+inf": np.inf, b"-inf": -np.inf, b"infinity": np.inf, b"-infinity": -np.inf}
_TICKS = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAYS_BEFORE = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_IN = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_NANOSECOND_YEARS = (1678, 2261)


@dataclass(frozen=True)
class Texts:
    """One field of each row.

    Parameters
    ----------
    xp
        NumPy or CuPy.
    text
        The bytes that it stands in, as UInt8.
    starts, lengths
        Where it begins, and how many bytes it has: none where it is missing.
    missing
        Where it means a missing value.
    """

    xp: Any
    text: Any
    starts: Any
    lengths: Any
    missing: Any

    @classmethod
    def of(cls, xp: Any, text: Any, starts: Any, stops: Any, missing: Any) -> Texts:
        """Return the texts that begin and stop somewhere."""
        return cls(xp, text, starts, xp.where(missing, 0, stops - starts), missing)

    def longest(self, most: int) -> int:
        """Return the length of the longest text, which may be at most some bytes."""
        xp = self.xp
        found = int(xp.max(self.lengths)) if self.lengths.shape[0] else 0
        if found > most:
            raise NotPlainError(f"a value is {found} bytes long")
        return found

    def letters(self, n: int) -> Iterator[tuple[Any, Any]]:
        """Yield the first bytes of all texts, then the second ones, with which texts have one."""
        xp = self.xp
        for place in range(n):
            at = xp.minimum(self.starts + place, self.text.shape[0] - 1)
            yield self.text[at], self.lengths > place

    def refuse(self, wrong: Any, what: str) -> None:
        """Raise NotPlainError where there is a text that is wrong and not missing."""
        xp = self.xp
        if bool(xp.any(wrong & ~self.missing)):
            raise NotPlainError(f"a value is no plain {what}")


def equal_to(texts: Texts, word: bytes) -> Any:
    """Return which texts are a word."""
    same = texts.lengths == len(word)
    for letter, (found, _) in zip(word, texts.letters(len(word)), strict=True):
        same = same & (found == letter)
    return same


def parsed_integers(texts: Texts, dtype: str) -> Any:
    """Return texts such as ``-12`` as whole numbers; missing ones are 0.

    Examples
    --------
    >>> text = np.frombuffer(b"12-7", "uint8")
    >>> texts = Texts.of(np, text, np.array([0, 2]), np.array([2, 4]), np.array([False, False]))
    >>> parsed_integers(texts, "int8").tolist()
    [12, -7]
    """
    xp, limits = texts.xp, np.iinfo(dtype)
    number = xp.zeros(texts.lengths.shape, dtype=np.uint64)
    negative = signed = wrong = xp.zeros(texts.lengths.shape, dtype=bool)
    for place, (letter, is_there) in enumerate(texts.letters(texts.longest(_LONGEST_INTEGER))):
        if place == 0:
            negative = is_there & (letter == _MINUS)
            signed = negative | (is_there & (letter == _PLUS))
        counts = is_there & ~signed if place == 0 else is_there
        digit = letter - np.uint8(_ZERO)
        wrong = wrong | (counts & (digit > 9))
        number = xp.where(counts, number * np.uint64(10) + digit, number)
    n_digits = texts.lengths - signed
    largest = xp.where(negative, np.uint64(-limits.min), np.uint64(limits.max))
    wrong = wrong | (n_digits < 1) | (n_digits > MOST_DIGITS) | (number > largest)
    texts.refuse(wrong | (negative & (limits.min == 0)), dtype)
    return xp.where(negative, np.uint64(0) - number, number).astype(np.int64).astype(dtype) if limits.min else number.astype(dtype)


def parsed_floats(texts: Texts, dtype: str) -> Any:
    """Return texts such as ``-1.5e3`` as the floats nearest to them; missing ones are 0."""
    xp = texts.xp
    n_letters = texts.longest(_LONGEST_FLOAT)
    state = _Decimal(xp, texts.lengths.shape)
    for place, (letter, is_there) in enumerate(texts.letters(n_letters)):
        state.take(letter, is_there, is_first=place == 0)
    wrong = state.wrong | (state.n_digits < 1) | (state.has_power & (state.n_power < 1))
    words = xp.flatnonzero(wrong & ~texts.missing)
    power = xp.where(state.negative_power, -state.power, state.power) - state.n_behind
    values = nearest_floats(xp, state.number, power, dtype)
    values = xp.where(state.negative, -values, values)
    if words.shape[0]:
        values[words] = _words(_picked(texts, words), dtype)
    too_long = (state.n_kept > MOST_DIGITS) | (state.n_power > _MOST_POWER_DIGITS)
    too_long[words] = False
    texts.refuse(too_long, dtype)
    return values


class _Decimal:
    """What has been read of texts that are decimal numbers."""

    def __init__(self, xp: Any, shape: tuple[int, ...]) -> None:
        self.xp = xp
        self.number = xp.zeros(shape, dtype=np.uint64)
        self.power, self.n_digits, self.n_kept, self.n_behind, self.n_power = (xp.zeros(shape, dtype=np.int64) for _ in range(5))
        self.negative, self.has_point, self.has_power, self.negative_power, self.began_power, self.wrong = (
            xp.zeros(shape, dtype=bool) for _ in range(6)
        )

    def take(self, letter: Any, is_there: Any, *, is_first: bool) -> None:
        """Take the next character of each text."""
        xp = self.xp
        digit = letter - np.uint8(_ZERO)
        is_digit = is_there & (digit <= 9)
        in_power = is_digit & self.has_power
        in_number = is_digit & ~self.has_power
        is_sign = is_there & ((letter == _MINUS) | (letter == _PLUS)) & (self.began_power | is_first)
        is_point = is_there & (letter == _POINT) & ~self.has_point & ~self.has_power
        is_power = is_there & ((letter | np.uint8(_LOWER)) == ord("e")) & ~self.has_power & (self.n_digits > 0)
        self.wrong |= is_there & ~(is_digit | is_sign | is_point | is_power)
        self.negative |= is_sign & ~self.has_power & (letter == _MINUS)
        self.negative_power |= is_sign & self.has_power & (letter == _MINUS)
        self.began_power = is_power
        self.number = xp.where(in_number, self.number * np.uint64(10) + digit, self.number)
        self.power = xp.where(in_power & (self.n_power < _MOST_POWER_DIGITS), self.power * 10 + digit, self.power)
        self.n_kept = self.n_kept + (in_number & ((self.n_kept > 0) | (digit > 0)))
        self.n_digits = self.n_digits + in_number
        self.n_behind = self.n_behind + (in_number & self.has_point)
        self.n_power = self.n_power + in_power
        self.has_point |= is_point
        self.has_power |= is_power


def _picked(texts: Texts, places: Any) -> Texts:
    """Return some of the texts."""
    return Texts(texts.xp, texts.text, texts.starts[places], texts.lengths[places], texts.missing[places])


def _words(texts: Texts, dtype: str) -> Any:
    """Return the values of the words for what is no number, or is infinite."""
    xp = texts.xp
    values = xp.zeros(texts.lengths.shape, dtype=dtype)
    known = xp.zeros(texts.lengths.shape, dtype=bool)
    for word, value in _WORDS.items():
        same = _equal_to_any_case(texts, word)
        values = xp.where(same, xp.asarray(value, dtype=dtype), values)
        known = known | same
    texts.refuse(~known, dtype)
    return values


def _equal_to_any_case(texts: Texts, word: bytes) -> Any:
    """Return which texts are a word in lower or upper case."""
    same = texts.lengths == len(word)
    for letter, (found, _) in zip(word, texts.letters(len(word)), strict=True):
        same = same & ((found == letter) | (found == ord(bytes([letter]).upper())))
    return same


def parsed_booleans(texts: Texts) -> Any:
    """Return ``true`` and ``false``, in any case, as truth values; missing ones are False."""
    true, false = _equal_to_any_case(texts, b"true"), _equal_to_any_case(texts, b"false")
    texts.refuse(~(true | false), "truth value")
    return true


def parsed_times(texts: Texts, parts: tuple[str, ...], unit: str) -> Any:
    """Return texts of one fixed form as whole numbers since 1970; missing ones are any.

    Parameters
    ----------
    parts
        The form: directives and other characters, and ``"%f"`` for the digits of a fraction of a second, three for each.
    unit
        Of the numbers: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.

    Examples
    --------
    >>> texts = Texts.of(np, np.frombuffer(b"02/1970", "uint8"), np.array([0]), np.array([7]), np.array([False]))
    >>> parsed_times(texts, ("%m", "/", "%Y"), "s").tolist()
    [2678400]
    """
    xp = texts.xp
    n_letters = sum(_width(part) for part in parts)
    wrong = texts.lengths != n_letters
    letters = texts.letters(n_letters)
    fields: dict[str, Any] = {}
    for part in parts:
        if not part.startswith("%"):
            wrong = wrong | (next(letters)[0] != ord(part))
            continue
        number = fields.get(part, xp.zeros(texts.lengths.shape, dtype=np.int64))
        for _ in range(_width(part)):
            digit = next(letters)[0] - np.uint8(_ZERO)
            wrong = wrong | (digit > 9)
            number = number * 10 + digit
        fields[part] = number
    days, odd = _days(xp, fields, _NANOSECOND_YEARS if unit == "ns" else (1, 9999))
    hour, minute, second = (fields.get(part, 0) for part in ("%H", "%M", "%S"))
    texts.refuse(wrong | odd | (hour > 23) | (minute > 59) | (second > 59), "date or time")
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
    ticks = _TICKS.get(unit, 1)
    return seconds * ticks + fields.get("%f", 0) * (ticks // 10 ** (3 * parts.count("%f")))


def _days(xp: Any, fields: dict[str, Any], years: tuple[int, int]) -> tuple[Any, Any]:
    """Return the days since 1970 of the Gregorian calendar, and where there is no such day, or none in those years."""
    year, month, day = fields["%Y"], fields["%m"], fields.get("%d", 1)
    odd = (year < years[0]) | (year > years[1]) | (month < 1) | (month > 12) | (day < 1)
    month = xp.clip(month, 1, 12)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    odd = odd | (day > xp.asarray(_DAYS_IN)[month] + (leap & (month == 2)))
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400 - 719_163
    return days + xp.asarray(_DAYS_BEFORE)[month] + (leap & (month > 2)) + day, odd


def _width(part: str) -> int:
    """Return how many characters a part of a form takes."""
    return 3 if part == "%f" else WIDTHS.get(part, 1)


def iso_form(texts: Texts, unit: str) -> tuple[str, ...] | None:
    """Return the form of the first time, where that is one of ISO 8601's; None where all are missing.

    Raises
    ------
    NotPlainError
        It is of another form, or has more digits of a second than the unit.
    """
    xp = texts.xp
    there = xp.flatnonzero(~texts.missing)[:1]
    if not there.shape[0]:
        return None
    start, length = int(texts.starts[there][0]), int(texts.lengths[there][0])
    day = ("%Y", "-", "%m", "-", "%d")
    fractions = (length - 20) // 3 if length > 19 else 0
    if length not in (10, 19, 23, 26, 29) or fractions > ("ms", "us", "ns").index(unit) + 1:
        raise NotPlainError("a value is no plain date or time")
    if length == 10:
        return day
    between = chr(int(texts.text[start + 10]))
    if between not in "T ":
        raise NotPlainError("a value is no plain date or time")
    second = (*day, between, "%H", ":", "%M", ":", "%S")
    return second if not fractions else (*second, ".", *["%f"] * fractions)
