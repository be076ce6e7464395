from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.testing.laws import check_row_stage


def test_law_and_numpys_digitize() -> None:
    values = [-1.0, 0.0, 0.5, 1.0, 9.0, None, float("nan"), float("inf")]
    made = check_row_stage(gp.Bucketize("x", edges=[0, 1, 5]), pl.DataFrame({"x": values}, strict=False))["x"].to_pylist()
    wanted = np.digitize([np.nan if value is None else value for value in values], [0, 1, 5]).tolist()
    assert made == [None if value is None else bucket for value, bucket in zip(values, wanted, strict=True)]


def test_bad_input() -> None:
    for edges in ([], [1, 1], [float("nan")]):
        with pytest.raises(UsageError, match=r"^Bucketize expects edges in ascending order, got .*gp\.Discretize\.$"):
            gp.Bucketize("x", edges=edges)
    with pytest.raises(DtypeError, match=r"^Bucketize expects numbers, got String in column 'x'\."):
        gp.Bucketize("x", edges=[1]).apply(pl.DataFrame({"x": ["a"]}))
