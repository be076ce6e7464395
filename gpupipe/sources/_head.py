"""The beginning of a text file at any place."""

from __future__ import annotations

import io
import lzma
import zlib

import pyarrow as pa

from gpupipe.core.errors import SourceError
from gpupipe.core.files import Place
from gpupipe.sources.packed_text import opened


def head(file: Place, n_bytes: int, encoding: str = "utf-8") -> tuple[bytes, bool]:
    """Return a file's beginning, decompressed, as UTF-8, and whether it is all of it; of a remote file only so much is fetched."""
    if file.fs is None:
        with opened(file.path, encoding) as stream:
            text = stream.read(n_bytes)
            return text, not stream.read(1)
    with file.open() as raw:
        start, rest = raw.read(n_bytes), raw.read(1)
    return _unpacked(start, encoding, is_whole=not rest), not rest


def _unpacked(start: bytes, encoding: str, *, is_whole: bool) -> bytes:
    """Return the text at the beginning of a file, of whose bytes only the first may be there."""
    text = io.BytesIO()
    with opened(start, encoding) as stream:
        try:
            while piece := stream.read(1 << 14):
                text.write(piece)
        except (EOFError, zlib.error, lzma.LZMAError, pa.ArrowInvalid, OSError):
            pass  # cut off where the download was
        except SourceError:
            if is_whole:
                raise  # else a character may be cut off
    return text.getvalue()
