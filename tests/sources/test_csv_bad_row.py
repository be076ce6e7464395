"""The first bad row is found, and the message says where it is and what to do."""

from __future__ import annotations

import io
import time
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpupipe.core.errors import ColumnError, SourceError
from gpupipe.sources import csv_bad_row, csv_text
from gpupipe.sources.csv_bad_row import first_bad_row, raise_bad_row
from gpupipe.sources.csv_text import Dialect, Grammar, Records, without_newline


def message(content: bytes, dialect: Dialect | None = None, **options: object) -> str:
    bad = first_bad_row(content, dialect or Dialect(), **options)  # type: ignore[arg-type]
    assert bad is not None
    with pytest.raises(SourceError) as caught:
        raise_bad_row(bad, "perf.txt")
    return str(caught.value)


def test_a_short_row() -> None:
    content = b'a,b\n"x\n\ny",1\n\n1\n'
    assert message(content) == (
        "perf.txt, line 6 (row 2): expected 2 fields, got 1: '1'. Mend or remove the row, check the separator and the quote "
        "character, or pass ragged='fill' to fill short rows with missing values, or quarantine='some/folder' to put such rows aside."
    )


def test_a_long_row_in_a_file_without_header() -> None:
    assert "perf.txt, line 2 (row 2): expected 2 fields, got 3: '3|4|5'." in message(b"1|2\r\n3|4|5\r\n", Dialect("|", header=False))


def test_a_header_of_another_width() -> None:
    assert "line 1 (header): expected 3 fields, got 2: 'a,b'" in message(b"a,b\n1,2,3\n", n_columns=3)


def test_bytes_that_are_not_utf8() -> None:
    assert message(b"a,b\n1,x\n2,M\xfcller\n") == (
        r"perf.txt, line 3 (row 2): expected UTF-8 text, got the byte 0xfc at position 4: '2,M\\xfcller'. "
        "Pass the encoding that the file is written in, such as encoding='latin-1' or 'cp1252'."
    )


def test_a_value_its_column_refuses() -> None:
    content = b'id,upb\n1,2.5\n2,\n3,"1,5"\n'
    assert message(content, checks={"upb": Decimal, "id": int}) == (
        "perf.txt, line 4 (row 3), column 'upb': expected a value of the column's dtype, got '1,5' "
        "([<class 'decimal.ConversionSyntax'>]): '3,\"1,5\"'. Mend the value, or give the column another dtype."
    )
    assert first_bad_row(b"id\nNA\n", Dialect(), {"id": int}, null_values=("NA",)) is None
    assert first_bad_row(b"1,x\n", Dialect(header=False), {"b": int}, names=["a", "b"]).column == "b"  # type: ignore[union-attr]


def test_a_check_for_no_column() -> None:
    with pytest.raises(ColumnError, match=r"No column 'idd' to check; the file has 'id'\. Did you mean 'id'"):
        first_bad_row(b"id\n1\n", Dialect(), {"idd": int})


def test_a_quote_that_never_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "line 3 (row 2): expected each quote to be closed, got one that is still open"
    assert expected in message(b'a,b\n1,2\n3,"4\n5,6\n')
    monkeypatch.setattr(csv_text, "MAX_RECORD_BYTES", 1000)
    found = message(b'a,b\n1,2\n3,"4\n' + b"5,6\n" * 1000)
    assert expected in found and len(found) < 600


def test_an_open_quote_is_found_in_linear_memory_and_time() -> None:
    text = b'a,b\n1,2\n3,"4\n' + b"5,6\n" * 4_000_000
    tracemalloc.start()
    began = time.process_time()
    bad = first_bad_row(text, Dialect())
    seconds, most = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert bad is not None and (bad.line_number, bad.is_unreadable) == (3, True)
    assert most < 6 * len(text), f"{most / len(text):.1f} bytes a byte"
    began = time.process_time()
    first_bad_row(text[: len(text) // 4], Dialect())
    assert seconds < 12 * max(time.process_time() - began, 0.01), "four times the text takes about four times as long"


def test_text_behind_a_closing_quote_is_a_fault_and_a_quote_inside_a_field_none() -> None:
    assert "line 2 (row 1): expected a separator behind the closing quote of a field" in message(b'a,b\n"x"y,2\n3,4\n')
    assert first_bad_row(b'a,b"x\n5" disk,2\n"x" ,4\n', Dialect()) is None
    assert "line 3 (row 2): expected 2 fields, got 1" in message(b'a,b\n5" disk,2\n3\n')


def test_content_is_cut() -> None:
    bad = first_bad_row(b"a,b\n" + "é".encode() * 10_000 + b"\n", Dialect())
    assert bad is not None and bad.content == "é" * 200


def test_skipped_rows_and_comments_count_as_lines() -> None:
    bad = first_bad_row(b"t\n#c\na,b\n1,2\n#c\n3\n", Dialect(skip_rows=1, comment="#"))
    assert bad is not None and (bad.row_number, bad.line_number, bad.content) == (2, 6, "3")


def test_a_whole_file_has_no_bad_row() -> None:
    assert first_bad_row(b"a,b\r\n1,2\r\n\r\n", Dialect()) is None
    assert first_bad_row(b"", Dialect()) is None


def _is_odd(grammar: Grammar, raw: bytes, n_columns: int) -> bool:
    parts = list(grammar.parts(raw))
    return len(parts) != n_columns or any(part.is_stray for part in parts)


@given(st.text(alphabet='ab,"\n\ré#', max_size=60), st.sampled_from([1, 8, 64]), st.integers(1, 3), st.sampled_from([None, "#"]))
@example('a,b\n"x\n",1\n7\n', 1, 2, None)
@example("a,b\n1,2\n#c\n3,4\n5,6\n7\n", 64, 2, "#")
def test_blocks_find_what_reading_every_record_finds(text: str, block_bytes: int, n_columns: int, comment: str | None) -> None:
    dialect, content = Dialect(comment=comment), text.encode()
    grammar, expected, row_number = Grammar.of(dialect), None, -1
    for record in Records(io.BytesIO(content), grammar, "text"):
        row_number += not record.is_blank
        if not record.is_blank and (not record.closed or _is_odd(grammar, record.raw, n_columns)):
            expected = (row_number, record.line_number, without_newline(record.raw).decode())
            break
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_bad_row, "_BLOCK_BYTES", block_bytes)
        bad = first_bad_row(content, dialect, n_columns=n_columns)
    assert (None if bad is None else (bad.row_number, bad.line_number, bad.content)) == expected


@pytest.mark.parametrize("pair", [("1,2,3\n", "1\n"), ("1\n", "1,2,3\n")])
def test_a_short_and_a_long_row_do_not_cancel(pair: tuple[str, str]) -> None:
    rows = ["1,2\n"] * 200_000
    rows[150_000:150_002] = pair
    bad = first_bad_row("".join(rows).encode(), Dialect(header=False))
    assert bad is not None
    assert (bad.row_number, bad.line_number, bad.got_fields) == (150_001, 150_001, pair[0].count(",") + 1)


def test_rows_that_are_filled_or_put_aside_are_no_faults() -> None:
    text = b'a,b\n1\n2,3,\n4,5,6\n"x"y,7\n'
    assert first_bad_row(text, Dialect(aside=True)) is None
    bad = first_bad_row(text, Dialect(ragged="fill"))
    assert bad is not None and (bad.row_number, bad.reason) == (3, "expected 2 fields, got 3")
    assert first_bad_row(b"a,b\n1\n2,x\n", Dialect(ragged="fill"), {"b": int}).value == "x"  # type: ignore[union-attr]
    assert first_bad_row(b"a,b\n1,\\N\n", Dialect(escape="\\"), {"b": int}, null_values=("\\N",)) is None
