"""Which option would read a file better: other dialects are tried on its beginning, and told where one makes all rows even."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from gpupipe.core.errors import GpupipeError
from gpupipe.sources.csv_text import Dialect, Grammar, Records
from gpupipe.sources.packed_text import Source, opened

_HEAD_BYTES = 1 << 16
_MOST_ROWS = 200
_SEPARATORS = (",", ";", "\t", "|", ", ", "; ", " ", "::", "||")
_NUMBER = re.compile(r"\s*[+-]?([0-9][0-9.,]*|[.][0-9]+)([eE][+-]?[0-9]+)?\s*|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([T ].*)?")


def advice(source: Source, dialect: Dialect, n_fields: int) -> str:
    r"""Return the sentence that says which option would make the rows of a file's beginning even; "" where none is known.

    Examples
    --------
    >>> advice(b"a;b\n1;2,5\n", Dialect(), 1)
    "With separator=';' each of the first rows has 2 fields. "
    >>> advice(b"a,b\n1,2,\n3,4,\n", Dialect(), 2)
    'Each of the first rows has 3 fields and the header 2, so the header lacks a name: pass header=False, skip_rows=1, names=[...]. '
    """
    try:
        with opened(source, dialect.encoding, dialect.max_unpacked) as stream:
            text = stream.read(_HEAD_BYTES)
    except GpupipeError:  # whoever asks tells it
        return ""
    lengths = _lengths(text, dialect)
    for other, told in (*_others(dialect), (replace(dialect, inner_quotes="keep"), "inner_quotes='keep'")):
        if dialect.header and other.separator == dialect.separator and len(set(lengths[1:])) == 1 and lengths[1] > lengths[0] == n_fields:
            what = f"Each of the first rows has {lengths[1]} fields and the header {lengths[0]}, so the header lacks a name"
            return f"{what}: pass header=False, skip_rows={dialect.skip_rows + 1}, names=[...]. "
        width = _even_width(text, other)
        if width > 1 and _is_used(text, other, dialect):
            return f"With {told} each of the first rows has {width} fields. "
    return ""


def told_of_first_rows(text: bytes, dialect: Dialect, names: Sequence[str], name: str) -> list[str]:
    r"""Return what is to be told before a file is read: that it may have another separator, or no header.

    Examples
    --------
    >>> told_of_first_rows(b"1,2\n3,4\n", Dialect(), ["1", "2"], "a.csv")
    ["a.csv: the header's names are all numbers or dates ('1', '2'). If the file has no header, pass header=False."]
    """
    told = []
    if _even_width(text, dialect) == 1:
        for separator in _SEPARATORS[:4]:
            width = _even_width(text, replace(dialect, separator=separator)) if separator != dialect.separator else 0
            if width > 1:
                only = f"{name}: with separator={dialect.separator!r} there is one column, {names[0][:80]!r}"
                told.append(f"{only}; with separator={separator!r} there are {width} in each of the first rows.")
                break
    if dialect.header and names and not told and all(_NUMBER.fullmatch(text) for text in names):
        shown = ", ".join(repr(text) for text in names[:3]) + (", ..." if len(names) > 3 else "")
        told.append(f"{name}: the header's names are all numbers or dates ({shown}). If the file has no header, pass header=False.")
    return told


def _others(dialect: Dialect) -> Iterator[tuple[Dialect, str]]:
    """Yield other dialects, those with fewer changes first, and how each is written as options."""
    separators = [None, *(text for text in _SEPARATORS if text != dialect.separator)]
    quotes = ["", *(text for text in ('"', "'", None) if text != dialect.quote)]
    escapes = ["", *(text for text in ("\\",) if text != dialect.escape)]
    choices = sorted(
        product(separators, quotes, escapes), key=lambda one: (sum((one[0] is not None, one[1] != "", one[2] != "")), one[0] is None)
    )
    for separator, quote, escape in choices[1:]:  # the first one changes nothing
        changed: dict[str, Any] = {} if separator is None else {"separator": separator}
        changed |= {} if quote == "" else {"quote": quote}
        changed |= {"escape": escape} if escape else {}
        try:
            yield replace(dialect, **changed), " and ".join(f"{option}={value!r}" for option, value in changed.items())
        except GpupipeError:  # a separator that is the quote
            continue


def _is_used(text: bytes, other: Dialect, dialect: Dialect) -> bool:
    """Whether the text has what the other dialect knows of and this one does not."""
    if other.escape != dialect.escape and (other.escape or "").encode() not in text:
        return False
    if other.quote == dialect.quote or other.quote is None:
        return True
    fields = rb"(^|[\r\n]|%b)%b" % (re.escape(other.separator.encode()), re.escape(other.quote.encode()))
    return re.search(fields, text) is not None


def _even_width(text: bytes, dialect: Dialect) -> int:
    """Return how many fields each of the first records has; 0 where they differ, or there is only one."""
    lengths = _lengths(text, dialect, is_even=True)
    return lengths[0] if len(lengths) > 1 and len(set(lengths)) == 1 else 0


def _lengths(text: bytes, dialect: Dialect, *, is_even: bool = False) -> list[int]:
    """Return how many fields the first records have; none where one has text behind a closing quote.

    Parameters
    ----------
    is_even
        Whether only the first ones are wanted that differ.
    """
    grammar, lengths = Grammar.of(dialect), list[int]()
    is_whole = len(text) < _HEAD_BYTES
    try:
        found = Records(io.BytesIO(text), grammar, "")
    except GpupipeError:
        return []
    for _ in range(dialect.skip_rows):
        found.next()
    while len(lengths) < _MOST_ROWS and (record := found.next()) is not None:
        if not is_whole and not found.rest():
            break  # cut off
        if not record.closed:
            return []
        if not record.is_blank:
            parts = list(grammar.parts(record.raw))
            if any(part.is_stray for part in parts):
                return []
            lengths.append(len(parts))
            if is_even and lengths[-1] != lengths[0]:
                break
    return lengths
