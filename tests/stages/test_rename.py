from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.stages.rename import Rename
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables

FRAME = pl.DataFrame({"a": [1], "b": [2]})


def test_new_names_keep_their_places() -> None:
    assert Rename({"a": "x"}).apply(FRAME).columns == ["x", "b"]
    assert Rename(b="y").apply(FRAME).columns == ["a", "y"]


def test_names_change_places() -> None:
    assert Rename(a="b", b="a").apply(FRAME).to_dicts() == [{"b": 1, "a": 2}]


@given(cut_tables())
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_row_stage(Rename({"key": "amount", "amount": "key", "text": "日本"}), cut[0], cuts=cut[1])


def test_names_that_are_none() -> None:
    with pytest.raises(UsageError, match=r"^Rename expects old and new names, got \{\}\.$"):
        Rename()
    with pytest.raises(UsageError, match=r"^Rename expects old and new names, got \{'a': 1\}\.$"):
        Rename({"a": 1})  # type: ignore[dict-item]


def test_old_name_that_is_not_there() -> None:
    with pytest.raises(ColumnError, match=r"^There is no column 'aa'\. Did you mean 'a'\?"):
        Rename(aa="x").apply(FRAME)


def test_new_name_that_is_there_already() -> None:
    with pytest.raises(ColumnError, match=r"^Expected every column once, got 'b' more than once\. Rename one of them\.$"):
        Rename(a="b").apply(FRAME)
