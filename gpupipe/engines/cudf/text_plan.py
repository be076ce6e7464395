"""Which text is read on the device, and as what: decided before a byte is read, and without a word of cuDF's.

The device reads what it can read exactly as the host's reader does, and nothing else. What stands in the text is looked at as it is read:
where a value or a row is not of the plain forms that `text_values` and `text_cut` know, they raise `NotPlainError`, and the host
reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.ends import FileScan
from gpupipe.core.schema import Schema

NUMBERS = (
    *(nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64),
    *(nw.Float32, nw.Float64, nw.Boolean),
)
_KNOWN_OPTIONS = frozenset(("names", "header", "separator", "quote", "null_values", "formats"))
WIDTHS = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}
_SHORT = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M"}
_TIMES: tuple[list[str], ...] = ([], ["%H", "%M"], ["%H", "%M", "%S"])
ISO_DATE = "%Y-%m-%d"


class NotPlainError(Exception):
    """The text holds something that the device does not read exactly as the host's reader does; the message says what."""


@dataclass(frozen=True)
class TextColumn:
    """One column to be read.

    Parameters
    ----------
    position
        Which field of a row it is.
    dtype
        Its planned dtype.
    pattern
        How a date or time is written, as parts; None for ISO 8601 in whatever precision the first value has, and for other dtypes.
    """

    name: str
    position: int
    dtype: DType
    pattern: tuple[str, ...] | None = None


def text_not_on_device(scan: FileScan, needed: Schema) -> str | None:
    """Return why text is not read on the device, or None where that is tried.

    Examples
    --------
    >>> text_not_on_device(FileScan("ndjson", ("a.json",), Schema.of_names({"a": nw.Int8()})), Schema.of_names({"a": nw.Int8()}))
    'ndjson is read on the host'
    """
    if scan.format != "csv":
        return f"{scan.format} is read on the host"
    if scan.rows is not None or not all(isinstance(path, str) for path in scan.paths):
        return "parts of files are read on the host"
    if not len(needed):
        return "text of which no column is needed is read on the host, which counts its rows"
    reasons = (_no_dialect(scan.options), *(_no_column(scan, name, field.dtype) for name, field in needed.items()))
    return next((reason for reason in reasons if reason is not None), None)


def _no_dialect(options: Mapping[str, Any]) -> str | None:
    """Return why delimited text is not read on the device, whatever its columns are."""
    unknown = sorted(set(options) - _KNOWN_OPTIONS)
    if unknown:
        return f"text whose {unknown[0]} are written in another way is read on the host"
    quote = options["quote"]
    if quote is not None and any(quote in text for text in options["null_values"]):
        return "text with the quote character in a null value is read on the host"
    return None


def _no_column(scan: FileScan, name: str, dtype: DType) -> str | None:
    """Return why one column is not read on the device."""
    pattern = dict(scan.options.get("formats", ())).get(name)
    if isinstance(dtype, nw.Date) or (isinstance(dtype, nw.Datetime) and dtype.time_zone is None):
        if pattern is None or pattern_parts(pattern, dtype) is not None:
            return None
        return f"column {name!r} is written as {pattern}, which the host's reader reads"
    if pattern is not None or not isinstance(dtype, (*NUMBERS, nw.String)):
        return f"column {name!r} of {dtype} is read on the host"
    return None


def pattern_parts(pattern: str, dtype: DType) -> tuple[str, ...] | None:
    """Return the parts of a format of fixed width, each a directive or one other character; None where it has parts of another kind.

    Examples
    --------
    >>> pattern_parts("%m/%Y", nw.Date()), pattern_parts("%b %Y", nw.Date())
    (('%m', '/', '%Y'), None)
    """
    for short, long in _SHORT.items():
        pattern = pattern.replace(short, long)
    letters = iter(pattern)
    parts = [letter + next(letters, "") if letter == "%" else letter for letter in letters]
    given = [part for part in parts if part.startswith("%")]
    return tuple(parts) if pattern.isascii() and all(part in WIDTHS for part in given) and _is_whole(given, dtype) else None


def _is_whole(given: list[str], dtype: DType) -> bool:
    """Whether directives say a day, or a month, and a time of day where the dtype has one, each of them once."""
    if len(set(given)) != len(given) or not {"%Y", "%m"} <= set(given):
        return False
    times = [part for part in ("%H", "%M", "%S") if part in given]
    return times in _TIMES and (isinstance(dtype, nw.Datetime) or not times)


def text_columns(scan: FileScan, needed: Schema) -> tuple[TextColumn, ...]:
    """Return the columns to be read, in the order they are needed."""
    formats = dict(scan.options.get("formats", ()))
    names: list[str] = list(scan.options["names"])
    made: list[TextColumn] = []
    for name, field in needed.items():
        dtype, pattern = field.dtype, formats.get(name)
        if pattern is None and isinstance(dtype, nw.Date):
            pattern = ISO_DATE
        parts = None if pattern is None else pattern_parts(pattern, dtype)
        made.append(TextColumn(name, names.index(name), dtype, parts))
    return tuple(made)


def null_texts(scan: FileScan) -> tuple[bytes, ...]:
    """Return the texts that mean a missing value, but for the empty one."""
    return tuple(text.encode() for text in scan.options["null_values"] if text)


def quoted_empty_is_null(scan: FileScan) -> bool:
    """Whether two quotes with nothing between mean a missing text; without quotes, an empty field always does."""
    return "" in scan.options["null_values"]


def dialect_bytes(scan: FileScan) -> tuple[int, int | None]:
    """Return the bytes of the separator and of the quote character, if there is one."""
    quote: Any = scan.options["quote"]
    return ord(scan.options["separator"]), None if quote is None else ord(quote)
