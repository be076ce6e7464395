"""Dates and times as ISO 8601 writes them, which is how they stand in text where nothing else is said."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import narwhals.stable.v2 as nw
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.time_text import moment_of

_DAY, _TWO = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}"
ISO_TIME = rf"^\s*({_DAY}(?:[T ]{_TWO}:{_TWO}(?::{_TWO}(?:[.][0-9]{{1,9}})?)?)?)(Z|[+-]{_TWO}:?{_TWO})?\s*$"  # Rust reads it as Python does
_DIGITS = {"ms": 3, "us": 6, "ns": 9}
_FORMS = {10: "%Y-%m-%d", 16: "%Y-%m-%d %H:%M"}
_DAY_SIGNS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_iso(dtype: DType, text: str) -> None:
    """Raise ValueError where a text is no date, or no time, that a column of the dtype takes.

    Examples
    --------
    >>> check_iso(nw.Datetime("us"), "2020-02-28 23:59:59.123")
    >>> check_iso(nw.Datetime("us"), "28/02/2020 23:59")
    Traceback (most recent call last):
    ValueError: a time is written as 2020-12-31 23:59:59
    """
    if dtype == nw.Date:
        moment_of(text, "%Y-%m-%d", "a date is written as 2020-12-31")
        return
    if dtype == nw.Time:
        otherwise = "a time of day is written as 23:59:59"
        if moment_of(text, "%H:%M:%S.%f", otherwise).day != 1:  # a second behind 23:59:59
            raise ValueError(otherwise)
        return
    found = re.match(ISO_TIME, text)
    if found is None or (found[2] and len(found[1]) == _DAY_SIGNS):
        raise ValueError("a time is written as 2020-12-31 23:59:59")
    if found[2] and getattr(dtype, "time_zone", None) is None:
        raise ValueError('it has a time zone; declare a dtype that has one, such as Datetime("us", "UTC")')
    check_digits(found[1], str(getattr(dtype, "time_unit", "ns")))
    zone = "" if found[2] in (None, "Z") else found[2]
    moment = moment_of(
        f"{found[1][:26].replace('T', ' ')}{zone}", _FORMS.get(len(found[1]), "%Y-%m-%d %H:%M:%S.%f") + ("%z" if zone else "")
    )
    if getattr(dtype, "time_unit", None) == "ns":
        check_nanoseconds(moment, found[1][26:])


def finer_than(unit: str) -> str:
    """Return the regular expression of a time with more digits of a second than a unit holds; zeros at the end are none.

    Examples
    --------
    >>> [bool(re.search(finer_than("us"), text)) for text in ("10:00:00.1234567", "10:00:00.1234560")]
    [True, False]
    """
    return rf"[.][0-9]{{{_DIGITS[unit]}}}[0-9]*[1-9]"


def check_digits(text: str, unit: str) -> None:
    """Raise ValueError where a time has more digits of a second than its unit holds.

    Examples
    --------
    >>> check_digits("2020-01-01 10:00:00.1234567", "us")
    Traceback (most recent call last):
    ValueError: Datetime("us") holds 6 digits of a second; declare Datetime("ns"), or String
    """
    if re.search(finer_than(unit), text):
        finer = 'declare Datetime("ns"), or String' if unit != "ns" else "declare String"
        raise ValueError(f'Datetime("{unit}") holds {_DIGITS[unit]} digits of a second; {finer}')


def check_nanoseconds(moment: datetime, digits: str = "") -> None:
    """Raise ValueError where a time lies outside what 64 bits of nanoseconds hold; `digits` are those behind its microseconds.

    Examples
    --------
    >>> check_nanoseconds(datetime(2262, 4, 11, 23, 47, 16, 854_775), "807")
    """
    passed = moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH
    if not -(2**63) < passed // timedelta(microseconds=1) * 1000 + int(digits.ljust(3, "0")) < 2**63:
        raise ValueError('Datetime("ns") takes 1677-09-21 00:12:43.145224193 to 2262-04-11 23:47:16.854775807')
