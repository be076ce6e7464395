"""Hashes of texts that repeat, against the hash of each by itself."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.engines._verbs import hashed_column
from gpupipe.engines.polars import hashing
from gpupipe.engines.polars.hashing import TextHashes

# Both sides of the 12 bytes that stand in a view, in characters of one to four bytes, and texts that differ in their last byte only.
TEXTS = ["", "N", "N\0", "é", "twelve bytes", "twelve byteS", "thirteen byte", "thirteen bytE", "🏠🏠🏠", "🏠🏠🏠🏠", "x" * 70]


def expected(rows: pl.Series, n_bits: int = 32) -> list[int | None]:
    alone = [None if value is None else hashed_column(pl.Series([value]).to_arrow(), 7, n_bits)[0].as_py() for value in rows]
    return [None if value is None else int(value) for value in alone]


@given(st.lists(st.none() | st.sampled_from(TEXTS) | st.text(max_size=16), max_size=40), st.integers(0, 12), st.integers(1, 32))
def test_every_row_of_a_part_has_the_hash_of_its_own_text(texts: list[str | None], start: int, n_bits: int) -> None:
    rows = pl.Series("text", texts, dtype=pl.String)[start:]
    made = TextHashes(7, n_bits)(rows)
    assert made.dtype == pl.UInt32
    assert made.to_list() == expected(rows, n_bits)


@pytest.mark.parametrize("length", [5, 20])
def test_more_texts_than_are_taken_out_one_by_one(length: int) -> None:
    rows = pl.Series([f"{number:0{length}d}" for number in range(60)] * 2 + [None])
    assert TextHashes(7, 32)(rows).to_list() == expected(rows)


def test_what_was_learned_of_one_batch_serves_the_next_however_many_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_MOST_KNOWN", 3)
    hashes = TextHashes(7, 32)
    for start in (0, 2, 0, 6):
        rows = pl.Series([*TEXTS[start : start + 5], None])
        assert hashes(rows).to_list() == expected(rows)


def test_chunks_and_nothing_but_missing_texts() -> None:
    rows = pl.concat([pl.Series(["a", None]), pl.Series([None], dtype=pl.String), pl.Series(["thirteen byte", "a"])], rechunk=False)
    assert rows.n_chunks() == 3
    assert TextHashes(7, 32)(rows).to_list() == expected(rows)
    assert TextHashes(7, 32)(rows[1:3]).to_list() == [None, None]


def test_a_column_that_is_no_text_has_the_hash_of_its_values() -> None:
    assert TextHashes(7, 32)(pl.Series([3, None, 3])).to_list() == expected(pl.Series([3, None, 3]))
    dictionary = pl.Series(["a", None], dtype=pl.Categorical)
    assert TextHashes(7, 32)(dictionary).to_list() == expected(pl.Series(["a", None]))
