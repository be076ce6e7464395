from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import normalize

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.testing.laws import check_key_stage


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_law_and_scikit_learn(norm: Any) -> None:
    rows = np.random.default_rng(0).normal(0, 1, (6, 5))
    rows[2] = 0
    frame = pl.DataFrame({"k": np.repeat(np.arange(6), 5), "place": np.tile(np.arange(5), 6), "x": rows.ravel()})
    made = check_key_stage(gp.NormalizeByKey("x", by="k", norm=norm), frame, rtol=1e-14)
    made = made.sort_by([("k", "ascending"), ("place", "ascending")])
    np.testing.assert_allclose(made["x"].to_numpy().reshape(6, 5), normalize(rows, norm), rtol=1e-14)


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^NormalizeByKey expects norm 'l1', 'l2' or 'max', got 'l3'\.$"):
        gp.NormalizeByKey("x", by="k", norm="l3")  # type: ignore[arg-type]
