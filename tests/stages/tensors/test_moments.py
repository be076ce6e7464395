"""Moments as a stage, against NumPy's and SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

import gpupipe as gp
from gpupipe.core.errors import ColumnError, PlanError, StageError, UsageError
from gpupipe.testing.tasks import check_task

X = np.random.default_rng(4).gamma(2.0, size=(40, 3))
ROWS = pl.DataFrame({"day": np.repeat(np.arange(40), 3), "name": ["u", "v", "w"] * 40, "x": X.ravel()})


def made(engine: str, *given: Any, **options: Any) -> Any:
    return check_task(lambda table: gp.Moments(*given, **options)(gp.ToTensor(["day", "name"], "x")(table)), ROWS, engines=("cpu", engine))


def test_covariance(engine: str) -> None:
    found = made(engine, 2, along="day", which="central")
    np.testing.assert_allclose(found.values, np.cov(X.T, bias=True), rtol=1e-12)
    assert found.dims == ("name", "name_2")
    assert found.labels[1]["name_2"].to_list() == ["u", "v", "w"]


def test_third_and_fourth_cumulants(engine: str) -> None:
    """Their diagonals are SciPy's k-statistics."""
    for order in (3, 4):
        found = made(engine, order, along="day", which="cumulant", bias=False)
        for column in range(3):
            assert found.values[(column,) * order] == pytest.approx(stats.kstat(X[:, column], order), rel=1e-10)


def test_raw_third_moment_along_either_dimension() -> None:
    found = made("pandas", 3, along="day")
    np.testing.assert_allclose(found.values, np.einsum("ni,nj,nk->ijk", X, X, X) / 40, rtol=1e-12)
    turned = gp.Moments(1, along="name").apply(gp.ToTensor(["day", "name"], "x").apply(ROWS))
    np.testing.assert_allclose(turned.values, X.mean(1), rtol=1e-12)


def test_what_is_refused() -> None:
    table = gp.FromFrame(ROWS).node()
    with pytest.raises(ColumnError, match=r"Moments: there is no dimension 'days'\. Did you mean 'day'\?"):
        gp.Pipeline("p", made=gp.Moments(2, along="days")(gp.ToTensor(["day", "name"], "x")(table))).check()
    with pytest.raises(PlanError, match="a dense tensor of two dimensions, got a sparse one"):
        gp.Pipeline("p", made=gp.Moments(2, along="day")(gp.ToTensor(["day", "name"], "x", sparse=True)(table))).check()
    with pytest.raises(UsageError, match="an order of 1 to 4"):
        gp.Moments(5, along="day")
    gaps = gp.FromFrame(ROWS.slice(1)).node()
    with pytest.raises(StageError, match=r"without missing cells, got 1 of 120\. Give ToTensor a fill, or impute them\."):
        gp.Pipeline("p", made=gp.Moments(2, along="day")(gp.ToTensor(["day", "name"], "x")(gaps))).run("cpu")
