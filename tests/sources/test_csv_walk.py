"""Sound records are taken together, and what is taken is all there is."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpupipe.sources import csv_walk
from gpupipe.sources.csv_text import Dialect, Grammar, Records
from gpupipe.sources.csv_walk import Sound, walk


@given(
    text=st.text(alphabet='ab,"\n\r#é', max_size=80),
    n_fields=st.integers(1, 3),
    block_bytes=st.sampled_from([1, 16, 1 << 16]),
    comment=st.sampled_from([None, "#"]),
)
@example(text="1,2\n\n3,4\r\n\r\n5,6\n", n_fields=2, block_bytes=1 << 16, comment=None)
@example(text='1,2\n"a\n\n",4\n5"\n6,7\n', n_fields=2, block_bytes=1 << 16, comment=None)
def test_walking_gives_what_record_by_record_gives(text: str, n_fields: int, block_bytes: int, comment: str | None) -> None:
    grammar = Grammar.of(Dialect(comment=comment))
    expected = [record.raw for record in Records(io.BytesIO(text.encode()), grammar, "text") if not record.is_blank]
    found: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_walk, "_FEW_BYTES", 8)
        for part in walk(Records(io.BytesIO(text.encode()), grammar, "text", block_bytes), grammar, n_fields):
            if isinstance(part, Sound):
                rows = list(Records(io.BytesIO(part.text), grammar, "text"))
                assert len(rows) == part.n_rows and all(grammar.is_plain(row.raw) and grammar.count(row.raw) == n_fields for row in rows)
                found += [row.raw for row in rows]
            elif not part.is_blank:
                found.append(part.raw)
    assert found == expected


def test_a_block_is_walked_in_one_piece_and_around_an_odd_record_in_small_ones() -> None:
    grammar = Grammar.of(Dialect())
    sound = b"1,2\n" * 50_000
    parts = list(walk(Records(io.BytesIO(sound), grammar, "text", 1 << 20), grammar, 2))
    assert parts == [Sound(sound, 50_000)]
    odd = list(walk(Records(io.BytesIO(sound + b'5" disk,2\n' + sound), grammar, "text", 1 << 20), grammar, 2))
    assert sum(part.n_rows if isinstance(part, Sound) else 1 for part in odd) == 100_001
    assert sum(not isinstance(part, Sound) for part in odd) < 5_000
