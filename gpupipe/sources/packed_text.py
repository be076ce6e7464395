"""Text files opened for reading: decompressed up to a limit, and as UTF-8 whatever they are written in."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import pyarrow as pa

from gpupipe.core.errors import SourceError, UsageError, nearest

Source: TypeAlias = str | os.PathLike[str] | bytes

BOM = b"\xef\xbb\xbf"
MAX_UNPACKED = 64 << 30  # bytes; what is beyond it is more likely made to fill a disk than to be read

_MAGIC = {".gz": rb"\x1f\x8b", ".bz2": rb"BZh[1-9](1A|\x17r)", ".xz": rb"\xfd7zXZ\x00", ".zst": rb"\x28\xb5\x2f\xfd"}
_BLOCK_BYTES = 1 << 18


@contextmanager
def opened(source: Source, encoding: str = "utf-8", max_unpacked: int | None = MAX_UNPACKED) -> Iterator[BinaryIO]:
    r"""Open a file, or the bytes of one, for reading, decompressed where it begins like gzip, bzip2, xz or Zstandard.

    Parameters
    ----------
    encoding
        What the text is written in, as `encoding_of` names it; what is read is UTF-8.
    max_unpacked
        How many bytes a compressed file may become; None for any number.

    Raises
    ------
    SourceError
        There is no such file, it cannot be read, its compressed content is cut short or damaged, becomes more than it may, or is not
        written in the encoding.

    Examples
    --------
    >>> with opened(gzip.compress("é".encode("latin-1")), "latin-1") as stream:
    ...     stream.read()
    b'\xc3\xa9'
    """
    with _raw(source) as raw:
        kind = _compression(raw, source)
        try:
            with _decompressing(raw, kind) as stream:
                text = stream if not kind or max_unpacked is None else _buffered(_Limited(stream, max_unpacked, origin(source)))
                yield text if encoding == "utf-8" else _buffered(_Decoded(text, encoding, origin(source)))
        except (EOFError, zlib.error, lzma.LZMAError, pa.ArrowInvalid) as error:
            raise _damaged(source, kind, error) from error
        except OSError as error:
            if not kind or error.errno is not None:  # the operating system's, not the decompressor's
                raise
            raise _damaged(source, kind, error) from error


def encoding_of(name: str) -> str:
    """Return the one name of an encoding of text.

    Raises
    ------
    UsageError
        Python knows no such encoding, or it is none of text.

    Examples
    --------
    >>> encoding_of("UTF8"), encoding_of("latin-1"), encoding_of("utf-8-sig")
    ('utf-8', 'iso8859-1', 'utf-8')
    """
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, TypeError) as error:
        known = ["utf-8", "utf-16", "utf-32", "latin-1", "cp1252", "ascii", "shift_jis", "gb18030", "big5", "euc_kr", "koi8-r", "mac-roman"]
        msg = f"encoding expected one that Python knows, such as 'utf-8', 'latin-1', 'cp1252' or 'utf-16', got {name!r}."
        raise UsageError(f"{msg}{nearest(str(name), known)}") from error
    return "utf-8" if found.name in ("utf-8", "utf-8-sig") else found.name  # a mark at the beginning is left out in any case


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


def whole_lines(stream: BinaryIO, block_bytes: int, start: bytes = b"") -> Iterator[tuple[bytearray, int]]:
    """Yield a stream in blocks of whole lines, each as a buffer and how much of it counts, valid until the next is taken.

    A block is larger than `block_bytes` only where a line is; `start` is what comes before the stream.
    """
    buffer, filled = bytearray(max(block_bytes, len(start) + 1)), len(start)
    buffer[:filled] = start
    end = buffer.rfind(b"\n", 0, filled) + 1
    if end:
        yield buffer, end
        buffer[: filled - end] = buffer[end:filled]
        filled -= end
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


class FileSlice(io.RawIOBase):
    """The next bytes of a file, as a stream that ends with them."""

    def __init__(self, raw: io.FileIO, n_bytes: int) -> None:
        self._raw = raw
        self._left = n_bytes

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what fits, or is left."""
        n_bytes = self._raw.readinto(buffer[: self._left]) or 0
        self._left -= n_bytes
        return n_bytes


class _Limited(io.RawIOBase):
    """What a compressed file becomes, which must not be more than it may."""

    def __init__(self, stream: BinaryIO, limit: int, name: str) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n_bytes = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        self._left -= n_bytes
        if self._left < 0:
            raise SourceError(
                f"{self._name}: expected a compressed file that becomes at most {self._limit:,} bytes (max_unpacked), got one that becomes "
                "more. If it is what it should be, pass a larger max_unpacked."
            )
        return int(n_bytes)


class _Decoded(io.RawIOBase):
    """Text of another encoding, as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str, name: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._encoding = encoding
        self._name = name
        self._ready = b""
        self._n_lines = 1
        self._is_whole = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self._is_whole:
            text = self._stream.read(_BLOCK_BYTES)
            self._is_whole = not text
            self._ready = self._utf8(text)
        n_bytes = min(len(buffer), len(self._ready))
        buffer[:n_bytes] = self._ready[:n_bytes]
        self._ready = self._ready[n_bytes:]
        return n_bytes

    def _utf8(self, text: bytes) -> bytes:
        try:
            decoded = self._decoder.decode(text, final=self._is_whole)
        except UnicodeError as error:
            start = getattr(error, "start", 0)
            line = self._n_lines + text[:start].decode(self._encoding, errors="replace").count("\n")
            wrong = text[start : start + 4].hex(" ")
            msg = f"{self._name}, line {line}: expected text in {self._encoding}, as declared, got the bytes {wrong} ({error})."
            raise SourceError(f"{msg} Pass the encoding that it is written in.") from error
        self._n_lines += decoded.count("\n")
        return decoded.encode(errors="surrogatepass")


def _buffered(stream: io.RawIOBase) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(stream, _BLOCK_BYTES))


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
