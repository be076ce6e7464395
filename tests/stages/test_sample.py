from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.stages.sample import Sample
from gpupipe.testing.laws import check_row_stage, check_table_stage
from gpupipe.testing.strategies import cut_tables, tables

MANY = pl.DataFrame({"a": range(20_000), "k": [row // 4 for row in range(20_000)]})


def test_share_is_near_the_fraction() -> None:
    assert abs(len(Sample(0.3).apply(MANY)) - 6_000) < 300
    assert len(Sample(0.0).apply(MANY)) == 0
    assert len(Sample(1).apply(MANY)) == len(MANY)


def test_number_is_exact(engine: str) -> None:
    frame = MANY if engine == "cpu" else MANY.to_pandas()
    assert len(Sample(n_rows=17).apply(frame)) == 17
    assert len(Sample(n_rows=30_000).apply(frame)) == len(MANY)
    assert len(Sample(n_rows=0).apply(frame)) == 0


def test_seed_decides() -> None:
    first, again, other = (set(Sample(0.1, seed=seed).apply(MANY)["a"].to_list()) for seed in (1, 1, 2))
    assert first == again
    assert len(first & other) < len(first) / 2


def test_rows_of_a_key_share_their_fate() -> None:
    kept = Sample(0.25, by="k").apply(MANY)
    assert set(kept.group_by("k").len()["len"].to_list()) == {4}
    assert abs(len(kept) - 5_000) < 400


@given(cut_tables(), st.sampled_from([0.0, 0.3, 1.0]))
def test_share_does_not_depend_on_the_cut(cut: tuple[pa.Table, tuple[int, ...]], fraction: float) -> None:
    check_row_stage(Sample(fraction), cut[0], cuts=cut[1])  # type: ignore[arg-type]
    check_row_stage(Sample(fraction, by=["key", "day"], seed=3), cut[0], cuts=cut[1])  # type: ignore[arg-type]


@given(tables(), st.integers(0, 5))
def test_law(table: pa.Table, n_rows: int) -> None:
    assert check_table_stage(Sample(n_rows=n_rows), table).num_rows == min(n_rows, table.num_rows)


def test_options() -> None:
    for options in ({}, {"fraction": 0.5, "n_rows": 1}):
        with pytest.raises(UsageError, match=r"^Sample expects either fraction or n_rows\.$"):
            Sample(**options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Sample expects a fraction in \[0, 1\], got 1\.5\.$"):
        Sample(1.5)
    with pytest.raises(UsageError, match=r"^Sample expects n_rows >= 0 and no by with it, got n_rows=-1, by=None\.$"):
        Sample(n_rows=-1)
    with pytest.raises(UsageError, match=r"^Sample expects n_rows >= 0 and no by with it, got n_rows=1, by='k'\.$"):
        Sample(n_rows=1, by="k")
    with pytest.raises(ColumnError, match=r"^There is no column 'kk'\. Did you mean 'k'\?"):
        Sample(0.5, by="kk").apply(MANY)
