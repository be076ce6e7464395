"""The beginning of a text file at any place."""

from __future__ import annotations

import io
import lzma
import zlib

import pyarrow as pa

from gpupipe.core.files import Place
from gpupipe.sources.csv_text import opened


def head(file: Place, n_bytes: int) -> tuple[bytes, bool]:
    """Return text from a file's beginning, decompressed, and whether it is all of it; of a remote file only so much is fetched."""
    if file.fs is None:
        with opened(file.path) as stream:
            text = stream.read(n_bytes)
            return text, not stream.read(1)
    with file.open() as raw:
        start, rest = raw.read(n_bytes), raw.read(1)
    return _unpacked(start), not rest


def _unpacked(start: bytes) -> bytes:
    """Return the text at the beginning of a file, of whose bytes only the first are there."""
    text = io.BytesIO()
    with opened(start) as stream:
        try:
            while piece := stream.read(1 << 14):
                text.write(piece)
        except (EOFError, zlib.error, lzma.LZMAError, pa.ArrowInvalid, OSError):
            pass  # cut off where the download was
    return text.getvalue()
