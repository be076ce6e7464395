"""Dates and times written by a pattern: which texts are read, as the readers' own parser (Rust's chrono) has it.

It differs from Python's: a number has up to as many digits as its place, with or without blanks before it, a blank of the pattern stands
for any number of blanks, a minute may have 61 seconds, and a fraction of a second may be missing.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_ZONE = r"\s*(?P<z>[+-][0-9]{2}:?[0-9]{2})"
_FRACTION = "(?:[.](?P<f>[0-9]+))?"
_UNIX = date(1970, 1, 1)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return the regular expression of a pattern of numbers; None where it has something else, such as names of months."""
    least = "" if "%m" in pattern and "%d" not in pattern else "1,"  # where the reader adds a day, it takes numbers of full length
    made, at = "", 0
    for found in re.finditer(r"[.]%f|%[.]f|%(.)|\s+", pattern):
        made += re.escape(pattern[at : found.start()])
        at = found.end()
        if found[0] in (".%f", "%.f"):
            made += _FRACTION
        elif found[1] is None:
            made += r"\s*"
        elif found[1] == "z":
            made += _ZONE
        elif found[1] in _DIGITS and f"(?P<{found[1]}>" not in made:
            made += rf"\s*(?P<{found[1]}>[0-9]{{{least}{_DIGITS[found[1]]}}}+)"
        else:
            return None
    return re.compile(made + re.escape(pattern[at:]))


def moment_of(text: str, pattern: str, otherwise: str = "") -> datetime:
    """Return about when a text is that is written by a pattern; what the pattern does not say is that of 1970-01-01.

    Parameters
    ----------
    otherwise
        What the error says of a text that is written in another way.

    Raises
    ------
    ValueError
        The text is not written so, or there is no such time.

    Examples
    --------
    >>> moment_of("3.2.2020", "%d.%m.%Y")
    datetime.datetime(2020, 2, 3, 0, 0)
    >>> moment_of("2020-02-30", "%Y-%m-%d")
    Traceback (most recent call last):
    ValueError: day ...
    """
    compiled = _compiled(pattern)
    if compiled is None:
        short = re.sub(r"([.][0-9]{6})[0-9]+", r"\1", text)  # Python reads six digits of a second, the reader nine
        return datetime.strptime(short, pattern)  # noqa: DTZ007 - a zone is a part of the pattern
    found = compiled.fullmatch(text)
    if found is None:
        raise ValueError(otherwise or f"time data {text!r} does not match format {pattern!r}")
    parts = found.groupdict()
    year, month, day = (int(parts.get(sign) or usual) for sign, usual in (("Y", _UNIX.year), ("m", _UNIX.month), ("d", _UNIX.day)))
    hour, minute, second = (int(parts.get(sign) or 0) for sign in "HMS")
    if hour == 24:
        raise ValueError("hour must be in 0..23")
    leap = second == 60  # which is the next minute's first
    micro = int((parts.get("f") or "")[:6].ljust(6, "0"))
    made = datetime(year, month, day, hour, minute, second - leap, micro) + timedelta(seconds=leap)  # noqa: DTZ001 - see below
    zone = parts.get("z")
    if zone is None:
        return made
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError("a time zone is less than a day away from UTC")
    shift = timedelta(hours=hours, minutes=minutes)
    return made.replace(tzinfo=timezone(-shift if zone[0] == "-" else shift) if shift else UTC)
