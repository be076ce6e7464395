"""Parts of a text file, cut where a record begins, so that each can be read by itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from gpupipe.core.ends import Piece
from gpupipe.sources.csv_inspect import scan
from gpupipe.sources.csv_text import Grammar
from gpupipe.sources.packed_text import opened, whole_lines

_SAMPLE_BYTES = 1 << 16


def text_pieces(file: int, path: str, n_rows: int, grammar: Grammar | None = None, head_bytes: int = 0) -> list[Piece]:
    """Return the parts of a plain text file, of about `n_rows` lines each.

    Parameters
    ----------
    file
        The file's position among the source's.
    grammar
        What tells where newlines are inside quotes; without one, every newline ends a record.
    head_bytes
        How many bytes the first part must have at least: where a header stands.
    """
    n_bytes = Path(path).stat().st_size
    line_bytes = _line_bytes(path)
    whole = max(1, round(n_bytes / line_bytes))
    n_parts = -(-whole // n_rows)
    if n_parts < 2:
        return [Piece(file, whole)]
    size = -(-n_bytes // n_parts)
    quoted = grammar is not None and (grammar.quote is not None or grammar.comment is not None)
    inner = _quoted_cuts(path, size, grammar) if quoted and grammar is not None else _cuts(path, size, n_bytes)
    edges = sorted({0, n_bytes, *(place for place in inner if place >= head_bytes)})
    return [Piece(file, max(1, round((stop - start) / line_bytes)), start, stop) for start, stop in pairwise(edges)]


def read_bytes(path: str, start: int, stop: int) -> bytes:
    """Return the bytes of a file from `start` up to `stop`."""
    with Path(path).open("rb") as stream:
        stream.seek(start)
        return stream.read(stop - start)


def _line_bytes(path: str) -> float:
    """Return how long a line is, by the first ones."""
    with Path(path).open("rb") as stream:
        text = stream.read(_SAMPLE_BYTES)
    return len(text) / max(1, text.count(b"\n")) or 1.0


def _cuts(path: str, size: int, n_bytes: int) -> Iterator[int]:
    """Yield the beginnings of lines, each the first one from a multiple of `size` on."""
    with Path(path).open("rb") as stream:
        for place in range(size, n_bytes, size):
            stream.seek(place - 1)
            stream.readline()
            yield stream.tell()


def _quoted_cuts(path: str, size: int, grammar: Grammar) -> Iterator[int]:
    """Yield the beginnings of records outside quotes, about `size` bytes apart; the file is read to its end for it."""
    at, wanted, is_open = 0, size, False
    with opened(path) as stream:
        for buffer, n_bytes in whole_lines(stream, min(size, 1 << 20)):
            if grammar.comment is not None and buffer.count(b"\r", 0, n_bytes) != buffer.count(b"\r\n", 0, n_bytes):
                return  # a comment may begin behind a return, and hold a quote: all the rest is one part
            seen = scan(buffer, n_bytes, grammar, is_open=is_open)
            at, is_open = at + n_bytes, seen.is_open
            if at >= wanted and not is_open:
                yield at
                wanted = at + size
