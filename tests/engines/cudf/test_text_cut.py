"""Rows and fields of a block of text, held against the csv module, and UTF-8 against Python's decoder."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupipe.engines.cudf.text_cut import cut_rows, is_utf8
from gpupipe.engines.cudf.text_plan import NotPlainError

CELLS = st.text(st.sampled_from('ab",\n é'), max_size=5)


def bytes_of(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=6), line=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=200)
def test_fields_are_those_of_the_csv_module(rows: list[list[str]], line: str) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=line).writerows(rows)
    text = stream.getvalue().encode()
    cut = cut_rows(np, bytes_of(text), 2, ord(","), ord('"'), is_last=True)
    found = []
    for position in (0, 1):
        starts, stops, _ = cut.spans(position)
        found.append([text[start:stop].decode().replace('""', '"') for start, stop in zip(starts, stops, strict=True)])
    assert [list(row) for row in zip(*found, strict=True)] == rows
    assert cut.n_bytes == len(text)


def test_a_block_ends_with_a_whole_row() -> None:
    text = bytes_of(b'1,"a\nb"\n2,"c\n')
    cut = cut_rows(np, text, 2, ord(","), ord('"'), is_last=False)
    assert (len(cut), cut.n_bytes) == (1, 8)
    assert len(cut.without_first()) == 0
    assert cut_rows(np, text[8:], 2, ord(","), ord('"'), is_last=False).n_bytes == 0
    with pytest.raises(NotPlainError, match="a quote does not close"):
        cut_rows(np, text, 2, ord(","), ord('"'), is_last=True)


@pytest.mark.parametrize("text", [b"1,2\n3\n4,5,6\n", b"1,2\n3\n", b"1,2,3\n", b"1,2\n\n"])
def test_uneven_rows_are_found(text: bytes) -> None:
    with pytest.raises(NotPlainError, match="not every row has 2 fields"):
        cut_rows(np, bytes_of(text), 2, ord(","), None, is_last=True)


@pytest.mark.parametrize("text", [b'1,a"b"\n', b'1,"a"b\n', b'1, "a"\n', b'"a" ,1\n'])
def test_quotes_inside_fields_are_found(text: bytes) -> None:
    with pytest.raises(NotPlainError, match="a quote stands inside a field"):
        cut_rows(np, bytes_of(text), 2, ord(","), ord('"'), is_last=True)


@pytest.mark.parametrize("text", [b"1\r,2\n", b"1,2\r", b'1,"\r\n"\n', b"1,2\r\r\n"])
def test_returns_stand_before_newlines(text: bytes) -> None:
    with pytest.raises(NotPlainError, match="a return stands elsewhere"):
        cut_rows(np, bytes_of(text), 2, ord(","), ord('"'), is_last=True)


PIECES = st.sampled_from([b"a", "é".encode(), "€".encode(), "😀".encode(), b"\x80", b"\xc0\x80", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80"])


@given(st.lists(PIECES | st.binary(max_size=3) | st.text(max_size=3).map(str.encode), max_size=6).map(b"".join))
@settings(max_examples=500)
def test_utf8_is_what_python_decodes(text: bytes) -> None:
    try:
        text.decode()
        known = True
    except UnicodeDecodeError:
        known = False
    assert is_utf8(np, bytes_of(text)) == known
