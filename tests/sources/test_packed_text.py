"""Text is opened whatever it is packed by and written in, up to a limit."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.core.errors import SourceError
from gpupipe.sources.packed_text import encoding_of, opened, whole_lines


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)  # type: ignore[no-any-return]


PACK: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress, zstd]


@given(st.binary(max_size=300), st.integers(1, 64))
def test_blocks_are_whole_lines_and_all_of_them(content: bytes, block_bytes: int) -> None:
    blocks = [bytes(buffer[:n_bytes]) for buffer, n_bytes in whole_lines(io.BytesIO(content), block_bytes)]
    assert b"".join(blocks) == content
    assert all(block.endswith(b"\n") for block in blocks[:-1]) and all(blocks)


@pytest.mark.parametrize("pack", PACK)
def test_a_file_that_becomes_too_much_is_refused_before_memory_goes(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv"
    path.write_bytes(pack(b"0" * 50_000_000))
    with opened(path, max_unpacked=50_000_000) as stream:
        assert sum(len(block) for block in iter(lambda: stream.read(1 << 20), b"")) == 50_000_000
    tracemalloc.start()
    with (
        opened(path, max_unpacked=10_000_000) as stream,
        pytest.raises(SourceError, match=r"bomb\.csv: expected .* at most 10,000,000 bytes \(max_unpacked\), got one that becomes more"),
    ):
        all(iter(lambda: stream.read(1 << 16), b""))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "utf-8-sig"])
def test_any_encoding_is_read_as_utf8(encoding: str) -> None:
    text = "a,b\n1,ﾊ\n" if encoding == "shift_jis" else "a,b\n1,é\n"
    packed = gzip.compress((text * 100_000).encode(encoding))
    for source in (packed, gzip.decompress(packed)):
        with opened(source, encoding_of(encoding)) as stream:
            assert stream.read().decode("utf-8-sig") == text * 100_000


def test_bytes_of_another_encoding_are_told_with_their_line() -> None:
    message = r"the text, line 300002: expected text in cp1252, as declared, got the bytes 81"
    with opened(b"a\n" * 300_001 + b"\x81\n", "cp1252") as stream, pytest.raises(SourceError, match=message):
        stream.read()
    with pytest.raises(SourceError, match="expected text in utf-16"), opened("a,b\n".encode("utf-16") + b"\0", "utf-16") as stream:
        io.TextIOWrapper(stream).read()
