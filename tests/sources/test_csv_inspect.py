"""A delimited file is counted exactly, and a row that lacks fields is noticed."""

from __future__ import annotations

import csv
import io
import os
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpupipe.core.errors import GpupipeError, SourceError
from gpupipe.sources import csv_inspect
from gpupipe.sources.csv_bad_row import first_bad_row
from gpupipe.sources.csv_inspect import CsvFacts, inspect_csv
from gpupipe.sources.csv_text import Dialect

NO_HEADER = Dialect(header=False)
CELLS = st.text(alphabet="ab1é ,;|\t\"\n'", max_size=6)
SMALL = st.sampled_from([1, 7, 64, 65, 1 << 18])


def write(rows: list[list[str]], dialect: Dialect, quoting: int = csv.QUOTE_MINIMAL, newline: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=dialect.separator, quotechar=dialect.quote, quoting=quoting, lineterminator=newline).writerows(rows)
    return text.getvalue().encode()


@st.composite
def tables(draw: st.DrawFn, min_width: int = 1) -> tuple[list[list[str]], Dialect, bytes]:
    width = draw(st.integers(min_width, 5))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12))
    dialect = Dialect(draw(st.sampled_from(",;|\t")), draw(st.sampled_from("\"'")), header=draw(st.booleans()))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    content = write(rows, dialect, quoting, draw(st.sampled_from(["\n", "\r\n"])))
    if draw(st.booleans()):
        content = content.removesuffix(b"\n").removesuffix(b"\r")
    return rows, dialect, (b"\xef\xbb\xbf" if draw(st.booleans()) else b"") + content


@given(tables(), SMALL)
def test_a_whole_file_is_counted_exactly(table: tuple[list[list[str]], Dialect, bytes], block_bytes: int) -> None:
    rows, dialect, content = table
    header = tuple(rows[0]) if dialect.header else None
    expected = CsvFacts(len(rows) - dialect.header, header, len(rows[0]), 0, False)
    assert inspect_csv(content, dialect, block_bytes=block_bytes) == expected
    assert inspect_csv(content, dialect, len(rows[0]), block_bytes=block_bytes) == expected
    assert first_bad_row(content, dialect, n_columns=len(rows[0])) is None


@given(tables(min_width=2), SMALL, st.data())
def test_a_dropped_or_added_field_is_noticed(table: tuple[list[list[str]], Dialect, bytes], block_bytes: int, data: st.DataObject) -> None:
    rows, dialect, _ = table
    at = data.draw(st.integers(0, len(rows) - 1))
    broken = [list(row) for row in rows]
    if data.draw(st.booleans()):
        broken[at].pop(data.draw(st.integers(0, len(rows[0]) - 1)))
    else:
        broken[at].insert(0, "new")
    content = write(broken, dialect, csv.QUOTE_ALL)
    facts = inspect_csv(content, dialect, len(rows[0]), block_bytes=block_bytes)
    assert facts.n_rows == len(rows) - dialect.header
    assert facts.short or (at == 0 and dialect.header and facts.n_columns == len(broken[0]))
    bad = first_bad_row(content, dialect, n_columns=len(rows[0]))
    assert bad is not None
    assert (bad.row_number, bad.got_fields) == (at + 1 - dialect.header, len(broken[at]))
    assert bad.line_number == 1 + sum(len(cell.split("\n")) - 1 for row in broken[:at] for cell in row) + at


@given(tables(), SMALL, st.lists(st.integers(0, 12), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]))
def test_blank_lines_are_counted_and_are_no_rows(
    table: tuple[list[list[str]], Dialect, bytes], block_bytes: int, places: list[int], newline: str
) -> None:
    rows, dialect, _ = table
    lines = [write([row], dialect, csv.QUOTE_ALL, newline) for row in rows]
    for place in places:
        lines.insert(min(place, len(lines)), newline.encode())
    facts = inspect_csv(b"".join(lines), dialect, block_bytes=block_bytes)
    assert (facts.n_rows, facts.blank_lines, facts.short) == (len(rows) - dialect.header, len(places), False)


@given(st.text(alphabet='ab,"\n\r#', max_size=40), SMALL, st.booleans(), st.sampled_from([None, "#", "#a"]))
@example('a,b\n""x"y,z\n', 64, True, None)
@example('a,b\n5" disk,12" disk\n', 64, True, None)
@example('a,b\n1,"2\n', 64, True, None)
@example('"', 1, True, None)
@example('a,b\n"x"', 7, False, None)
@example("a\n\r\n\r\n\n", 1, False, None)
def test_bits_and_lines_count_alike(text: str, block_bytes: int, has_header: bool, comment: str | None) -> None:
    dialect, content = Dialect(header=has_header, comment=comment), text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_inspect, "scan", csv_inspect._scan_lines)
        expected = inspect_csv(content, dialect)
    found = inspect_csv(content, dialect, block_bytes=block_bytes)
    assert replace(found, odd=True) == replace(expected, odd=True)  # which reading line by line always says


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        (b'a,b\n"x""y",2\n', False),
        (b'a,b\n1,"x"', False),
        (b'a,b\r\n1,"x"\r\n', False),
        (b'a,b\n5" disk,2\n', True),
        (b'a,b"x\n1,2\n', True),
        (b'a,b\n"x"y,2\n', True),
        (b'a,b\n"x" ,2\n', True),
        (b"a,b\r1,2\r", True),
        (b"a,b\n1\r,2\n", True),
        (b'a,b\n"1\r",2\n', True),
        (b"#c\na,b\n1,2\n", True),
        (b"a,b\n#c\n1,2\n", True),
    ],
)
def test_what_readers_take_in_different_ways_is_odd(text: bytes, odd: bool) -> None:
    assert inspect_csv(text, Dialect(comment="#")).odd is odd


@given(st.text(alphabet='ab,"\n', max_size=40))
def test_any_quoting_reads_as_the_csv_module_does(text: str) -> None:
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    facts = inspect_csv(text.encode(), NO_HEADER)
    assert facts.n_rows == len(rows)
    if not facts.short:
        assert sum(map(len, rows)) == facts.n_columns * len(rows)


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1 << 18])
@pytest.mark.parametrize("pair", [("1,2", "3,4,5,6"), ("3,4,5,6", "1,2"), ('"x\n,",2', "3,4,5,6"), ("", ",,,,")])
def test_a_short_row_and_a_long_one_do_not_make_up_for_each_other(pair: tuple[str, str], block_bytes: int) -> None:
    rows = ["7,8,9"] * 40 + [row for row in pair if row] + ['7,"8\n,",9'] * 40
    assert inspect_csv(("a,b,c\n" + "\n".join(rows)).encode(), Dialect(), block_bytes=block_bytes).short


def test_quotes_across_blocks_and_words() -> None:
    random.seed(1)
    rows = [["x" * random.randrange(90), 'a\n"b,' * random.randrange(30)] for _ in range(500)]
    content = write(rows, NO_HEADER)
    for block_bytes in (64, 1000, 4096, 1 << 18):
        assert inspect_csv(content, NO_HEADER, block_bytes=block_bytes) == CsvFacts(500, None, 2, 0, False)


@given(tables() | st.text(alphabet='ab,;"\n\r#', max_size=80).map(lambda text: ([], NO_HEADER, text.encode())), st.sampled_from([1, 3, 8]))
@example(([], NO_HEADER, b'a,b\n"c\n\n\n\n\n\n\n\n",d\ne,f\n'), 1)  # the middle is inside a quote
@example(([], NO_HEADER, b"a,b\nc,d\ne,f\n\ng\ni,j"), 1)
def test_a_file_read_in_parts_at_one_time_is_counted_as_one_read_through(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[list[str]], Dialect, bytes], block_bytes: int
) -> None:
    _, dialect, content = table
    path = tmp_path_factory.getbasetemp() / "parts.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_inspect, "_PART_BLOCKS", 1)
        patch.setattr(os, "cpu_count", lambda: 4)
        assert inspect_csv(path, dialect, block_bytes=block_bytes) == inspect_csv(content, dialect)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", CsvFacts(0, None, 0, 0, False)),
        (b"\xef\xbb\xbf", CsvFacts(0, None, 0, 0, False)),
        (b"\n\r\n", CsvFacts(0, None, 0, 2, False)),
        (b"a,b", CsvFacts(0, ("a", "b"), 2, 0, False)),
        (b"a,b\r\n", CsvFacts(0, ("a", "b"), 2, 0, False)),
        (b"\xef\xbb\xbf\n\na,b\n1,2", CsvFacts(1, ("a", "b"), 2, 2, False)),
        (b'"a\nb",c\n"1\n\n",2\n\n', CsvFacts(1, ("a\nb", "c"), 2, 1, False)),
        (b"a\n\n1\n", CsvFacts(1, ("a",), 1, 1, False)),
        (b"a,b\n   \n", CsvFacts(1, ("a", "b"), 2, 0, True)),
        (b'a,b\n1,"2\n3,4\n', CsvFacts(1, ("a", "b"), 2, 0, True)),
    ],
)
def test_small_files(content: bytes, expected: CsvFacts, tmp_path: Path) -> None:
    assert inspect_csv(content, Dialect()) == expected
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert inspect_csv(path, Dialect()) == expected == inspect_csv(str(path), Dialect())


def test_skipped_rows_count_blank_lines_and_no_comments() -> None:
    content = b'#c\nsome "title\n\na,b\n1,2\n#3\n3,4\n'
    assert inspect_csv(content, Dialect(skip_rows=2, comment="#")) == CsvFacts(2, ("a", "b"), 2, 0, False, True)
    assert inspect_csv(b'"x\ny"\na,b\n1,2\n', Dialect(skip_rows=1)).header == ("a", "b")
    assert inspect_csv(b"x\n", Dialect(skip_rows=3)) == CsvFacts(0, None, 0, 0, False)


def test_quotes_may_mean_nothing() -> None:
    content = b'a|b\n5" disk|x\n"|\n'
    assert inspect_csv(content, Dialect("|", None)) == CsvFacts(2, ("a", "b"), 2, 0, False)


def test_the_declared_width_counts() -> None:
    assert inspect_csv(b"1,2\n3,4\n", NO_HEADER, 3).short
    assert not inspect_csv(b"1,2\n3,4\n", NO_HEADER, 2).short


def test_a_header_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(SourceError, match=r"the text: expected a header in UTF-8, got b'\\xe4, b' .*encoding='latin-1'"):
        inspect_csv(b"\xe4,b\n1,2\n", Dialect())
    with pytest.raises(SourceError, match=r"expected UTF-8 text, got UTF-16 \(byte order mark ff fe\)"):
        inspect_csv("a,b\n".encode("utf-16"), Dialect())


def test_ugly_files_end_in_facts_or_our_errors(shared_data: Path) -> None:
    n_files = n_facts = 0
    with zipfile.ZipFile(shared_data / "csv_pollock" / "pollock_shared.zip") as archive:
        for name in archive.namelist():
            if not name.endswith(".csv"):
                continue
            content = archive.read(name)
            for dialect in (Dialect(), Dialect(";", "'", header=False), Dialect(comment="#", skip_rows=2)):
                n_files += 1
                try:
                    facts = inspect_csv(content, dialect)
                    bad = first_bad_row(content, dialect)
                except GpupipeError:
                    continue
                n_facts += 1
                assert not facts.short or bad is not None or facts.odd, name
    assert n_files > 300 and n_facts > 0.9 * n_files
