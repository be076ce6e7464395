"""Which dtype suits a column of text: one that takes every text of the sample, and keeps all its digits."""

from __future__ import annotations

import re
from typing import Literal

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.compute as pc
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.iso import ISO_TIME
from gpupipe.core.number_text import NumberText

_FEW = 256  # texts that Python looks at sooner than Arrow has begun
_USUAL = re.compile("-?(?:0|[1-9][0-9]{0,14})([.][0-9]+)?")  # numbers without anything to think about
_EXACT = 2**53  # whole numbers up to here are exact as Float64
_WHOLE = r"^\s*[+-]?[0-9]+$"
_CODE = r"^\s*[+-]?0[0-9]+$"  # zeros before a number are a part of a code
_LONG = r"^\s*[+-]?[0-9]{16,}$"
_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME = ISO_TIME.replace(r"\s*", "")
_ZONE = "(Z|[+-][0-9]{2}:?[0-9]{2})$"
_FINER = "[.][0-9]{6}[0-9]*[1-9]"  # than a microsecond


def guessed(texts: pa.ChunkedArray, numbers: NumberText) -> DType:
    """Return Int64, UInt64, Float64, Boolean, Date, Datetime, or else String, whichever takes all texts that are there.

    Examples
    --------
    >>> [guessed(pa.chunked_array([texts]), NumberText()) for texts in (["1", None], ["1", "2.5"], ["007"], ["4 "], ["true"])]
    [Int64, Float64, String, String, Boolean]
    """
    usual = _usual(texts) if len(texts) <= _FEW and numbers.is_plain else None
    if usual is not None:
        return usual
    there = texts.drop_null()
    if not len(there):
        return nw.String()
    if _all(there, "^(?i:true|false)$"):
        return nw.Boolean()
    if _all(there, numbers.pattern):
        return _number(there, numbers)
    if _all(there, _DAY):
        return nw.Date() if _becomes(there, pa.date32()) else nw.String()
    return _time(there) if _all(there, _TIME) else nw.String()


def _usual(texts: pa.ChunkedArray) -> DType | None:
    """Return the dtype of a few numbers without anything to think about; None where they are something else."""
    found = [_USUAL.fullmatch(text) for text in texts.to_pylist() if text is not None]
    if not found or None in found:
        return None
    return nw.Float64() if any(one is not None and one[1] for one in found) else nw.Int64()


def _number(texts: pa.ChunkedArray, numbers: NumberText) -> DType:
    """Return the dtype of numbers; texts where no number keeps their digits."""
    if numbers.thousands is not None:
        texts = pc.replace_substring(texts, numbers.thousands, "")
    if _any(texts, _CODE):
        return nw.String()
    is_long = _any(texts, _LONG)
    if _all(texts, _WHOLE):
        if not is_long:
            return nw.Int64()
        plain = pc.utf8_ltrim(pc.utf8_trim_whitespace(texts), "+")
        return nw.Int64() if _becomes(plain, pa.int64()) else nw.UInt64() if _becomes(plain, pa.uint64()) else nw.String()
    long = texts.filter(pc.match_substring_regex(texts, _LONG)).to_pylist() if is_long else []
    if any(len(text.strip()) > 18 or abs(int(text)) > _EXACT for text in long):
        return nw.String()
    return nw.Float64()


def _time(texts: pa.ChunkedArray) -> DType:
    """Return the dtype of times as ISO 8601 writes them; texts where some have a time zone and some have none, or are no time."""
    has_zone = pc.match_substring_regex(texts, "[0-9]:.*" + _ZONE)
    if pc.any(has_zone).as_py() and not pc.all(has_zone).as_py():
        return nw.String()
    zone = "UTC" if pc.any(has_zone).as_py() else None
    unit: Literal["us", "ns"] = "ns" if _any(texts, _FINER) else "us"
    if unit == "us":
        texts = pc.replace_substring_regex(texts, "([.][0-9]{6})0+", r"\1")
    return nw.Datetime(unit, zone) if _becomes(texts, pa.timestamp(unit, zone)) else nw.String()


def _all(texts: pa.ChunkedArray, pattern: str) -> bool:
    """Whether all texts are of a pattern; the first one tells most that they are not."""
    found = re.compile(pattern)
    if found.match(texts[0].as_py()) is None:
        return False
    if len(texts) <= _FEW:
        return all(found.match(text) for text in texts.to_pylist())
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _any(texts: pa.ChunkedArray, pattern: str) -> bool:
    """Whether a text is of a pattern, or holds what is."""
    if len(texts) <= _FEW:
        found = re.compile(pattern)
        return any(found.search(text) for text in texts.to_pylist())
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _becomes(texts: pa.ChunkedArray, kind: pa.DataType) -> bool:
    """Whether Arrow takes all texts for values of a type."""
    try:
        texts.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
