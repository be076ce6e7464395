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
from typing import Any

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


def csv_rows(text: str, **options: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text, newline=""), **options) if row]  # type: ignore[arg-type]


def clean_rows(content: bytes, dialect: Dialect, n_columns: int, block_bytes: int = 1 << 18, **options: Any) -> list[list[str]]:
    """Return the rows of the plain copy, which must be plain, as the csv module reads them."""
    with tempfile.TemporaryDirectory() as folder:
        made = cleaned(content, dialect, folder, n_columns, block_bytes=block_bytes, **options)
        copy = made.path.read_bytes()
    separator, quote = dialect.plain
    facts = inspect_csv(copy, Dialect(separator, quote, dialect.header), n_columns)
    assert not facts.odd and not facts.blank_lines and not (facts.short and facts.n_columns)
    assert facts.n_rows == made.n_rows
    return csv_rows(copy.decode(), delimiter=separator, quotechar=quote or "\1")


CANNOT_BE_READ = ("behind the closing quote", "quote to be closed")


def rows_or_error(content: bytes, dialect: Dialect, n_columns: int, block_bytes: int) -> tuple[list[list[str]], str | None]:
    try:
        return clean_rows(content, dialect, n_columns, block_bytes), None
    except SourceError as error:
        return [], str(error)


@given(st.text(alphabet='ab,"\n\r ', max_size=40), st.sampled_from([1, 7, 64, 1 << 18]), st.booleans(), st.integers(1, 3))
@example('a,b\n"a\n\n\nb",c\n', 1, False, 2)
@example('a,b"x\n1,2\n3,4\n', 64, False, 2)
@example("a,b\r1,2\r\r3,4", 64, True, 2)
def test_a_copy_holds_what_the_csv_module_reads_or_is_refused(text: str, block_bytes: int, has_bom: bool, n_columns: int) -> None:
    content = (b"\xef\xbb\xbf" if has_bom else b"") + text.encode()
    expected = csv_rows(text)
    found, message = rows_or_error(content, Dialect(header=False), n_columns, block_bytes)
    if message is None:
        assert found == expected
    else:
        assert any(len(row) != n_columns for row in expected) or any(word in message for word in CANNOT_BE_READ)


@given(st.text(alphabet='ab;"\n\\é', max_size=40), st.sampled_from([1, 64]))
def test_escapes_and_other_encodings_are_read_as_by_the_csv_module(text: str, block_bytes: int) -> None:
    dialect = Dialect(";", header=False, escape="\\", encoding="latin-1", ragged="fill")
    if text.endswith("\\"):
        text += "a"
    expected = csv_rows(text, delimiter=";", escapechar="\\")
    found, message = rows_or_error(text.encode("latin-1"), dialect, 9, block_bytes)
    if message is None:
        assert found == [row + [""] * (9 - len(row)) for row in expected]
    else:
        assert any(len(row) > 9 for row in expected) or any(word in message for word in CANNOT_BE_READ)


def test_separators_of_several_characters(tmp_path: Path) -> None:
    rows = [["a", "b||c", 'd"e'], ["", "x,y", "z\nz"]]
    text = "".join("||".join('"' + field.replace('"', '""') + '"' for field in row) + "\r\n" for row in rows)
    assert clean_rows(text.encode(), Dialect("||", header=False), 3) == rows
    assert clean_rows(b'5" disk, 1|2, 3\n', Dialect(", ", None, header=False), 3) == [['5" disk', "1|2", "3"]]


def test_what_means_missing_stays_so_whatever_is_escaped(tmp_path: Path) -> None:
    made = cleaned(b'\\N;a\\;b;""\n', Dialect(";", header=False, escape="\\"), tmp_path, 3, null_values=("\\N",))
    assert made.path.read_bytes() == b'\\N;"a;b";""\n'


def test_a_copy_leaves_out_what_is_skipped(tmp_path: Path) -> None:
    source = b"title\n\nmore\n\na,b\r\n\r\n1,2\r\n"
    made = cleaned(source, Dialect(skip_rows=3), tmp_path, 2)
    assert made.path.read_bytes() == b"a,b\r\n1,2\r\n" and (made.n_rows, made.n_blank) == (1, 1)


def test_an_open_quote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.csv, line 3 \(row 1\): expected each quote to be closed"):
        cleaned(b'a,b\n\n1,"2\n\n3,4\n', Dialect(), tmp_path, 2, name="a.csv")
    assert not list(tmp_path.iterdir())


def test_stray_quotes_and_comments(tmp_path: Path) -> None:
    source = b'a,b\n#it\'s 5"\n\n5" disk,x\n\n1,2\n'
    assert cleaned(source, Dialect(comment="#"), tmp_path, 2).path.read_bytes() == b'a,b\n"5"" disk",x\n1,2\n'


def test_rows_that_do_not_fit_are_filled_or_put_aside(tmp_path: Path) -> None:
    source = b"a,b\n1\n2,3\n4,5,\n"
    assert cleaned(source, Dialect(ragged="fill"), tmp_path, 2).path.read_bytes() == b"a,b\n1,\n2,3\n4,5\n"
    with pytest.raises(SourceError, match=r"line 5 \(row 4\): expected 2 fields, got 3: '6,7,8'"):
        cleaned(source + b"6,7,8\n", Dialect(ragged="fill"), tmp_path, 2)
    aside: list[tuple[int, str, bytes]] = []
    made = cleaned(
        source + b'"x"y,1\n',
        Dialect(aside=True),
        tmp_path,
        2,
        reject=lambda bad, raw: aside.append((bad.line_number, bad.reason, raw)),
    )
    assert made.path.read_bytes() == b"a,b\n2,3\n" and (made.n_rows, made.n_rejected) == (1, 3)
    assert [line for line, _, _ in aside] == [2, 4, 5] and aside[0][1:] == ("expected 2 fields, got 1", b"1\n")
    assert "behind the closing quote" in aside[2][1]


@pytest.mark.parametrize("suffix", PACK)
def test_archives_are_read_through(suffix: str, tmp_path: Path) -> None:
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(100_000))
    for name in ("named.csv" + suffix, "unnamed"):
        path = tmp_path / name
        path.write_bytes(PACK[suffix](content))
        facts = inspect_csv(path, Dialect())
        assert (facts.n_rows, facts.n_columns, facts.short) == (100_000, 2, False)
        assert cleaned(path, Dialect(), tmp_path, 2).path.read_bytes() == content


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("cut", [0.0, 0.5, 0.999])
def test_an_archive_cut_short_is_named(suffix: str, cut: float, tmp_path: Path) -> None:
    packed = PACK[suffix](b"a,b\n" + os.urandom(300_000).hex().encode())
    path = tmp_path / f"perf.csv{suffix}"
    path.write_bytes(packed[: int(len(packed) * cut)])
    work = tmp_path / "work"
    work.mkdir()
    for act in (lambda: inspect_csv(path, Dialect()), lambda: cleaned(path, Dialect(), work, 2)):
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
        cleaned(path, Dialect(), tmp_path, 2)


def test_text_that_begins_like_an_archive_is_text() -> None:
    assert inspect_csv(b"BZh9,b\n1,2\n", Dialect()).header == ("BZh9", "b")


def test_no_file_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Expected a readable file, got '.*none\.csv': No such file or directory\. Check the path"):
        cleaned(tmp_path / "none.csv", Dialect(), tmp_path, 2)
    with pytest.raises(SourceError, match=r"Expected a readable file, got .*: Is a directory"):
        inspect_csv(tmp_path, Dialect())
    with pytest.raises(SourceError, match=r"the text: expected room for a plain copy in '.*nowhere', got: No such file"):
        cleaned(b"a\n", Dialect(), tmp_path / "nowhere", 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_a_full_disk(dir: Path, **_: object) -> tuple[int, str]:
        name = dir / "copy.csv"
        name.symlink_to("/dev/full")
        return os.open(name, os.O_WRONLY), str(name)

    monkeypatch.setattr(tempfile, "mkstemp", on_a_full_disk)
    with pytest.raises(SourceError, match=r"expected room .* No space left on device\. Make room there"):
        cleaned(b"a,b\n" + b"1,2\n" * 100_000, Dialect(), tmp_path, 2)
    assert not list(tmp_path.iterdir())
