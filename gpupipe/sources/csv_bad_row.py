"""Which row of a delimited file is wrong, and why: the slow look after a reader failed or the counts did not agree."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from gpupipe.core.errors import ColumnError, SourceError, listing, nearest
from gpupipe.sources.csv_text import CsvField, CsvRecord, Dialect, Grammar, Records, without_newline
from gpupipe.sources.csv_walk import Sound, walk
from gpupipe.sources.packed_text import Source, opened, origin

_CUT = 200
_BLOCK_BYTES = 1 << 20
MEND_QUOTE = (
    "Double the quotes inside the field; or pass inner_quotes='keep' to keep those that no separator follows, quote=None if quotes mean "
    "nothing here, escape='\\\\' if a backslash stands before them, or quarantine='some/folder' to put such rows aside."
)
MEND_LENGTH = (
    "Mend or remove the row, check the separator and the quote character, or pass ragged='fill' to fill short rows with missing values, "
    "or quarantine='some/folder' to put such rows aside."
)
MEND_VALUE = "Mend the value, or give the column another dtype."
_WIDEN = (
    "Short rows are filled, but nothing is cut: to keep all fields, pass header=False, skip_rows=... and as many names as the longest row "
    "has fields, or quarantine='some/folder' to put longer ones aside."
)


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
        The row as it stands in the file, cut after 200 characters; bytes that are not UTF-8 are written ``\\xff``.
    column, value
        Of a value that its column refuses; else None.
    reason
        What was expected and what came.
    remedy
        What to do.
    is_unreadable
        Whether the row cannot be read at all: its quote never closes, or it is no UTF-8.
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
    is_unreadable: bool = False


@dataclass(frozen=True)
class Expectation:
    """What each row is held to; `checks` goes by the field's position."""

    dialect: Dialect
    grammar: Grammar
    n_fields: int
    names: tuple[str, ...] = ()
    checks: Mapping[int, Callable[[str], object]] | None = None
    null_values: Collection[str] = ()


def first_bad_row(
    source: Source,
    dialect: Dialect,
    checks: Mapping[str, Callable[[str], object]] | None = None,
    *,
    names: Sequence[str] | None = None,
    n_columns: int | None = None,
    null_values: Collection[str] = ("",),
) -> BadRow | None:
    r"""Return the first row that is too short or long, not UTF-8, never closes a quote, has text behind one, or holds a refused value.

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
    grammar = Grammar.of(dialect)
    with opened(source, dialect.encoding, dialect.max_unpacked) as stream:
        found = Records(stream, grammar, origin(source), _BLOCK_BYTES)
        start = first_of(found, dialect)
        if start is None:
            return None
        known = tuple(names) if names else _texts(grammar.split(start.raw)) if dialect.header and start.closed else ()
        n_fields = n_columns or len(known) or grammar.count(start.raw)
        expected = Expectation(dialect, grammar, n_fields, known, _by_position(checks or {}, known), null_values)
        row_number = 0 if dialect.header else 1
        if (bad := fault(start, row_number, expected)) is not None:
            return bad
        for part in walk(found, grammar, n_fields) if not checks else found:
            if isinstance(part, Sound):
                row_number += part.n_rows
            elif not part.is_blank:
                row_number += 1
                if (bad := fault(part, row_number, expected)) is not None:
                    return bad
    return None


def first_of(found: Records, dialect: Dialect) -> CsvRecord | None:
    """Return the header, or the first row where there is none; what is to be skipped is taken, and so are blank lines."""
    for _ in range(dialect.skip_rows):
        found.next()
    while (record := found.next()) is not None and record.is_blank:
        pass
    return record


def raise_bad_row(bad: BadRow, name: str, hint: str = "") -> NoReturn:
    r"""Raise a bad row as an error; `name` is what the message calls the file, and `hint` comes before what to do.

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
    raise SourceError(f"{name}, line {bad.line_number} ({row}){column}: {value}{reason}: {bad.content!r}. {hint}{bad.remedy}")


def fault(record: CsvRecord, row_number: int, expected: Expectation) -> BadRow | None:
    """Return what is wrong with a record, where something is that its dialect does not live with."""
    if expected.dialect.aside and row_number and record.closed:
        return None  # it is put aside, whatever is wrong with it
    if (bad := unreadable(record, row_number, expected)) is not None:
        return bad
    parts = list(expected.grammar.parts(record.raw))
    if (bad := misfit(record, parts, row_number, expected)) is not None:
        return bad
    return _refused(record, parts, row_number, expected) if expected.checks and row_number else None


def unreadable(record: CsvRecord, row_number: int, expected: Expectation) -> BadRow | None:
    """Return why a record cannot be read at all: its quote never closes, or it is no UTF-8."""
    if not record.closed:
        if expected.grammar.quote is not None and expected.grammar.quote in record.raw:
            reason = "expected each quote to be closed, got one that is still open at the end or after 64 MiB"
            remedy = "Close the quote, check the quote character, or pass quote=None if quotes mean nothing here."
        else:
            reason, remedy = "expected rows of less than 64 MiB, got a longer one", "Check that the file is delimited text."
        return replace(bad_row(record, row_number, expected, reason, remedy), is_unreadable=True)
    if not record.raw.isascii():
        try:
            record.raw.decode()
        except UnicodeDecodeError as error:
            reason = f"expected UTF-8 text, got the byte 0x{record.raw[error.start]:02x} at position {error.start + 1}"
            remedy = "Pass the encoding that the file is written in, such as encoding='latin-1' or 'cp1252'."
            return replace(bad_row(record, row_number, expected, reason, remedy), is_unreadable=True)
    return None


def misfit(record: CsvRecord, parts: Sequence[CsvField], row_number: int, expected: Expectation) -> BadRow | None:
    """Return why a record, of these fields, is no row of the table: it has another length, or text behind a closing quote.

    Where short rows are filled, those are none of them, and neither are long ones whose last fields are empty.
    """
    grammar, got = expected.grammar, len(parts)
    if grammar.quote is not None and grammar.quote in record.raw and any(part.is_stray for part in parts):
        reason = "expected a separator behind the closing quote of a field, got other text"
        return bad_row(record, row_number, expected, reason, MEND_QUOTE)
    if got == expected.n_fields:
        return None
    if expected.dialect.ragged == "fill" and row_number and not any(part.value for part in parts[expected.n_fields :]):
        return None
    remedy = _WIDEN if expected.dialect.ragged == "fill" and row_number else MEND_LENGTH
    return bad_row(record, row_number, expected, f"expected {expected.n_fields} fields, got {got}", remedy)


def bad_row(record: CsvRecord, row_number: int, expected: Expectation, reason: str, remedy: str) -> BadRow:
    """Return a record as a bad row."""
    content = without_newline(record.raw[: 4 * _CUT + 2]).decode(errors="backslashreplace")[:_CUT]
    got = expected.grammar.count(record.raw) if record.closed else 0
    return BadRow(row_number, record.line_number, content, expected.n_fields, got, None, None, reason, remedy)


def _refused(record: CsvRecord, parts: Sequence[CsvField], row_number: int, expected: Expectation) -> BadRow | None:
    for position, check in (expected.checks or {}).items():
        value = parts[position].value.decode() if position < len(parts) else ""
        if value in expected.null_values or (position < len(parts) and parts[position].raw.decode() in expected.null_values):
            continue
        try:
            check(value)
        except (ValueError, TypeError, ArithmeticError) as error:
            bad = bad_row(record, row_number, expected, str(error) or type(error).__name__, MEND_VALUE)
            return replace(bad, column=expected.names[position], value=value)
    return None


def _by_position(checks: Mapping[str, Callable[[str], object]], names: tuple[str, ...]) -> dict[int, Callable[[str], object]]:
    for column in checks:
        if column not in names:
            raise ColumnError(f"No column {column!r} to check; the file has {listing(names)}.{nearest(column, names)}")
    return {names.index(column): check for column, check in checks.items()}


def _texts(fields: list[bytes]) -> tuple[str, ...]:
    return tuple(field.decode(errors="backslashreplace") for field in fields)
