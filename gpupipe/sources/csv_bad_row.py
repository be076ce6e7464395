"""Which row of a delimited file is wrong, and why: the slow look after a reader failed or the counts did not agree."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, NoReturn

import numpy as np

from gpupipe.core.errors import ColumnError, SourceError, listing, nearest
from gpupipe.sources.csv_inspect import places
from gpupipe.sources.csv_text import (
    MAX_RECORD_BYTES,
    Dialect,
    Grammar,
    Record,
    Source,
    opened,
    origin,
    records,
    whole_lines,
    without_newline,
)

_CUT = 200
_BLOCK_BYTES = 1 << 20
_QUOTES = "Quote the whole field and double the quotes inside, or read the file without a quote character."
_MEND = "Mend or remove the row, or check the separator and the quote character."


@dataclass(frozen=True)
class BadRow:
    r"""The first row that is wrong.

    Parameters
    ----------
    row_number
        Counts data rows from 1, without blank lines and comments; 0 is the header.
    line_number
        The physical line on which the row begins, from 1.
    content
        The row as it stands in the file, cut after 200 characters; bytes that are not UTF-8 are written ``\xff``.
    column, value
        Of a value that its column refuses; else None.
    reason
        What was expected and what came.
    remedy
        What to do.
    """

    row_number: int
    line_number: int
    content: str
    expected_fields: int
    got_fields: int
    column: str | None
    value: str | None
    reason: str
    remedy: str


@dataclass(frozen=True)
class _Expectation:
    """What each row is held to; `checks` goes by the field's position."""

    grammar: Grammar
    n_fields: int
    names: tuple[str, ...]
    checks: Mapping[int, Callable[[str], object]]
    null_values: Collection[str]


def first_bad_row(
    source: Source,
    dialect: Dialect,
    checks: Mapping[str, Callable[[str], object]] | None = None,
    *,
    names: Sequence[str] | None = None,
    n_columns: int | None = None,
    null_values: Collection[str] = ("",),
) -> BadRow | None:
    r"""Return the first row that is too short or long, not UTF-8, never closes a quote, or holds a refused value.

    A quote that stands in the middle of a field is no fault by itself, but many readers stumble over it; the first such row is
    returned when no row has another fault.

    Parameters
    ----------
    checks
        By column, a function that raises ValueError, TypeError or ArithmeticError on a text its dtype cannot take, such as
        ``int``. The first refused value is looked for in the order of the file.
    names
        The column names; by default the header's.
    n_columns
        Fields each row must have; by default as many as there are names, or as the first row has.
    null_values
        Texts that no check sees.

    Raises
    ------
    SourceError
        The file cannot be read.
    ColumnError
        A check is for a column that is not there.

    Examples
    --------
    >>> bad = first_bad_row(b"a,b\n1,2\n3\n", Dialect())
    >>> bad.row_number, bad.line_number, bad.content, bad.reason
    (2, 3, '3', 'expected 2 fields, got 1')
    >>> first_bad_row(b"a,b\n1,2\n3,x\n", Dialect(), {"b": int}).reason
    "invalid literal for int() with base 10: 'x'"
    """
    grammar, name = Grammar.of(dialect), origin(source)
    suspect: BadRow | None = None
    with opened(source) as stream:
        start = _start(records(stream, grammar, name), dialect)
        if start is None:
            return None
        known = tuple(names) if names else _texts(grammar.split(start.raw)) if dialect.header else ()
        n_fields = n_columns or len(known) or grammar.count(start.raw)
        expected = _Expectation(grammar, n_fields, known, _by_position(checks or {}, known), null_values)
        for row_number, record in _rows(stream, start, expected, 0 if dialect.header else 1):
            bad = _fault(record, row_number, expected)
            if bad is not None:
                return bad
            if suspect is None and grammar.has_stray_quote(record.raw):
                reason = "expected quotes around whole fields only, got one in the middle of a field"
                suspect = _bad_row(record, row_number, expected, reason, _QUOTES)
    return suspect


def raise_bad_row(bad: BadRow, name: str) -> NoReturn:
    r"""Raise a bad row as an error; `name` is what the message calls the file.

    Raises
    ------
    SourceError
        Always.

    Examples
    --------
    >>> raise_bad_row(first_bad_row(b"1,2\n3\n", Dialect(header=False)), "a.csv")
    Traceback (most recent call last):
    gpupipe.core.errors.SourceError: a.csv, line 2 (row 2): expected 2 fields, got 1: '3'. Mend or remove the row, ...
    """
    row = f"row {bad.row_number}" if bad.row_number else "header"
    column = "" if bad.column is None else f", column {bad.column!r}"
    value = "" if bad.value is None else f"expected a value of the column's dtype, got {bad.value!r} "
    reason = f"({bad.reason})" if value else bad.reason
    raise SourceError(f"{name}, line {bad.line_number} ({row}){column}: {value}{reason}: {bad.content!r}. {bad.remedy}")


def _start(found: Iterator[Record], dialect: Dialect) -> Record | None:
    """The header, or the first row where there is none."""
    return next((record for record in islice(found, dialect.skip_rows, None) if not record.is_blank), None)


def _rows(stream: BinaryIO, start: Record, expected: _Expectation, row_number: int) -> Iterator[tuple[int, Record]]:
    """The first record and those behind it with their row numbers, without blank ones and most of the sound ones."""
    yield row_number, start
    line_number, text = start.line_number + start.raw.count(b"\n"), b""
    for buffer, n_filled in whole_lines(stream, _BLOCK_BYTES):
        text += bytes(buffer[:n_filled])
        n_rows, n_bytes = _sound_part(text, expected)
        row_number += n_rows
        rest = text[n_bytes:]
        if not n_bytes:
            rest = b""
            for record in records(io.BytesIO(text), expected.grammar, "", line_number):
                if not record.closed and len(record.raw) < MAX_RECORD_BYTES:
                    rest = record.raw  # it may go on in the next block
                elif not record.is_blank:
                    row_number += 1
                    yield row_number, record
        line_number += text.count(b"\n") - rest.count(b"\n")
        text = rest
    for record in records(io.BytesIO(text), expected.grammar, "", line_number):
        row_number += 1
        yield row_number, record


def _sound_part(text: bytes, expected: _Expectation) -> tuple[int, int]:
    """How many rows a text begins with and how long they are, when it is sure that none has a fault; else 0 and 0."""
    n_each = expected.n_fields - 1
    found = None if n_each == 0 or expected.checks else places(text, expected.grammar)
    if found is None or not len(found[0]):
        return 0, 0
    newlines, separators = found
    n_rows, n_bytes = len(newlines), int(newlines[-1]) + 1
    separators = separators[: np.searchsorted(separators, n_bytes)]
    if len(separators) != n_each * n_rows:
        return 0, 0
    grid = separators.reshape(n_rows, n_each)
    if not (np.all(grid[:, -1] < newlines) and np.all(grid[1:, 0] > newlines[:-1])):
        return 0, 0
    if not text.isascii():
        try:
            text[:n_bytes].decode()
        except UnicodeDecodeError:
            return 0, 0
    return n_rows, n_bytes


def _fault(record: Record, row_number: int, expected: _Expectation) -> BadRow | None:
    if not record.closed:
        reason = "expected each quote to be closed, got one that is still open at the end or after 64 MiB"
        return _bad_row(record, row_number, expected, reason, "Close the quote, or check the quote character.")
    if not record.raw.isascii():
        try:
            record.raw.decode()
        except UnicodeDecodeError as error:
            reason = f"expected UTF-8 text, got the byte 0x{record.raw[error.start]:02x} at position {error.start + 1}"
            return _bad_row(record, row_number, expected, reason, "Convert the file to UTF-8.")
    got = expected.grammar.count(record.raw)
    if got != expected.n_fields:
        return _bad_row(record, row_number, expected, f"expected {expected.n_fields} fields, got {got}", _MEND)
    return _refused(record, row_number, expected) if expected.checks and row_number else None


def _refused(record: Record, row_number: int, expected: _Expectation) -> BadRow | None:
    fields = expected.grammar.split(record.raw)
    for position, check in expected.checks.items():
        value = fields[position].decode()
        if value in expected.null_values:
            continue
        try:
            check(value)
        except (ValueError, TypeError, ArithmeticError) as error:
            column = expected.names[position]
            remedy = "Mend the value, or give the column another dtype."
            return _bad_row(record, row_number, expected, str(error) or type(error).__name__, remedy, column, value)
    return None


def _bad_row(
    record: Record,
    row_number: int,
    expected: _Expectation,
    reason: str,
    remedy: str,
    column: str | None = None,
    value: str | None = None,
) -> BadRow:
    content = without_newline(record.raw[: 4 * _CUT + 2]).decode(errors="backslashreplace")[:_CUT]
    got = expected.grammar.count(record.raw)
    return BadRow(row_number, record.line_number, content, expected.n_fields, got, column, value, reason, remedy)


def _by_position(checks: Mapping[str, Callable[[str], object]], names: tuple[str, ...]) -> dict[int, Callable[[str], object]]:
    for column in checks:
        if column not in names:
            raise ColumnError(f"No column {column!r} to check; the file has {listing(names)}.{nearest(column, names)}")
    return {names.index(column): check for column, check in checks.items()}


def _texts(fields: list[bytes]) -> tuple[str, ...]:
    return tuple(field.decode(errors="backslashreplace") for field in fields)
