from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables

SCHEMA = pa.schema([("a", pa.large_string()), ("b", pa.int64())])


@given(cut_tables(SCHEMA))
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    made = check_row_stage(gp.HashCross(["a", "b"], n_buckets=10, name="ab"), cut[0], cuts=cut[1])
    assert set(made["ab"].to_pylist()) <= set(range(10))


def test_buckets_are_as_full_as_one_another() -> None:
    pairs = [(f"a{first}", second) for first in range(100) for second in range(100)]
    made = gp.HashCross(["a", "b"], n_buckets=16).apply(pl.DataFrame(pairs, schema=["a", "b"], orient="row"))["a_x_b"].to_numpy()
    counts = np.bincount(made, minlength=16)
    assert abs(counts - 625).max() < 5 * 25
    assert len(set(counts)) > 1


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^HashCross expects two columns or more and n_buckets >= 1, got \('a',\) and 3\. One column is"):
        gp.HashCross("a", n_buckets=3)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match=r"^HashCross expects a new name, got 'a', which is a column already"):
        gp.HashCross(["a", "b"], n_buckets=3, name="a").apply(pl.DataFrame({"a": [1], "b": [1]}))
