r"""Delimited text as bytes: how a file is written, and how it is cut into records and fields.

The grammar is RFC 4180's, read as Python's csv module reads it: a field that begins with the quote character runs to the next
quote that is not doubled, across separators and newlines; a quote anywhere else in a field is a character like any other. A
*line* is physical and ends with ``\n``, ``\r\n`` or ``\r``; a *record* is one row, and may hold several lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, NamedTuple

from gpupipe.core.errors import SourceError, UsageError
from gpupipe.core.options import settle
from gpupipe.sources.packed_text import BOM, MAX_UNPACKED, encoding_of

MAX_RECORD_BYTES = 1 << 26  # a quote that never closes would otherwise take the rest of the file into one record
_FIRST_BYTES = 1 << 16

Ragged = Literal["error", "fill"]
InnerQuotes = Literal["error", "keep"]


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written.

    Parameters
    ----------
    separator
        What stands between two fields: one character, or several.
    quote
        One ASCII character; None when quotes mean nothing.
    header
        Whether the first record after the skipped ones holds the column names.
    comment
        Records that begin with this text are no rows.
    skip_rows
        Records to leave out at the start, before the header; comments are not counted, blank lines are.
    escape
        One ASCII character that takes the meaning from the one behind it.
    encoding
        What the text is written in, as Python calls it.
    ragged, inner_quotes
        What becomes of rows of another length, and of quotes inside quoted fields: see `ReadCsv`.
    aside, places
        Whether rows that do not fit are put aside; which of file and line go behind each row's fields.

    Raises
    ------
    UsageError
        A character is no single ASCII character, or two of them are the same; an encoding is not known.
    """

    separator: str = ","
    quote: str | None = '"'
    header: bool = True
    comment: str | None = None
    skip_rows: int = 0
    escape: str | None = None
    encoding: str = "utf-8"
    ragged: Ragged = "error"
    inner_quotes: InnerQuotes = "error"
    max_unpacked: int = MAX_UNPACKED  # how many bytes a compressed file may become
    aside: bool = False
    places: tuple[Literal["file", "line"], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.header, bool):  # to pandas, 0 says that there is one, and None that there is none
            raise UsageError(f"header expected True or False, got {self.header!r}. Column names go to names=[...], with header=False.")
        for name, value in (("quote", self.quote), ("escape", self.escape)):
            if value is not None and (len(value) != 1 or not value.isascii() or value in "\r\n\0"):
                raise UsageError(f"{name} expected one ASCII character other than a newline, got {value!r}.")
        if not self.separator or set(self.separator) & {"\r", "\n", "\0"}:
            raise UsageError(f"separator expected a character, or several, without newlines or NUL, got {self.separator!r}.")
        for name, value in (("quote", self.quote), ("escape", self.escape)):
            if value is not None and value in self.separator:
                both = f"got {value!r} in both" if len(self.separator) > 1 else f"got {value!r} for both"
                raise UsageError(f"separator and {name} expected two different characters, {both}.")
        if self.comment == "":
            raise UsageError("comment expected some text, got ''. Pass None when the file has no comments.")
        if self.skip_rows < 0:
            raise UsageError(f"skip_rows expected 0 or more, got {self.skip_rows}.")
        if self.ragged not in ("error", "fill"):
            raise UsageError(f"ragged expected 'error' or 'fill', got {self.ragged!r}. quarantine='some/folder' puts rows aside.")
        if self.inner_quotes not in ("error", "keep"):
            raise UsageError(f"inner_quotes expected 'error' or 'keep', got {self.inner_quotes!r}.")
        if self.max_unpacked < 1:
            raise UsageError(f"max_unpacked expected a number of bytes, got {self.max_unpacked}.")
        settle(self, encoding=encoding_of(self.encoding))
        if self.escape is not None and self.escape == self.quote:
            object.__setattr__(self, "escape", None)  # a quote that escapes a quote is a doubled one

    @property
    def is_plain(self) -> bool:
        """Whether the text may be as readers take it; where it is not, they get a copy that is."""
        usual = (None, "utf-8", "error", "error", False, ())
        return self._is_short and (self.escape, self.encoding, self.ragged, self.inner_quotes, self.aside, self.places) == usual

    @property
    def plain(self) -> tuple[str, str | None]:
        """The separator and the quote of the copy that readers get."""
        if self._is_short and (self.escape is None or self.quote is not None):
            return self.separator, self.quote
        return (self.separator if self._is_short and self.separator != '"' else ","), '"'

    @property
    def _is_short(self) -> bool:
        return len(self.separator.encode()) == 1


@dataclass(frozen=True)
class Grammar:
    """A dialect compiled to bytes and patterns."""

    separator: bytes
    quote: bytes | None
    comment: bytes | None
    escape: bytes | None
    closing: re.Pattern[bytes]
    quoted: re.Pattern[bytes]
    field: re.Pattern[bytes]
    record: re.Pattern[bytes]
    comment_line: re.Pattern[bytes]

    @classmethod
    def of(cls, dialect: Dialect) -> Grammar:
        """Return the patterns for a dialect; with no quote character those of quotes are there but not used."""
        quote = re.escape((dialect.quote or '"').encode())
        escape = None if dialect.escape is None else re.escape(dialect.escape.encode())
        separator = re.escape(dialect.separator.encode())
        escaped = b"" if escape is None else escape + rb"(?:[\s\S]|\Z)"
        outside = _outside(dialect.separator.encode(), separator, escape, escaped)
        inner = [b"%b(?!%b|[\\r\\n]|\\Z)" % (quote, separator)] if dialect.inner_quotes == "keep" else []
        pairs = b"|".join((quote * 2, *([escaped] if escaped else []), *inner))
        inside = b"[^%b%b]*+(?:(?:%b)[^%b%b]*+)*+" % (quote, escape or b"", pairs, quote, escape or b"")  # possessive: never split
        whole = outside if dialect.quote is None else b"(?:%b%b%b%b|(?!%b)%b)" % (quote, inside, quote, outside, quote, outside)
        quoted = b"" if dialect.quote is None else b"(%b)(%b)%b(%b)|" % (quote, inside, quote, outside)
        return cls(
            dialect.separator.encode(),
            None if dialect.quote is None else dialect.quote.encode(),
            None if dialect.comment is None else dialect.comment.encode(),
            None if dialect.escape is None else dialect.escape.encode(),
            closing=re.compile(inside + quote),
            quoted=re.compile(b"(?:^|(?<=%b)|(?<=\\r))%b%b(%b?)" % (separator, quote, inside, quote)),
            field=re.compile(b"(?:%b(%b))(%b|\\Z)" % (quoted or b"((?!))((?!))((?!))|", outside, separator)),
            record=re.compile(b"%b(?:%b%b)*+(\\r\\n?|\\n|\\Z)" % (whole, separator, whole)),
            comment_line=re.compile(b"[^\\r\\n]*+(\\r\\n?|\\n|\\Z)"),
        )

    def outside(self, line: bytes, *, is_open: bool) -> tuple[int, bool]:
        """Return the separators outside quotes in a line, and whether a quote is open at its end, given whether one was before.

        Examples
        --------
        >>> grammar = Grammar.of(Dialect(quote="'"))
        >>> grammar.outside(b"1,'a,b',5' disk,'c,", is_open=False), grammar.outside(b"d',2", is_open=True)
        ((3, True), (1, False))
        """
        if self.quote is None or self.quote not in line:
            return (0 if is_open else line.count(self.separator)), is_open
        start = 0
        if is_open:
            end = self.closing.match(line)
            if end is None:
                return 0, True
            start = end.end()
        n_separators, is_open = line.count(self.separator, start), False
        for match in self.quoted.finditer(line, start):
            n_separators -= match[0].count(self.separator)
            is_open = not match[1]
        return n_separators, is_open

    def count(self, record: bytes) -> int:
        """Return the number of fields in a record."""
        if self._is_simple(record):
            return record.count(self.separator) + 1
        return sum(1 for _ in self.parts(record))

    def split(self, record: bytes) -> list[bytes]:
        """Return the fields of a record, unquoted, with what is escaped as it is meant.

        Examples
        --------
        >>> Grammar.of(Dialect(quote="'")).split(b"1,'a,''b''',,5' disk")
        [b'1', b"a,'b'", b'', b"5' disk"]
        """
        if self._is_simple(record):
            return without_newline(record).split(self.separator)
        return [part.value for part in self.parts(record)]

    def parts(self, record: bytes) -> Iterator[CsvField]:
        """Yield the fields of a record whose quotes are closed."""
        for match in self.field.finditer(self._body(record)):
            quote, quoted, rest, plain, end = match.groups()
            if quote is None:
                yield CsvField(self._meant(plain), plain, None)
            else:
                yield CsvField(self._meant(quoted, is_quoted=True) + self._meant(rest), match[0].removesuffix(end), rest)
            if not end:
                break

    def sound(self, n_fields: int) -> re.Pattern[bytes]:
        r"""Return the pattern of records of so many fields, quoted as RFC 4180 has it, that end in a newline; none has an escape.

        Examples
        --------
        >>> sound = Grammar.of(Dialect()).sound(2)
        >>> [bool(sound.fullmatch(text)) for text in (b'1,"a"\n', b'1,5"\n', b'1,"a"b\n', b"1\n", b"1,2")]
        [True, False, False, False, False]
        """
        separator, escape = re.escape(self.separator), re.escape(self.escape or b"")
        quote = re.escape(self.quote or b"")
        bare = b"[^%b%b%b\\r\\n]*+" % (re.escape(self.separator[:1]), quote, escape)
        inside = b"[^%b%b]*+(?:%b%b[^%b%b]*+)*+" % (quote, escape, quote, quote, quote, escape)
        field = b"(?:%b%b%b|%b)" % (quote, inside, quote, bare) if quote else bare
        return re.compile(b"%b(?:%b%b){%d}\\r?\\n" % (field, separator, field, n_fields - 1))

    def is_plain(self, record: bytes) -> bool:
        r"""Whether quotes stand around whole fields only, and a newline ends the record: every reader says the same of it.

        Examples
        --------
        >>> grammar = Grammar.of(Dialect(quote="'"))
        >>> [grammar.is_plain(text) for text in (b"'a''b',c\n", b"5' disk,c\n", b"'a'b,c\n", b"a,b\r")]
        [True, False, False, False]
        """
        if record.count(b"\r") != record.count(b"\r\n"):
            return False
        if self.quote is None or self.quote not in record:
            return True
        return all(part.rest == b"" if part.rest is not None else self.quote not in part.raw for part in self.parts(record))

    def _body(self, record: bytes) -> bytes:
        """Return a record without the newline at its end, which is none where it is escaped."""
        if self.escape is None or self.escape not in record:
            return without_newline(record)
        return record if (whole := self.record.match(record)) is None else record[: whole.start(1)]

    def _meant(self, text: bytes, *, is_quoted: bool = False) -> bytes:
        """Return the characters that a text stands for."""
        if self.escape is not None and self.escape in text:
            pairs = re.escape(self.escape) + rb"([\s\S]?)"
            both = b"%b|%b()" % (pairs, re.escape(self.quote * 2)) if is_quoted and self.quote else pairs
            return re.sub(both, lambda match: (self.quote or b"") if match.lastindex == 2 else match[1], text)
        return text.replace(self.quote * 2, self.quote) if is_quoted and self.quote else text

    def _is_simple(self, record: bytes) -> bool:
        """Whether every separator in a record is one."""
        return (self.quote is None or self.quote not in record) and (self.escape is None or self.escape not in record)


class CsvField(NamedTuple):
    """One field of a record: what it means, how it stands there, and what follows its closing quote (None where it has no quotes)."""

    value: bytes
    raw: bytes
    rest: bytes | None

    @property
    def is_stray(self) -> bool:
        """Whether something other than blanks stands between the closing quote and the end of the field."""
        return bool(self.rest and self.rest.strip(b" \t"))


class CsvRecord(NamedTuple):
    """One record as it stands in the file, its newline included; `closed` says that its last quote is."""

    line_number: int
    raw: bytes
    closed: bool

    @property
    def is_blank(self) -> bool:
        """Whether the record is an empty line."""
        return self.raw in (b"\n", b"\r\n", b"\r")


def without_newline(record: bytes) -> bytes:
    """Return a record without the newline at its end."""
    return record.removesuffix(b"\n").removesuffix(b"\r")


def n_lines(text: bytes) -> int:
    r"""Return how many lines end in a text.

    Examples
    --------
    >>> n_lines(b"a\nb\r\nc\rd")
    3
    """
    return text.count(b"\n") + (text.count(b"\r") - text.count(b"\r\n") if b"\r" in text else 0)


class Records:
    """The records of a stream that stands before one, without the byte order mark and the comments, one after the other.

    The last record is not closed when its quote is open at the end of the text, or after 64 MiB, where reading stops.

    Parameters
    ----------
    name
        What messages call the file.
    block_bytes
        How much is read together; a record that is longer is looked at again each time what is known of it has doubled.

    Raises
    ------
    SourceError
        The text is UTF-16.
    """

    def __init__(self, stream: BinaryIO, grammar: Grammar, name: str, block_bytes: int = _FIRST_BYTES) -> None:
        self.line_number = 1
        self.n_taken = 0
        self.has_comments = False
        self._stream = stream
        self._grammar = grammar
        self._block_bytes = block_bytes
        self._text = b""
        self._at = 0
        self._is_whole = False
        self._read(max(block_bytes, len(BOM)))
        if self._text.startswith((b"\xff\xfe", b"\xfe\xff")):
            mark = self._text[:2].hex(" ")
            raise SourceError(f"{name}: expected UTF-8 text, got UTF-16 (byte order mark {mark}). Pass encoding='utf-16'.")
        self._at = len(BOM) if self._text.startswith(BOM) else 0

    def __iter__(self) -> Iterator[CsvRecord]:
        while (record := self.next()) is not None:
            yield record

    def next(self) -> CsvRecord | None:
        """Return the next record; None at the end."""
        while True:
            end = self._end()
            if end == self._at and self._is_whole:
                return None
            line_number, raw, closed = self.line_number, self._text[self._at : end or len(self._text)], end is not None
            is_comment = self._is_comment()
            self.has_comments |= is_comment
            self.take(len(raw))
            if not is_comment:
                if not closed:
                    self._is_whole, self._at = True, len(self._text)
                return CsvRecord(line_number, raw, closed)

    def block(self, n_bytes: int | None = None) -> bytes:
        """Return what is read and not taken, at least a block of it where there is so much left; or the first so many bytes of that."""
        while len(self._text) - self._at < self._block_bytes and not self._is_whole:
            self._read(self._block_bytes)
        return self._text[self._at :] if n_bytes is None else self._text[self._at : self._at + n_bytes]

    def rest(self) -> bytes:
        """Return what is read and not taken."""
        return self._text[self._at :]

    def take(self, n_bytes: int) -> None:
        """Go on behind so many bytes of what is read, a place between records."""
        self.line_number += n_lines(self._text[self._at : self._at + n_bytes])
        self._at += n_bytes
        self.n_taken += n_bytes

    def _end(self) -> int | None:
        """Return where the record that comes next ends; None where its quote does not close."""
        grammar = self._grammar
        while True:
            if not self._knows_comment():
                self._read(self._block_bytes)
                continue
            pattern = grammar.comment_line if self._is_comment() else grammar.record
            match = pattern.match(self._text, self._at)
            if self._is_whole or (match and (match.end() < len(self._text) or match[1].endswith(b"\n"))):
                return match.end() if match else None
            if len(self._text) - self._at > MAX_RECORD_BYTES:
                return None
            self._read(max(self._block_bytes, len(self._text) - self._at))

    def _is_comment(self) -> bool:
        return self._grammar.comment is not None and self._text.startswith(self._grammar.comment, self._at)

    def _knows_comment(self) -> bool:
        return self._is_whole or self._grammar.comment is None or len(self._text) - self._at >= len(self._grammar.comment)

    def _read(self, n_bytes: int) -> None:
        """Read some more."""
        more = self._stream.read(n_bytes)
        self._is_whole = not more
        self._text = self._text[self._at :] + more
        self._at = 0


def _outside(separator: bytes, pattern: bytes, escape: bytes | None, escaped: bytes) -> bytes:
    """Return the pattern of any characters outside quotes that end no field."""
    first = re.escape(separator[:1])
    simple = b"[^%b%b\\r\\n]*+" % (first, escape or b"")
    others = [*([b"(?!%b)%b" % (pattern, first)] if len(separator) > 1 else []), *([escaped] if escaped else [])]
    return b"%b(?:(?:%b)%b)*+" % (simple, b"|".join(others), simple) if others else simple
