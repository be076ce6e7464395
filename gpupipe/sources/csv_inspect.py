"""What must be known of a delimited file before a fast, lenient reader gets it.

The Polars reader fills a short row with nulls and makes a row of nulls out of a blank line, and says nothing. So the file is
counted first: were every row to have its n fields, there would be n - 1 separators for each newline. A reader that refuses long
rows then makes "the counts agree" mean "every row is whole", for the price of reading the file once more at memory speed.

Separators and newlines inside quotes do not count. Where they are is found without a loop over bytes: one bit a byte, and the
prefix-xor of the quotes' bits is 1 exactly inside quotes (Langdale and Lemire, "Parsing gigabytes of JSON per second", VLDB
Journal 28 (2019), section 3.1.1). That takes every quote for a delimiter of a field; a block with one that is none
(``5" disk``) is noticed and read line by line, and so is one with comments.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from gpupipe.sources.csv_header import names_of
from gpupipe.sources.csv_text import Dialect, Grammar, Records
from gpupipe.sources.packed_text import FileSlice, Source, opened, origin, whole_lines

Bits: TypeAlias = npt.NDArray[np.uint64]
Places: TypeAlias = npt.NDArray[np.intp]

_BLOCK_BYTES = 1 << 20  # the block and its masks stay in the cache
_PART_BLOCKS = 4  # a part is at least so many blocks; a smaller one is not worth a thread
_MOST_PARTS = 8  # memory is no faster for more
_NEWLINE, _RETURN = 10, 13


@dataclass(frozen=True)
class CsvFacts:
    r"""What a delimited file holds.

    Parameters
    ----------
    n_rows
        Data rows, without header, comments and blank lines.
    header
        The column names as they stand in the file; None when the dialect has no header or the file no record.
    n_columns
        Fields of the header, or of the first row where there is no header; 0 when the file has no record.
    blank_lines
        Empty lines outside quotes, after the skipped rows. (In a file of one column such a line may mean a null.)
    short
        Whether the separators do not come out even, so that some row is too short or too long, or a quote never closes.
        When it is False and no row is too long, every row has the expected number of fields.
    odd
        Whether there is something that readers take in different ways: a quote inside a field, text behind a closing quote, a return
        that ends no line of ``\r\n``, a comment. Then the other figures may be wrong.
    """

    n_rows: int
    header: tuple[str, ...] | None
    n_columns: int
    blank_lines: int
    short: bool
    odd: bool = False


@dataclass(frozen=True)
class Scan:
    """One block of whole lines, seen outside quotes and comments.

    Parameters
    ----------
    n_records, n_separators, n_blank
        How many there are; records are counted at their end, blank lines are none.
    blank
        One bit a byte: newlines that end a blank line.
    is_open
        Whether a quote is open at the block's end.
    is_unended
        Whether a record has begun and not ended at the block's end.
    is_odd
        See `CsvFacts`.
    ends, separators
        One bit a byte: newlines that end a record, and separators between fields; None where it is odd.
    """

    n_records: int
    n_separators: int
    n_blank: int
    blank: Bits
    is_open: bool
    is_unended: bool
    is_odd: bool
    ends: Bits | None = None
    separators: Bits | None = None


@dataclass(frozen=True)
class _Outside:
    """One block seen outside quotes."""

    newline: Bits
    separator: Bits
    is_open: bool
    is_odd: bool


@dataclass(frozen=True)
class _Tally:
    n_records: int = 0
    n_separators: int = 0
    n_blank: int = 0
    is_open: bool = False
    is_odd: bool = False
    is_uneven: bool = False


def inspect_csv(source: Source, dialect: Dialect, n_columns: int | None = None, *, block_bytes: int = _BLOCK_BYTES) -> CsvFacts:
    r"""Return what a delimited file holds, and whether some row lacks fields.

    Parameters
    ----------
    source
        A path, or the file's bytes; gzip, bzip2, xz and Zstandard are read through.
    n_columns
        Fields each row must have; by default as many as the header or the first row has.
    block_bytes
        Bytes looked at together.

    Raises
    ------
    SourceError
        The file cannot be read, its archive is damaged, its header is not UTF-8, or the file is UTF-16.

    Examples
    --------
    >>> inspect_csv(b"a,b\n1,2\n3,4\n", Dialect())
    CsvFacts(n_rows=2, header=('a', 'b'), n_columns=2, blank_lines=0, short=False, odd=False)
    >>> inspect_csv(b"a,b\n1,2\n\n3\n", Dialect())
    CsvFacts(n_rows=2, header=('a', 'b'), n_columns=2, blank_lines=1, short=True, odd=False)
    """
    grammar, name = Grammar.of(dialect), origin(source)
    with opened(source, dialect.encoding, dialect.max_unpacked) as stream:
        found = Records(stream, grammar, name)
        first, tally = _read_first(found, dialect, grammar)
        n_each = (n_columns or len(first)) - 1
        counted = _count_rest(source, stream, grammar, tally, n_each, block_bytes, found.rest())
    header = names_of(first, name) if dialect.header and first else None
    short = counted.is_open or counted.is_uneven or counted.n_separators != counted.n_records * n_each
    return CsvFacts(counted.n_records, header, len(first), counted.n_blank, bool(first) and short, counted.is_odd)


def scan(buffer: bytearray, n_bytes: int, grammar: Grammar, *, is_open: bool) -> Scan:
    """Return what stands in the whole lines that a buffer begins with.

    Parameters
    ----------
    n_bytes
        How much of the buffer counts.
    is_open
        Whether a quote is open at the block's start.
    """
    if _has_comment(buffer, n_bytes, grammar):
        return _scan_lines(buffer, n_bytes, grammar, is_open=is_open)
    block = np.frombuffer(buffer, np.uint8, n_bytes)
    has_returns = buffer.find(b"\r", 0, n_bytes) >= 0
    is_odd = has_returns and buffer.count(b"\r", 0, n_bytes) != buffer.count(b"\r\n", 0, n_bytes)
    if grammar.quote is not None and (is_open or buffer.find(grammar.quote, 0, n_bytes) >= 0):
        outside = _outside(block, grammar.quote[0], grammar.separator[0], is_open=is_open)
        if outside is None:
            return _scan_lines(buffer, n_bytes, grammar, is_open=is_open)
        newline, separator, is_open = outside.newline, outside.separator, outside.is_open
        is_odd |= outside.is_odd
    else:
        newline, separator = _bits(block == _NEWLINE), _bits(block == grammar.separator[0])
    n_separators = _count(separator)
    starts = _after(newline, first=True)
    blank = newline & starts
    if has_returns:
        blank |= newline & _after(_bits(block == _RETURN) & starts, first=False)
    n_blank = _count(blank)
    is_unended = is_open or buffer[n_bytes - 1] != _NEWLINE
    return Scan(_count(newline) - n_blank, n_separators, n_blank, blank, is_open, is_unended, is_odd, newline & ~blank, separator)


def places(text: bytes, grammar: Grammar) -> tuple[Places, Places] | None:
    """Return where newlines and separators stand outside quotes in a text that begins outside.

    None when they are not all around whole fields, or there may be a comment.
    """
    block = np.frombuffer(text, np.uint8)
    if grammar.comment is not None and (text.startswith(grammar.comment) or b"\n" + grammar.comment in text):
        return None
    if grammar.quote is None or grammar.quote not in text:
        return np.flatnonzero(block == _NEWLINE), np.flatnonzero(block == grammar.separator[0])
    outside = _outside(block, grammar.quote[0], grammar.separator[0], is_open=False)
    if outside is None or outside.is_odd:
        return None
    both = (outside.newline, outside.separator)
    newline, separator = (np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")) for bits in both)
    return newline, separator


def _outside(block: npt.NDArray[np.uint8], quote: int, separator: int, *, is_open: bool) -> _Outside | None:
    """Return newlines and separators outside quotes; None where a quote opens in the middle of a field.

    The counts do not need to know of one that closes there, which makes it odd: text behind a closing quote is outside, and another quote
    in it would open anew, in the middle.
    """
    newlines, separators, quotes = (_bits(block == byte) for byte in (_NEWLINE, separator, quote))
    inside = _inside(quotes, is_open=is_open)
    bounds = separators | newlines | quotes
    if (quotes & inside & ~_after(bounds, first=True)).any():
        return None
    odd = quotes & ~inside & ~_before(bounds)
    if odd.any():
        odd &= ~_before(_bits(block == _RETURN))
    odd[(len(block) - 1) // 64] &= ~np.uint64(1 << (len(block) - 1) % 64)  # nothing behind it: the text ends there
    is_odd = bool(odd.any())
    return _Outside(newlines & ~inside, separators & ~inside, is_open ^ bool(_count(quotes) & 1), is_odd)


def _scan_lines(buffer: bytearray, n_bytes: int, grammar: Grammar, *, is_open: bool) -> Scan:
    """What `scan` returns, line by line."""
    n_records, n_separators, at, is_unended = 0, 0, 0, is_open
    blank = np.zeros(n_bytes, np.bool_)
    while at < n_bytes:
        end = buffer.find(b"\n", at, n_bytes) + 1 or n_bytes
        line, at = bytes(buffer[at:end]), end
        if not is_open and grammar.comment and line.startswith(grammar.comment):
            continue
        if not is_open and line in (b"\n", b"\r\n"):
            blank[end - 1] = True
        else:
            found, is_open = grammar.outside(line, is_open=is_open)
            n_separators += found
            is_unended = is_open or not line.endswith(b"\n")
            n_records += not is_unended
    return Scan(n_records, n_separators, int(np.count_nonzero(blank)), _bits(blank), is_open, is_unended, True)


def _has_comment(buffer: bytearray, n_bytes: int, grammar: Grammar) -> bool:
    comment = grammar.comment
    if comment is None or buffer.find(comment, 0, n_bytes) < 0:
        return False
    return buffer.startswith(comment) or buffer.find(b"\n" + comment, 0, n_bytes) >= 0


def _bits(mask: npt.NDArray[np.bool_]) -> Bits:
    """One bit an item, lowest first, and at least one bit more."""
    words = np.zeros(len(mask) // 64 + 1, "<u8")
    packed = np.packbits(mask, bitorder="little")
    words.view(np.uint8)[: len(packed)] = packed
    return words


def _count(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum())


def _after(bits: Bits, *, first: bool) -> Bits:
    """The bits that follow a set bit; `first` stands for the one before the block."""
    moved = bits << np.uint64(1)
    moved[1:] |= bits[:-1] >> np.uint64(63)
    moved[0] |= np.uint64(first)
    return moved


def _before(bits: Bits) -> Bits:
    """The bits that precede a set bit."""
    moved = bits >> np.uint64(1)
    moved[:-1] |= bits[1:] << np.uint64(63)
    return moved


def _inside(quote: Bits, *, is_open: bool) -> Bits:
    """The bits from an opening quote up to its closing one, that one left out: each the xor of all quotes up to it."""
    inside = quote.copy()
    for n_bits in (1, 2, 4, 8, 16, 32):
        inside ^= inside << np.uint64(n_bits)
    odd = np.empty_like(inside)
    odd[0], odd[1:] = is_open, inside[:-1] >> np.uint64(63)
    inside ^= np.bitwise_xor.accumulate(odd) * np.uint64(2**64 - 1)
    return inside


def _read_first(found: Records, dialect: Dialect, grammar: Grammar) -> tuple[list[bytes], _Tally]:
    """Return the fields of the header, or of the first row, and the counts so far."""
    for _ in range(dialect.skip_rows):
        found.next()
    n_blank = 0
    while (record := found.next()) is not None:
        if not record.is_blank:
            fields = grammar.split(record.raw) if record.closed else [record.raw]
            row = (0, 0) if dialect.header else (1, len(fields) - 1)
            is_odd = found.has_comments or not record.closed or not grammar.is_plain(record.raw)
            return fields, _Tally(*row, n_blank, not record.closed, is_odd)
        n_blank += 1
    return [], _Tally(n_blank=n_blank)


def _count_blocks(stream: BinaryIO, grammar: Grammar, tally: _Tally, n_each: int, block_bytes: int, start: bytes = b"") -> _Tally:
    """Return the counts at the end of the stream; `start` is what comes before it."""
    n_records, n_separators, n_blank, is_open, is_unended = tally.n_records, tally.n_separators, tally.n_blank, False, False
    is_odd, is_uneven, carried = tally.is_odd, False, 0
    for buffer, n_bytes in whole_lines(stream, block_bytes, start):
        seen = scan(buffer, n_bytes, grammar, is_open=is_open)
        n_records += seen.n_records
        n_separators += seen.n_separators
        n_blank += seen.n_blank
        is_open, is_unended, is_odd = seen.is_open, seen.is_unended, is_odd or seen.is_odd
        if not (is_odd or is_uneven):
            is_uneven, carried = _uneven(seen, n_each, carried)
    return _Tally(n_records + is_unended, n_separators, n_blank, is_open, is_odd, is_uneven)


def _uneven(seen: Scan, n_each: int, carried: int) -> tuple[bool, int]:
    """Return whether a record that ends in a block has another number of separators, and how many the unfinished last one has.

    That the counts agree is not enough: a short row and a long one make up for each other. What comes before a newline is counted by words
    of bits, first for the first newline of each word, then for the second.

    Parameters
    ----------
    carried
        How many the record has that began before the block.
    """
    assert seen.ends is not None and seen.separators is not None
    in_word = np.bitwise_count(seen.separators)
    before = np.cumsum(in_word, dtype=np.int64) - in_word + carried
    n_ends = np.bitwise_count(seen.ends)
    expected = (np.cumsum(n_ends, dtype=np.int64) - n_ends) * n_each
    words = np.flatnonzero(seen.ends)
    ends, separators, before, expected = seen.ends[words], seen.separators[words], before[words], expected[words]
    while len(ends):
        below = (ends & (~ends + np.uint64(1))) - np.uint64(1)
        expected = expected + n_each
        if not np.array_equal(before + np.bitwise_count(separators & below), expected):
            return True, 0
        ends = ends & (ends - np.uint64(1))
        left = np.flatnonzero(ends)
        ends, separators, before, expected = ends[left], separators[left], before[left], expected[left]
    return False, carried + seen.n_separators - seen.n_records * n_each


def _count_rest(source: Source, stream: BinaryIO, grammar: Grammar, tally: _Tally, n_each: int, block_bytes: int, start: bytes) -> _Tally:
    """Return the counts at the end of the stream, which the source was opened as; a plain file is read in parts at one time."""
    if tally.is_open:
        return tally
    is_plain = isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO)  # an archive's reader may be buffered, too
    if is_plain and not isinstance(source, bytes):
        stream.seek(-len(start), os.SEEK_CUR)
        parts = _cut(stream, block_bytes)
        counted = _count_parts(Path(source), parts, grammar, tally, n_each, block_bytes) if len(parts) > 1 else None
        return counted if counted is not None else _count_blocks(stream, grammar, tally, n_each, block_bytes)
    return _count_blocks(stream, grammar, tally, n_each, block_bytes, start)


def _cut(stream: BinaryIO, block_bytes: int) -> list[tuple[int, int]]:
    """Return where about equal parts of a file's rest begin and end, each of whole lines; the stream stays where it is."""
    start = stream.tell()
    size = stream.seek(0, os.SEEK_END) - start
    n_parts = min(os.cpu_count() or 1, _MOST_PARTS, size // (_PART_BLOCKS * block_bytes))
    cuts = [start]
    for part in range(1, n_parts):
        stream.seek(start + part * size // n_parts)
        stream.readline()
        cuts.append(stream.tell())
    stream.seek(start)
    ends = [*cuts[1:], start + size]
    return [(begin, end) for begin, end in zip(cuts, ends, strict=True) if begin < end]


def _count_parts(
    path: Path, parts: Sequence[tuple[int, int]], grammar: Grammar, tally: _Tally, n_each: int, block_bytes: int
) -> _Tally | None:
    """Return the counts at the end of a file whose parts are read at one time; None where one of them begins inside a quote.

    Each part is read as if it began outside. The first one does, so the others do where the one before does not end inside.
    """

    def count(part: tuple[int, int]) -> _Tally:
        with path.open("rb", buffering=0) as raw:
            raw.seek(part[0])
            return _count_blocks(cast(BinaryIO, FileSlice(raw, part[1] - part[0])), grammar, _Tally(), n_each, block_bytes)

    with ThreadPoolExecutor(len(parts)) as threads:  # NumPy and the system work without the lock
        found = list(threads.map(count, parts))
    if any(part.is_open for part in found[:-1]):
        return None
    whole = (tally, *found)
    n_records, n_separators = sum(part.n_records for part in whole), sum(part.n_separators for part in whole)
    is_odd = any(part.is_odd for part in whole)
    is_uneven = any(part.is_uneven for part in whole)
    return _Tally(n_records, n_separators, sum(part.n_blank for part in whole), found[-1].is_open, is_odd, is_uneven)
