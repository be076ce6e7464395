from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given

from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.stages.hash_category import HashCategory
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables


@given(cut_tables())
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_row_stage(HashCategory(["text", "key", "flag", "day", "small"], n_bits=20, seed=7), cut[0], cuts=cut[1])


def test_fewer_bits_are_the_upper_ones(awkward: pa.Table) -> None:
    whole = check_row_stage(HashCategory("s"), awkward)["s"].to_pylist()
    few = check_row_stage(HashCategory("s", n_bits=8), awkward)["s"].to_pylist()
    assert few == [None if value is None else value >> 24 for value in whole]
    assert whole[0] == whole[3]
    assert whole[2] is None


def test_code_is_the_upper_half_of_the_words_xxh64() -> None:
    words = ["a", "", "日本", "a much longer word than thirty-two bytes"]
    made = HashCategory("c", seed=3).apply(pl.DataFrame({"c": words}))["c"].to_list()
    assert made == [xxhash.xxh64_intdigest(word.encode(), 3) >> 32 for word in words]


def test_seed_decides() -> None:
    frame = pl.DataFrame({"c": ["a"]})
    assert HashCategory("c", seed=1).apply(frame)["c"][0] != HashCategory("c", seed=2).apply(frame)["c"][0]


def test_codes_of_distinct_words_seldom_meet() -> None:
    frame = pl.DataFrame({"c": [f"word {number}" for number in range(5_000)]})
    assert HashCategory("c").apply(frame)["c"].n_unique() > 4_995
    assert HashCategory("c", n_bits=1).apply(frame)["c"].n_unique() == 2


def test_options() -> None:
    for n_bits in (0, 33):
        with pytest.raises(UsageError, match=rf"^HashCategory expects n_bits in \[1, 32\], got {n_bits}\.$"):
            HashCategory("c", n_bits=n_bits)
    with pytest.raises(ColumnError, match=r"^There is no column 'cc'\. Did you mean 'c'\?"):
        HashCategory("cc").apply(pl.DataFrame({"c": ["a"]}))
