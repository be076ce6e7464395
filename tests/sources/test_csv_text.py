"""The grammar of delimited text, and what a dialect refuses."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.core.errors import UsageError
from gpupipe.sources.csv_text import Dialect, Grammar, records, whole_lines


@given(st.text(alphabet='ab|"\n', max_size=40))
def test_records_and_fields_are_those_of_the_csv_module(text: str) -> None:
    grammar = Grammar.of(Dialect("|"))
    found = list(records(io.BytesIO(text.encode()), grammar, "text"))
    assert b"".join(record.raw for record in found).decode() == text
    if all(record.closed for record in found):
        expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter="|") if row]
        assert [[field.decode() for field in grammar.split(r.raw)] for r in found if not r.is_blank] == expected


@given(st.binary(max_size=300), st.integers(1, 64))
def test_blocks_are_whole_lines_and_all_of_them(content: bytes, block_bytes: int) -> None:
    blocks = [bytes(buffer[:n_bytes]) for buffer, n_bytes in whole_lines(io.BytesIO(content), block_bytes)]
    assert b"".join(blocks) == content
    assert all(block.endswith(b"\n") for block in blocks[:-1]) and all(blocks)


@pytest.mark.parametrize("separator", [".", "^", "]", "\\", "-", "\t", " "])
def test_any_ascii_character_separates(separator: str) -> None:
    raw = f'a{separator}"b{separator}""c"{separator}'.encode()
    assert Grammar.of(Dialect(separator)).split(raw) == [b"a", f'b{separator}"c'.encode(), b""]
    raw = f"a,{separator}b,{separator}{separator}c{separator},d".encode()
    assert Grammar.of(Dialect(quote=separator)).split(raw) == [b"a", f"b,{separator}c".encode(), b"d"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": "||"}, r"separator expected one ASCII character other than a newline, got '\|\|'"),
        ({"separator": "\n"}, "separator expected one ASCII character"),
        ({"quote": ""}, "quote expected one ASCII character"),
        ({"quote": "«"}, "quote expected one ASCII character"),
        ({"separator": '"'}, "two different characters"),
        ({"comment": ""}, "comment expected some text"),
        ({"skip_rows": -1}, "skip_rows expected 0 or more, got -1"),
    ],
)
def test_a_dialect_refuses(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Dialect(**options)  # type: ignore[arg-type]
