r"""Delimited text as bytes: how a file is written, opened, and cut into lines, records and fields.

The grammar is RFC 4180's, read as Python's csv module reads it: a field that begins with the quote character runs to the next
quote that is not doubled, across separators and newlines; a quote anywhere else in a field is a character like any other. A
*line* is physical and ends with ``\n`` (``\r\n`` too); a *record* is one row, and may hold several lines.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias, cast

import pyarrow as pa

from gpupipe.core.errors import SourceError, UsageError

Source: TypeAlias = str | os.PathLike[str] | bytes

BOM = b"\xef\xbb\xbf"
MAX_RECORD_BYTES = 1 << 26  # a quote that never closes would otherwise take the rest of the file into one record

_MAGIC = {".gz": rb"\x1f\x8b", ".bz2": rb"BZh[1-9](1A|\x17r)", ".xz": rb"\xfd7zXZ\x00", ".zst": rb"\x28\xb5\x2f\xfd"}


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written.

    Parameters
    ----------
    separator, quote
        One ASCII character each; ``quote=None`` when quotes mean nothing.
    header
        Whether the first record after the skipped ones holds the column names.
    comment
        Records that begin with this text are no rows.
    skip_rows
        Records to leave out at the start, before the header; comments are not counted, blank lines are.

    Raises
    ------
    UsageError
        A character is no single ASCII character, or `separator` and `quote` are the same.
    """

    separator: str = ","
    quote: str | None = '"'
    header: bool = True
    comment: str | None = None
    skip_rows: int = 0

    def __post_init__(self) -> None:
        for name, value in (("separator", self.separator), ("quote", self.quote)):
            if value is not None and (len(value) != 1 or not value.isascii() or value in "\r\n"):
                raise UsageError(f"{name} expected one ASCII character other than a newline, got {value!r}.")
        if self.separator == self.quote:
            raise UsageError(f"separator and quote expected two different characters, got {self.quote!r} for both.")
        if self.comment == "":
            raise UsageError("comment expected some text, got ''. Pass None when the file has no comments.")
        if self.skip_rows < 0:
            raise UsageError(f"skip_rows expected 0 or more, got {self.skip_rows}.")


@dataclass(frozen=True)
class Grammar:
    """A dialect compiled to bytes and patterns."""

    separator: bytes
    quote: bytes | None
    comment: bytes | None
    closing: re.Pattern[bytes]
    quoted: re.Pattern[bytes]
    whole: re.Pattern[bytes]
    field: re.Pattern[bytes]

    @classmethod
    def of(cls, dialect: Dialect) -> Grammar:
        """Return the patterns for a dialect; with no quote character they are there but not used."""
        separator, quote = (re.escape((text or '"').encode()) for text in (dialect.separator, dialect.quote))
        inside = b"[^%b]*+(?:%b%b[^%b]*+)*+" % ((quote,) * 4)  # possessive: a doubled quote is never split
        return cls(
            dialect.separator.encode(),
            None if dialect.quote is None else dialect.quote.encode(),
            None if dialect.comment is None else dialect.comment.encode(),
            closing=re.compile(inside + quote),
            quoted=re.compile(b"(?<![^%b])%b%b(%b?)" % (separator, quote, inside, quote)),
            whole=re.compile(b"(?<![^%b])%b%b%b(?=%b|\\r?\\n|\\Z)" % (separator, quote, inside, quote, separator)),
            field=re.compile(b"(?:%b(%b%b)([^%b]*+)|([^%b]*+))(%b|\\Z)" % (quote, inside, quote, *(separator,) * 3)),
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
        return self.outside(record, is_open=False)[0] + 1

    def split(self, record: bytes) -> list[bytes]:
        """Return the fields of a record, unquoted.

        Examples
        --------
        >>> Grammar.of(Dialect(quote="'")).split(b"1,'a,''b''',,5' disk")
        [b'1', b"a,'b'", b'', b"5' disk"]
        """
        if self.quote is None or self.quote not in record:
            return without_newline(record).split(self.separator)
        double, single = self.quote * 2, self.quote
        parts = self._parts(record)
        return [plain if quoted is None else quoted[:-1].replace(double, single) + rest for quoted, rest, plain in parts]

    def has_stray_quote(self, record: bytes) -> bool:
        """Return whether a quote stands elsewhere than around a whole field.

        Examples
        --------
        >>> grammar = Grammar.of(Dialect(quote="'"))
        >>> [grammar.has_stray_quote(text) for text in (b"'a''b',c", b"5' disk,c", b"'a'b,c")]
        [False, True, True]
        """
        if self.quote is None or self.quote not in record:
            return False
        return self.quote in self.whole.sub(b"", record)

    def _parts(self, record: bytes) -> Iterator[tuple[bytes | None, bytes, bytes]]:
        """Each field as what is quoted with its closing quote (None where nothing is), what follows that, or else the field."""
        for match in self.field.finditer(without_newline(record)):
            quoted, rest, plain, end = match.groups()
            yield quoted, rest, plain
            if not end:
                break


class Record(NamedTuple):
    """One record as it stands in the file, its newline included; `closed` says that its last quote is."""

    line_number: int
    raw: bytes
    closed: bool

    @property
    def is_blank(self) -> bool:
        """Whether the record is an empty line."""
        return self.raw in (b"\n", b"\r\n")


def without_newline(record: bytes) -> bytes:
    """Return a record without the newline at its end."""
    return record.removesuffix(b"\n").removesuffix(b"\r") if record.endswith(b"\n") else record


def records(stream: BinaryIO, grammar: Grammar, name: str, first_line: int = 1) -> Iterator[Record]:
    """Yield the records of a stream that stands before a record, without the byte order mark, leaving out comments.

    `name` is what messages call the file, `first_line` the number of the line to come. The last record is not closed when its
    quote is open at the end of the file, or after 64 MiB, where reading stops.

    Raises
    ------
    SourceError
        The text is UTF-16.
    """
    line_number, first, pieces, n_bytes = first_line - 1, first_line, list[bytes](), 0
    while line := stream.readline():
        line_number += 1
        if line_number == 1:
            line = _without_bom(line, name)
        if not pieces:
            if grammar.comment and line.startswith(grammar.comment):
                continue
            first, n_bytes = line_number, 0
        _, is_open = grammar.outside(line, is_open=bool(pieces))
        if not is_open and not pieces:
            if line:
                yield Record(first, line, True)
            continue
        pieces.append(line)
        n_bytes += len(line)
        if not is_open:
            yield Record(first, b"".join(pieces), True)
            pieces = []
        elif n_bytes > MAX_RECORD_BYTES:
            break
    if pieces:
        yield Record(first, b"".join(pieces), False)


def whole_lines(stream: BinaryIO, block_bytes: int) -> Iterator[tuple[bytearray, int]]:
    """Yield a stream in blocks of whole lines, each as a buffer and how much of it counts, valid until the next is taken.

    A block is larger than `block_bytes` only where a line is.
    """
    buffer, filled = bytearray(block_bytes), 0
    while n_bytes := stream.readinto(memoryview(buffer)[filled:]):  # type: ignore[attr-defined]
        end = buffer.rfind(b"\n", filled, filled + n_bytes) + 1
        filled += n_bytes
        if end:
            yield buffer, end
            buffer[: filled - end] = buffer[end:filled]
            filled -= end
        if filled == len(buffer):
            buffer = buffer + bytes(len(buffer))  # another value: the old one may still be looked at
    if filled:
        yield buffer, filled


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """Open a file, or the bytes of one, for reading, decompressed where it begins like gzip, bzip2, xz or Zstandard.

    Raises
    ------
    SourceError
        There is no such file, it cannot be read, or its compressed content is cut short or damaged.
    """
    with _raw(source) as raw:
        kind = _compression(raw, source)
        try:
            with _decompressing(raw, kind) as stream:
                yield stream
        except (EOFError, zlib.error, lzma.LZMAError, pa.ArrowInvalid) as error:
            raise _damaged(source, kind, error) from error
        except OSError as error:
            if not kind or error.errno is not None:  # the operating system's, not the decompressor's
                raise
            raise _damaged(source, kind, error) from error


def is_packed(source: Source) -> bool:
    """Return whether a file is compressed, by its first bytes.

    Raises
    ------
    SourceError
        It cannot be read, or its name says that it is compressed and it is not.
    """
    with _raw(source) as raw:
        return bool(_compression(raw, source))


def origin(source: Source) -> str:
    """Return how messages call a source: its path, or "the text"."""
    return "the text" if isinstance(source, bytes) else os.fspath(source)


def _raw(source: Source) -> BinaryIO:
    try:
        return io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")
    except OSError as error:
        raise SourceError(f"Expected a readable file, got {origin(source)!r}: {error.strerror}. Check the path.") from error


def _compression(raw: BinaryIO, source: Source) -> str:
    start = raw.read(6)
    raw.seek(0)
    kinds = [kind for kind, magic in _MAGIC.items() if re.match(magic, start)]
    suffix = "" if isinstance(source, bytes) else Path(source).suffix.lower()
    if suffix in _MAGIC and suffix not in kinds:
        raise SourceError(
            f"{origin(source)}: expected a {suffix} archive, as its name says, got a file that begins with {start!r}. "
            "It is empty, damaged, or not compressed: fetch it again, or rename it."
        )
    return kinds[0] if kinds else ""


def _decompressing(raw: BinaryIO, kind: str) -> BinaryIO:
    if kind == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if kind == ".bz2":
        return cast(BinaryIO, bz2.BZ2File(raw))
    if kind == ".xz":
        return cast(BinaryIO, lzma.LZMAFile(raw))
    if kind == ".zst":
        return cast(BinaryIO, io.BufferedReader(pa.input_stream(raw, compression="zstd")))
    return raw


def _damaged(source: Source, kind: str, error: Exception) -> SourceError:
    return SourceError(
        f"{origin(source)}: expected a whole {kind} archive, got one that is cut short or damaged ({error}). Fetch or write the file again."
    )


def _without_bom(line: bytes, name: str) -> bytes:
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{name}: expected UTF-8 text, got UTF-16 (byte order mark {line[:2].hex(' ')}). Convert it to UTF-8.")
    return line.removeprefix(BOM)
