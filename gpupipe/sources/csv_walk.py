"""The records of delimited text, and where many are surely sound, all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from gpupipe.sources.csv_inspect import places
from gpupipe.sources.csv_text import CsvRecord, Grammar, Records, n_lines

_RETURN = 13
_FEW_BYTES = 1 << 13  # around an odd record, so many bytes are read record by record


@dataclass(frozen=True)
class Sound:
    """Records that are rows of the expected length, quoted as RFC 4180 has it, in UTF-8, each ended by a newline.

    Parameters
    ----------
    text
        The records without the blank lines between them.
    n_blank
        How many of those there were.
    line_number
        The line on which the first of them begins.
    original
        The text with the blank lines, where there are some.
    """

    text: bytes
    n_rows: int
    n_blank: int = 0
    line_number: int = field(default=1, repr=False, compare=False)
    original: bytes | None = field(default=None, repr=False, compare=False)

    def records(self, grammar: Grammar) -> Iterator[CsvRecord]:
        r"""Yield the records one by one, each with its line.

        Examples
        --------
        >>> from gpupipe.sources.csv_text import Dialect
        >>> sound = Sound(b'1,"\n"\n2,3\n', 2, line_number=5)
        >>> [(record.line_number, record.raw) for record in sound.records(Grammar.of(Dialect()))]
        [(5, b'1,"\n"\n'), (7, b'2,3\n')]
        """
        text = self.text if self.original is None else self.original
        found = places(text, grammar)
        assert found is not None
        start, line_number = 0, self.line_number
        for newline in found[0].tolist():
            record = CsvRecord(line_number, text[start : newline + 1], True)
            line_number += n_lines(record.raw)
            start = newline + 1
            if not record.is_blank:
                yield record


@dataclass(frozen=True)
class _Part:
    """What a text begins with: sound records, and how many bytes they take with the blank lines between them."""

    sound: Sound
    n_bytes: int

    def at(self, line_number: int, text: bytes) -> Sound:
        """Return the records with where they stand; `text` is what they were found in."""
        original = text[: self.n_bytes] if self.sound.n_blank else None
        return replace(self.sound, line_number=line_number, original=original)


def walk(found: Records, grammar: Grammar, n_fields: int) -> Iterator[Sound | CsvRecord]:
    r"""Yield what comes next, to the end: sound records together, the others one by one, blank lines among them.

    Examples
    --------
    >>> import io
    >>> from gpupipe.sources.csv_text import Dialect
    >>> grammar = Grammar.of(Dialect())
    >>> list(walk(Records(io.BytesIO(b"1,2\n3,4\n"), grammar, "text"), grammar, 2))
    [Sound(text=b'1,2\n3,4\n', n_rows=2, n_blank=0)]
    """
    while text := found.block():
        part = _sound_part(text, grammar, n_fields)
        if part is not None:
            sound = part.at(found.line_number, text)
            found.take(part.n_bytes)
            yield sound
            continue
        stop = found.n_taken + len(text)
        while found.n_taken < stop and (few := found.block(_FEW_BYTES)):
            yield from _walk_few(found, few, grammar, n_fields)


def _walk_few(found: Records, text: bytes, grammar: Grammar, n_fields: int) -> Iterator[Sound | CsvRecord]:
    """Yield what comes next, about as much as a text that it begins with."""
    part = _sound_part(text, grammar, n_fields)
    if part is not None:
        sound = part.at(found.line_number, text)
        found.take(part.n_bytes)
        yield sound
        return
    stop = found.n_taken + len(text)
    while found.n_taken < stop and (record := found.next()) is not None:
        yield record


def _sound_part(text: bytes, grammar: Grammar, n_fields: int) -> _Part | None:
    """Return the sound records that a text begins with; None where it is not sure that all are."""
    if len(grammar.separator) > 1 or (grammar.escape is not None and grammar.escape in text):
        return None
    if b"\r" in text and text.count(b"\r", 0, -1) != text.count(b"\r\n"):
        return None
    found = places(text, grammar)
    if found is None or not len(found[0]):
        return None
    newlines, separators = found
    n_bytes = int(newlines[-1]) + 1
    block = np.frombuffer(text, np.uint8, n_bytes)
    starts = np.concatenate([np.zeros(1, newlines.dtype), newlines[:-1] + 1])
    is_blank = (newlines == starts) | ((newlines == starts + 1) & (block[starts] == _RETURN))
    kept = newlines[~is_blank]
    if not len(kept) or not _is_even(starts[~is_blank], kept, separators[: np.searchsorted(separators, n_bytes)], n_fields - 1):
        return None
    if not _is_utf8(text[:n_bytes]):
        return None
    if not is_blank.any():
        return _Part(Sound(text[:n_bytes], len(kept)), n_bytes)
    keep = np.ones(n_bytes, np.bool_)
    keep[newlines[is_blank]] = keep[starts[is_blank]] = False
    return _Part(Sound(block[keep].tobytes(), len(kept), int(is_blank.sum())), n_bytes)


def _is_even(starts: np.ndarray, newlines: np.ndarray, separators: np.ndarray, n_each: int) -> bool:
    """Whether so many separators stand between each start and newline."""
    if len(separators) != n_each * len(newlines):
        return False
    if not n_each:
        return True
    grid = separators.reshape(len(newlines), n_each)
    return bool(np.all(grid[:, -1] < newlines) and np.all(grid[:, 0] >= starts))


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
