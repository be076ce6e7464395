"""The first bad row is found, and the message says where it is and what to do."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpupipe.core.errors import ColumnError, SourceError
from gpupipe.sources import csv_bad_row, csv_text
from gpupipe.sources.csv_bad_row import first_bad_row, raise_bad_row
from gpupipe.sources.csv_text import Dialect, Grammar, records, without_newline


def message(content: bytes, dialect: Dialect | None = None, **options: object) -> str:
    bad = first_bad_row(content, dialect or Dialect(), **options)  # type: ignore[arg-type]
    assert bad is not None
    with pytest.raises(SourceError) as caught:
        raise_bad_row(bad, "perf.txt")
    return str(caught.value)


def test_a_short_row() -> None:
    content = b'a,b\n"x\n\ny",1\n\n1\n'
    assert message(content) == (
        "perf.txt, line 6 (row 2): expected 2 fields, got 1: '1'. Mend or remove the row, or check the separator and the quote character."
    )


def test_a_long_row_in_a_file_without_header() -> None:
    assert "perf.txt, line 2 (row 2): expected 2 fields, got 3: '3|4|5'." in message(b"1|2\r\n3|4|5\r\n", Dialect("|", header=False))


def test_a_header_of_another_width() -> None:
    assert "line 1 (header): expected 3 fields, got 2: 'a,b'" in message(b"a,b\n1,2,3\n", n_columns=3)


def test_bytes_that_are_not_utf8() -> None:
    assert message(b"a,b\n1,x\n2,M\xfcller\n") == (
        r"perf.txt, line 3 (row 2): expected UTF-8 text, got the byte 0xfc at position 4: '2,M\\xfcller'. "
        "Convert the file to UTF-8."
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
    for module in (csv_text, csv_bad_row):
        monkeypatch.setattr(module, "MAX_RECORD_BYTES", 1000)
    found = message(b'a,b\n1,2\n3,"4\n' + b"5,6\n" * 1000)
    assert expected in found and len(found) < 600


def test_a_stray_quote_is_named_when_nothing_else_is_wrong() -> None:
    assert "line 2 (row 1): expected quotes around whole fields only" in message(b'a,b\n"x"y,2\n3,4\n')
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


@given(st.text(alphabet='ab,"\n\ré#', max_size=60), st.sampled_from([1, 8, 64]), st.integers(1, 3), st.sampled_from([None, "#"]))
@example('a,b\n"x\n",1\n7\n', 1, 2, None)
@example("a,b\n1,2\n#c\n3,4\n5,6\n7\n", 64, 2, "#")
def test_blocks_find_what_reading_every_record_finds(text: str, block_bytes: int, n_columns: int, comment: str | None) -> None:
    dialect, content = Dialect(comment=comment), text.encode()
    grammar, expected, row_number = Grammar.of(dialect), None, -1
    for record in records(io.BytesIO(content), grammar, "text"):
        row_number += not record.is_blank
        if not record.is_blank and (not record.closed or grammar.count(record.raw) != n_columns):
            expected = (row_number, record.line_number, without_newline(record.raw).decode())
            break
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_bad_row, "_BLOCK_BYTES", block_bytes)
        bad = first_bad_row(content, dialect, n_columns=n_columns)
    if bad is not None and "middle of a field" in bad.reason:
        bad = None
    assert (None if bad is None else (bad.row_number, bad.line_number, bad.content)) == expected


@pytest.mark.parametrize("pair", [("1,2,3\n", "1\n"), ("1\n", "1,2,3\n")])
def test_a_short_and_a_long_row_do_not_cancel(pair: tuple[str, str]) -> None:
    rows = ["1,2\n"] * 200_000
    rows[150_000:150_002] = pair
    bad = first_bad_row("".join(rows).encode(), Dialect(header=False))
    assert bad is not None
    assert (bad.row_number, bad.line_number, bad.got_fields) == (150_001, 150_001, pair[0].count(",") + 1)
