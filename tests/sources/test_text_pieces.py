"""Text is cut where a record begins: together, the pieces are the file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpupipe.sources.csv_text import Dialect, Grammar, Records
from gpupipe.sources.text_pieces import read_bytes, text_pieces

PLAIN = b"".join(b"%d,x%d\n" % (number, number) for number in range(200))
QUOTED = b"".join(b'%d,"a\n%d,""b"\n' % (number, number) for number in range(200))


@pytest.mark.parametrize("n_rows", [1, 7, 50, 1000])
@pytest.mark.parametrize("text", [PLAIN, PLAIN[:-1], QUOTED], ids=["plain", "no last newline", "quoted"])
def test_pieces_are_the_file(text: bytes, n_rows: int, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    grammar = Grammar.of(Dialect(quote=None if b'"' not in text else '"'))
    pieces = text_pieces(3, str(path), n_rows, grammar)
    parts = [text if piece.start is None else read_bytes(str(path), piece.start, piece.stop) for piece in pieces]
    assert b"".join(parts) == text
    assert all(piece.file == 3 for piece in pieces)
    assert (len(pieces) == 1) == (n_rows == 1000)
    for part in parts:
        with path.with_suffix(".part").open("wb+") as stream:
            stream.write(part)
            stream.seek(0)
            assert all(record.closed and record.raw[:1].isdigit() for record in Records(stream, grammar, "part"))


@given(text=st.text(alphabet='ab,"\n\r#', max_size=60), comment=st.sampled_from([None, "#"]))
@example(text='a,5"\r"b\n\n\n\n",c\nd,e\n', comment=None)
@example(text='a\r#"\nb\n"c\n"\n', comment="#")
@example(text="#\n\n", comment="#")
def test_records_of_pieces_are_those_of_the_file(text: str, comment: str | None, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "pieces.csv"
    path.write_bytes(text.encode())
    grammar = Grammar.of(Dialect(comment=comment))
    pieces = text_pieces(0, str(path), 1, grammar)
    parts = [text.encode() if piece.start is None else read_bytes(str(path), piece.start, piece.stop) for piece in pieces]
    assert [record for part in parts for record in records(part, grammar)] == records(text.encode(), grammar)


def records(text: bytes, grammar: Grammar) -> list[tuple[bytes, bool]]:
    """Return the records of a text, blank lines left out: a file's last newline begins none."""
    found, made = Records(io.BytesIO(text), grammar, "text"), []
    while (record := found.next()) is not None:
        if not record.is_blank:
            made.append((record.raw.rstrip(b"\r\n"), record.closed))
    return made


def test_the_first_piece_has_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a long header,another\n" + PLAIN)
    first = text_pieces(0, str(path), 1, None, head_bytes=22)[0]
    assert first.start == 0 and first.stop is not None and first.stop >= 22


def test_an_empty_file_is_one_piece(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    (piece,) = text_pieces(0, str(tmp_path / "a.csv"), 10)
    assert piece.start is None
