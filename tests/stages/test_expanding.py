from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError
from gpupipe.testing.laws import check_key_stage


@pytest.mark.parametrize("timed", [True, False])
def test_law_and_pandas(timed: bool) -> None:
    chance = np.random.default_rng(0)
    frame = pl.DataFrame({"k": chance.integers(0, 3, 40), "t": chance.permutation(40), "x": [None, *chance.normal(10, 1, 39)]})
    frame = frame.with_columns(t=(pl.col("t") * 10**9).cast(pl.Datetime("us"))) if timed else frame
    words = ["sum", "mean", "min", "max", "std", "var", "median", "count"]
    aggregates = {word: ("x", word) for word in words} | {"high": ("x", "quantile", 0.9)}
    made = check_key_stage(gp.Expanding("k", index="t", **aggregates), frame, rtol=1e-9).to_pandas().sort_values(["k", "t"])
    rows = frame.to_pandas().sort_values(["k", "t"])
    theirs = rows.groupby("k")["x"].expanding(min_periods=1)
    for word in words:
        wanted = getattr(theirs, word)().to_numpy()
        fill = np.nan_to_num if word in ("sum", "count") else np.asarray
        np.testing.assert_allclose(fill(made[word].to_numpy()), fill(wanted), rtol=1e-9)
    np.testing.assert_allclose(made["high"], theirs.quantile(0.9), rtol=1e-12)


def test_bad_input() -> None:
    with pytest.raises(DtypeError, match=r"^Expanding expects integers, dates or times in index 's', got String\. Cast it first\.$"):
        gp.Expanding("k", index="s", n=("k", "count")).apply(pl.DataFrame({"k": [1], "s": ["a"]}))
