from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gpupipe.kernels.asof import asof_places


@pytest.mark.parametrize("strategy", ["backward", "forward", "nearest"])
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("tolerance", [None, 3])
def test_as_polars_with_rows_of_one_time(strategy: str, exact: bool, tolerance: int | None) -> None:
    chance = np.random.default_rng(0)
    left = pl.DataFrame({"k": chance.integers(0, 3, 80), "t": chance.integers(0, 30, 80)}).sort("t")
    right = pl.DataFrame({"k": chance.integers(0, 3, 40), "t": chance.integers(0, 30, 40)}).sort("t").with_columns(v=pl.int_range(40))
    made = asof_places(*(column.to_numpy() for column in (left["k"], left["t"], right["k"], right["t"])), strategy, tolerance, exact=exact)
    options = {"strategy": strategy, "tolerance": tolerance, "allow_exact_matches": exact, "check_sortedness": False}
    wanted = left.join_asof(right, on="t", by="k", **options)["v"].fill_null(-1)  # type: ignore[arg-type]
    np.testing.assert_array_equal(made, wanted.to_numpy())


def test_of_nothing() -> None:
    none, one = np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    assert asof_places(one, one, none, none, "nearest", None).tolist() == [-1]
    assert asof_places(none, none, one, one, "nearest", None).tolist() == []
