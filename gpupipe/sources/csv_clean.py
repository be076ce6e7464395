"""A plain copy of a delimited file, for readers that take plain text only: one pass in front of them, whatever is odd about it.

Plain is UTF-8 without a mark, one character between fields, quotes around whole fields, doubled inside, a newline behind each record, no
blank lines, no comments, and as many fields in every row. What is plain already is copied block by block; the rest is read record by
record, as Python's csv module reads it, and written anew.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gpupipe.core.errors import SourceError
from gpupipe.sources.csv_advice import advice
from gpupipe.sources.csv_bad_row import MEND_VALUE, BadRow, Expectation, bad_row, first_of, misfit, raise_bad_row, unreadable
from gpupipe.sources.csv_refused import ValueChecks
from gpupipe.sources.csv_text import CsvField, CsvRecord, Dialect, Grammar, Records, without_newline
from gpupipe.sources.csv_walk import Sound, walk
from gpupipe.sources.packed_text import Source, opened, origin

_BLOCK_BYTES = 1 << 20
_LINE = b"\0"  # stands for the line's number


@dataclass(frozen=True)
class Cleaned:
    """A plain copy.

    Parameters
    ----------
    path
        Where it is.
    n_rows
        Its rows, without the header.
    n_blank
        Blank lines that are no rows of it.
    n_rejected
        Rows that were put aside.
    """

    path: Path
    n_rows: int
    n_blank: int
    n_rejected: int


def cleaned(
    source: Source,
    dialect: Dialect,
    folder: str | os.PathLike[str],
    n_columns: int,
    *,
    name: str | None = None,
    null_values: Collection[str] = ("",),
    reject: Callable[[BadRow, bytes], None] | None = None,
    values: ValueChecks | None = None,
    block_bytes: int = _BLOCK_BYTES,
) -> Cleaned:
    r"""Return a new plain file in `folder`, written in the dialect's `plain` separator and quote; the caller removes it.

    Parameters
    ----------
    source
        A path, or the file's bytes; gzip, bzip2, xz and Zstandard are told by their first bytes.
    n_columns
        Fields of each row.
    name
        What messages call the source.
    null_values
        Texts that mean a missing value: one that stands so in the file is left so, whatever is escaped in it.
    reject
        Takes the rows that are put aside, each with its text.
    values
        Which values columns do not take: rows with one are put aside, too.
    block_bytes
        Bytes looked at together.

    Raises
    ------
    SourceError
        The source cannot be read, its archive is cut short or damaged, a row is wrong, or the copy cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cleaned(b"\xef\xbb\xbfa;b\n\n1;x\\;y\r", Dialect(";", escape="\\"), folder, 2).path.read_bytes()
    b'a;b\n1;"x;y"\n'
    """
    with _new_file(source, folder) as (path, target):
        writer = _PlainWriter(source, dialect, n_columns, name or origin(source), null_values, reject, target, values)
        with opened(source, dialect.encoding, dialect.max_unpacked) as stream:
            writer.copy(Records(stream, writer.grammar, writer.name, block_bytes))
    return Cleaned(path, writer.n_rows, writer.n_blank, writer.n_rejected)


def plain_rows(text: bytes, dialect: Dialect, n_columns: int, null_values: Collection[str], *, is_whole: bool) -> bytes:
    r"""Return the rows of a file's beginning as plain text, without the header and those that are wrong.

    Parameters
    ----------
    is_whole
        Whether the text is all of the file; else the last record may be cut off.

    Examples
    --------
    >>> plain_rows(b"a;b\n1;2\n3\n4;", Dialect(";"), 2, (), is_whole=False)
    b'1;2\n'
    """
    target = io.BytesIO()
    writer = _PlainWriter(text, dialect, n_columns, "", null_values, None, target)
    found = Records(io.BytesIO(text), writer.grammar, "")
    first = first_of(found, dialect)
    if first is not None and not dialect.header:
        writer.take_sound(first)
    for part in walk(found, writer.grammar, n_columns) if writer.as_it_is else found:
        if is_whole or found.rest() or not isinstance(part, CsvRecord):
            writer.take_sound(part)
    return target.getvalue()


def all_fit(source: Source, dialect: Dialect, values: ValueChecks, n_columns: int) -> bool:
    r"""Whether all values of a plain file are ones that their columns take; the file is read once, and nothing is written.

    Examples
    --------
    >>> from gpupipe.core.number_text import NumberText
    >>> from gpupipe.core.schema import Schema
    >>> import narwhals.stable.v2 as nw
    >>> checks = ValueChecks(Dialect(), ("a",), Schema.of_names({"a": nw.Int64()}), {}, NumberText(), ("",))
    >>> all_fit(b"a\n1\n2", Dialect(), checks, 1), all_fit(b"a\n1\nx\n", Dialect(), checks, 1)
    (True, False)
    """
    writer = _PlainWriter(source, dialect, n_columns, origin(source), (), None, io.BytesIO(), values)
    with opened(source, dialect.encoding, dialect.max_unpacked) as stream:
        return writer.fits(Records(stream, writer.grammar, writer.name, _BLOCK_BYTES))


class _PlainWriter:
    """Writes the plain copy of one file."""

    def __init__(
        self,
        source: Source,
        dialect: Dialect,
        n_columns: int,
        name: str,
        null_values: Collection[str],
        reject: Callable[[BadRow, bytes], None] | None,
        target: BinaryIO,
        values: ValueChecks | None = None,
    ) -> None:
        self.grammar = Grammar.of(dialect)
        self.name = name
        self.n_rows = self.n_blank = self.n_rejected = 0
        self._source = source
        self._dialect = dialect
        self._nulls = frozenset(text.encode() for text in null_values if text)
        self._expected = Expectation(dialect, self.grammar, n_columns)
        self._separator, quote = ((text or "").encode() for text in dialect.plain)
        self._quote = quote or None
        self._special = re.compile(b"[%b\r\n%b]" % (re.escape(self._separator), re.escape(quote)))
        self.as_it_is = dialect.plain == (dialect.separator, dialect.quote)
        self._sound = self.grammar.sound(n_columns)
        self._reject = reject
        self._target = target
        self._values = values
        self._place = self._placed(self.name, dialect)

    def copy(self, found: Records) -> None:
        """Write all rows."""
        start = first_of(found, self._dialect)
        if start is None:
            return
        self._take(start, is_header=self._dialect.header)
        for part in walk(found, self.grammar, self._expected.n_fields) if self.as_it_is else found:
            if isinstance(part, CsvRecord):
                self._take(part, is_header=False)
            else:
                self._take_all(part)

    def fits(self, found: Records) -> bool:
        """Whether no row of a plain text has a value that its column does not take; nothing is written."""
        assert self._values is not None
        start = first_of(found, self._dialect)
        if start is not None and not self._dialect.header and not self._fits_one(start):
            return False
        return all(
            self._fits_one(part) if isinstance(part, CsvRecord) else not self._values.refused(part.text)
            for part in walk(found, self.grammar, self._expected.n_fields)
        )

    def _fits_one(self, record: CsvRecord) -> bool:
        """Whether a record is a row without such a value."""
        if unreadable(record, 1, self._expected) is not None:
            return False
        return misfit(record, list(self.grammar.parts(record.raw)), 1, self._expected) is None and self._refused(record) is None

    def take_sound(self, part: Sound | CsvRecord) -> None:
        """Write records, or leave one out that is wrong."""
        if isinstance(part, Sound):
            self._target.write(part.text)
        elif not part.is_blank and unreadable(part, 1, self._expected) is None:
            parts = list(self.grammar.parts(part.raw))
            if misfit(part, parts, 1, self._expected) is None:
                self._target.write(self._line(parts))

    def _take_all(self, part: Sound) -> None:
        """Write records that are sound, but for those with a value that its column does not take."""
        refused = {} if self._values is None else self._values.refused(part.text)
        self.n_blank += part.n_blank
        if not refused and self._place is None:
            self._target.write(part.text)
            self.n_rows += part.n_rows
            return
        for place, record in enumerate(part.records(self.grammar)):
            if place in refused:
                self._put_aside(record, self._bad(record, refused[place]))
            else:
                self._write(record.raw, record.line_number)
                self.n_rows += 1

    def _write(self, line: bytes, line_number: int) -> None:
        """Write a line of the copy, with where it stands where that is to be told."""
        self._target.write(line if self._place is None else without_newline(line) + self._place.replace(_LINE, b"0%d" % line_number))

    def _placed(self, name: str, dialect: Dialect) -> bytes | None:
        """Return what goes behind each line; None for nothing."""
        if not dialect.places:
            return None
        file = self._field(CsvField(name.encode(), name.encode(), None))
        if self._quote is None and file != file.translate(None, self._separator + b"\r\n"):
            msg = (
                f"{name}: expected a name without the separator, since no quotes can stand around it, got {name!r}. Leave file_column out."
            )
            raise SourceError(msg)
        values = {"file": file, "line": _LINE}  # which has a zero before it, so that it is none of the texts that mean missing
        return b"".join(self._separator + values[place] for place in dialect.places) + b"\n"

    def _bad(self, record: CsvRecord, reason: str) -> BadRow:
        """Return a record with a value that its column does not take."""
        return bad_row(record, self.n_rows + self.n_rejected + 1, self._expected, reason, MEND_VALUE)

    def _refused(self, record: CsvRecord) -> str | None:
        """Return what is wrong with the values of a record that fits otherwise."""
        if self._values is None:
            return None
        parts = list(self.grammar.parts(record.raw))
        return self._values.of_record([part.value.decode() for part in parts], [part.raw.decode() for part in parts])

    def _take(self, record: CsvRecord, *, is_header: bool) -> None:
        """Write one record, put it aside, or raise the error that it is wrong."""
        if record.is_blank:
            self.n_blank += 1
            return
        if self.as_it_is and record.raw.isascii() and self._sound.fullmatch(record.raw):
            line = record.raw
        elif (simple := self._simple_line(record.raw)) is not None:
            line = simple
        else:
            row_number = 0 if is_header else self.n_rows + self.n_rejected + 1
            bad = unreadable(record, row_number, self._expected)
            parts = [] if bad else list(self.grammar.parts(record.raw))
            bad = bad or misfit(record, parts, row_number, self._expected)
            if bad is not None:
                self._put_aside(record, bad)
                return
            line = self._line(parts)
        if not is_header and (reason := self._refused(record)) is not None:
            self._put_aside(record, self._bad(record, reason))
            return
        self._write(line, record.line_number)
        self.n_rows += not is_header

    def _simple_line(self, raw: bytes) -> bytes | None:
        """Return a record as a line of the copy where only its separators change; None where it must be looked at more closely."""
        grammar = self.grammar
        if self.as_it_is or not raw.isascii() or any(sign is not None and sign in raw for sign in (grammar.quote, grammar.escape)):
            return None
        body = without_newline(raw)
        if body.count(grammar.separator) + 1 != self._expected.n_fields or self._special.search(body):
            return None
        return body.replace(grammar.separator, self._separator) + b"\n"

    def _put_aside(self, record: CsvRecord, bad: BadRow) -> None:
        """Put a wrong record aside, or raise the error."""
        if not self._dialect.aside or not record.closed or not bad.row_number:
            hint = "" if bad.is_unreadable else advice(self._source, self._dialect, self._expected.n_fields)
            raise_bad_row(bad, self.name, hint)
        self.n_rejected += 1
        if self._reject is not None:
            self._reject(bad, record.raw)

    def _line(self, parts: Sequence[CsvField]) -> bytes:
        """Return a record as a line of the copy."""
        n_fields = self._expected.n_fields
        fields = [self._field(part) for part in parts[:n_fields]]
        fields += [b""] * (n_fields - len(fields))
        if len(fields) == 1 and not fields[0]:
            return 2 * (self._quote or b"") + b"\n"
        return self._separator.join(fields) + b"\n"

    def _field(self, part: CsvField) -> bytes:
        """Return a field of the copy."""
        value = part.raw if part.rest is None and part.raw in self._nulls else part.value
        is_plain = self._special.search(value) is None and (bool(value) or part.rest is None)
        if self._quote is None or is_plain:
            return value
        return self._quote + value.replace(self._quote, self._quote * 2) + self._quote


@contextmanager
def _new_file(source: Source, folder: str | os.PathLike[str]) -> Iterator[tuple[Path, BinaryIO]]:
    """Give a new file in a folder, which stays only where all of it can be written."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="gpupipe-", suffix=".csv", dir=folder)
    except OSError as error:
        raise _unwritable(source, folder, error) from error
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            yield path, target
    except OSError as error:
        path.unlink()
        raise _unwritable(source, folder, error) from error
    except BaseException:  # an interrupt too must leave no file behind
        path.unlink()
        raise


def _unwritable(source: Source, folder: str | os.PathLike[str], error: OSError) -> SourceError:
    return SourceError(
        f"{origin(source)}: expected room for a plain copy in {os.fspath(folder)!r}, got: {error.strerror or error}. "
        "Make room there, or name another folder for temporary files."
    )
