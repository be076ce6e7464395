"""The grammar of delimited text, and what a dialect refuses."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpupipe.core.errors import UsageError
from gpupipe.sources.csv_text import Dialect, Grammar, Records


@given(st.text(alphabet='ab|"\n\r', max_size=40), st.sampled_from([1, 3, 1 << 16]))
def test_records_and_fields_are_those_of_the_csv_module(text: str, block_bytes: int) -> None:
    grammar = Grammar.of(Dialect("|"))
    found = list(Records(io.BytesIO(text.encode()), grammar, "text", block_bytes))
    assert b"".join(record.raw for record in found).decode() == text
    if all(record.closed for record in found):
        expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter="|") if row]
        assert [[field.decode() for field in grammar.split(r.raw)] for r in found if not r.is_blank] == expected


@pytest.mark.parametrize("separator", [".", "^", "]", "\\", "-", "\t", " "])
def test_any_ascii_character_separates(separator: str) -> None:
    raw = f'a{separator}"b{separator}""c"{separator}'.encode()
    assert Grammar.of(Dialect(separator)).split(raw) == [b"a", f'b{separator}"c'.encode(), b""]
    raw = f"a,{separator}b,{separator}{separator}c{separator},d".encode()
    assert Grammar.of(Dialect(quote=separator)).split(raw) == [b"a", f"b,{separator}c".encode(), b"d"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": "\n"}, r"separator expected a character, or several, without newlines or NUL, got '\\n'"),
        ({"separator": "\0"}, r"separator expected a character, or several, without newlines or NUL, got '\\x00'"),
        ({"separator": ""}, "separator expected a character"),
        ({"separator": '"|'}, "separator and quote expected two different characters, got '\"' in both"),
        ({"separator": "\\", "escape": "\\"}, "separator and escape expected two different characters"),
        ({"escape": "ab"}, "escape expected one ASCII character other than a newline, got 'ab'"),
        ({"encoding": "latin-l"}, "encoding expected one that Python knows, .* got 'latin-l'.* Did you mean 'latin-1'"),
        ({"encoding": "rot13"}, "encoding expected one that Python knows"),
        ({"ragged": "skip"}, "ragged expected 'error' or 'fill', got 'skip'. quarantine='some/folder' puts rows aside."),
        ({"max_unpacked": 0}, "max_unpacked expected a number of bytes, got 0"),
        ({"header": 0}, "header expected True or False, got 0. Column names go to names="),
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


@given(st.text(alphabet='ab|"\n\\', max_size=30), st.sampled_from([1, 3, 1 << 16]))
@example("a\\\n|b\n", 1)
@example('"a\\"|"|b\n', 3)
def test_escapes_are_read_as_by_the_csv_module(text: str, block_bytes: int) -> None:
    grammar = Grammar.of(Dialect("|", escape="\\"))
    found = list(Records(io.BytesIO(text.encode()), grammar, "text", block_bytes))
    assert b"".join(record.raw for record in found).decode() == text
    strays = any(part.is_stray for record in found if record.closed for part in grammar.parts(record.raw))
    if all(record.closed for record in found) and not text.endswith("\\") and not strays:  # there csv makes a newline up, and is refused
        expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter="|", escapechar="\\") if row]
        assert [[field.decode() for field in grammar.split(r.raw)] for r in found if not r.is_blank] == expected


@given(st.lists(st.lists(st.text(alphabet="ab|,§", max_size=4), min_size=2, max_size=3), min_size=1, max_size=4))
@pytest.mark.parametrize("separator", ["||", ", ", "§", "|,|"])
def test_separators_of_several_characters(separator: str, rows: list[list[str]]) -> None:
    grammar = Grammar.of(Dialect(separator))
    text = "".join(separator.join(f'"{field}"' for field in row) + "\n" for row in rows)
    found = Records(io.BytesIO(text.encode()), grammar, "text", 1)
    assert [[field.decode() for field in grammar.split(record.raw)] for record in found] == rows


def test_a_separator_is_found_where_it_is_whole() -> None:
    assert Grammar.of(Dialect("||")).split(b"a|b||c|||d") == [b"a|b", b"c", b"|d"]
    assert Grammar.of(Dialect("||", escape="\\")).split(rb"a\|||b") == [b"a|", b"b"]


def test_a_dialect_has_one_name_for_an_encoding() -> None:
    assert Dialect(encoding="UTF8") == Dialect() and Dialect(encoding="latin-1") == Dialect(encoding="iso-8859-1")
    assert Dialect(escape='"').escape is None
    assert not any(Dialect(**one).is_plain for one in ({"encoding": "utf-16"}, {"escape": "\\"}, {"separator": "||"}, {"ragged": "fill"}))  # type: ignore[arg-type]
