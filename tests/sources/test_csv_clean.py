"""A cleaned copy holds the same rows, and nothing is left behind when it cannot be made."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpupipe.core.errors import SourceError
from gpupipe.sources.csv_clean import cleaned
from gpupipe.sources.csv_inspect import inspect_csv
from gpupipe.sources.csv_text import Dialect


def zstd(content: bytes) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return bytes(packed.getvalue())


PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}


@given(st.text(alphabet='ab,"\n\r', max_size=60), st.sampled_from([1, 7, 64, 1 << 18]), st.booleans())
@example('a,b\n"a\n\n\nb",c\n', 1, False)
def test_a_copy_holds_the_same_rows_without_blank_lines(text: str, block_bytes: int, has_bom: bool) -> None:
    source = (b"\xef\xbb\xbf" if has_bom else b"") + text.encode()
    dialect = Dialect(header=False)
    with tempfile.TemporaryDirectory() as folder:
        copy = cleaned(source, dialect, folder, block_bytes=block_bytes).read_bytes()
    before, after = inspect_csv(source, dialect), inspect_csv(copy, dialect)
    assert after.blank_lines == 0
    assert (after.n_rows, after.n_columns, after.short) == (before.n_rows, before.n_columns, before.short)
    if "\r" not in text:
        rows = [list(csv.reader(io.StringIO(part, newline=""))) for part in (text, copy.decode())]
        assert [row for row in rows[0] if row] == rows[1]


def test_a_copy_keeps_the_rows_to_be_skipped(tmp_path: Path) -> None:
    source = b"title\n\nmore\n\na,b\r\n\r\n1,2\r\n"
    assert cleaned(source, Dialect(skip_rows=3), tmp_path).read_bytes() == b"title\n\nmore\na,b\r\n1,2\r\n"


def test_nothing_is_lost_behind_a_quote_that_never_closes(tmp_path: Path) -> None:
    source = b'a,b\n\n1,"2\n\n3,4\n'
    assert cleaned(source, Dialect(), tmp_path).read_bytes() == b'a,b\n1,"2\n\n3,4\n'


def test_stray_quotes_and_comments(tmp_path: Path) -> None:
    source = b'a,b\n#it\'s 5"\n\n5" disk,x\n\n1,2\n'
    assert cleaned(source, Dialect(comment="#"), tmp_path).read_bytes() == b'a,b\n#it\'s 5"\n5" disk,x\n1,2\n'


@pytest.mark.parametrize("suffix", PACK)
def test_archives_are_read_through(suffix: str, tmp_path: Path) -> None:
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(100_000))
    for name in ("named.csv" + suffix, "unnamed"):
        path = tmp_path / name
        path.write_bytes(PACK[suffix](content))
        facts = inspect_csv(path, Dialect())
        assert (facts.n_rows, facts.n_columns, facts.short) == (100_000, 2, False)
        assert cleaned(path, Dialect(), tmp_path).read_bytes() == content


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("cut", [0.0, 0.5, 0.999])
def test_an_archive_cut_short_is_named(suffix: str, cut: float, tmp_path: Path) -> None:
    packed = PACK[suffix](b"a,b\n" + os.urandom(300_000).hex().encode())
    path = tmp_path / f"perf.csv{suffix}"
    path.write_bytes(packed[: int(len(packed) * cut)])
    work = tmp_path / "work"
    work.mkdir()
    for act in (lambda: inspect_csv(path, Dialect()), lambda: cleaned(path, Dialect(), work)):
        with pytest.raises(SourceError, match=rf"perf\.csv{suffix}: expected a.* \{suffix} archive.*(?i:fetch)"):
            act()
    assert not list(work.iterdir())


@pytest.mark.parametrize("suffix", PACK)
def test_a_damaged_archive_is_named(suffix: str, tmp_path: Path) -> None:
    packed = bytearray(PACK[suffix](b"a,b\n" + os.urandom(300_000).hex().encode()))
    packed[8:72] = b"\xff" * 64
    path = tmp_path / f"perf.csv{suffix}"
    path.write_bytes(packed)
    with pytest.raises(SourceError, match=rf"expected a whole {suffix} archive, got one that is cut short or damaged"):
        cleaned(path, Dialect(), tmp_path)


def test_text_that_begins_like_an_archive_is_text() -> None:
    assert inspect_csv(b"BZh9,b\n1,2\n", Dialect()).header == ("BZh9", "b")


def test_no_file_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Expected a readable file, got '.*none\.csv': No such file or directory\. Check the path"):
        cleaned(tmp_path / "none.csv", Dialect(), tmp_path)
    with pytest.raises(SourceError, match=r"Expected a readable file, got .*: Is a directory"):
        inspect_csv(tmp_path, Dialect())
    with pytest.raises(SourceError, match=r"the text: expected room for a plain copy in '.*nowhere', got: No such file"):
        cleaned(b"a\n", Dialect(), tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_a_full_disk(dir: Path, **_: object) -> tuple[int, str]:
        name = dir / "copy.csv"
        name.symlink_to("/dev/full")
        return os.open(name, os.O_WRONLY), str(name)

    monkeypatch.setattr(tempfile, "mkstemp", on_a_full_disk)
    with pytest.raises(SourceError, match=r"expected room .* No space left on device\. Make room there"):
        cleaned(b"a,b\n" + b"1,2\n" * 100_000, Dialect(), tmp_path)
    assert not list(tmp_path.iterdir())
