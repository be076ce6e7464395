"""CP without negative entries as a stage, against TensorLy and SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
import tensorly as tl
from scipy.optimize import nnls
from tensorly.decomposition import non_negative_parafac_hals

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.testing.tasks import check_task

DIMS = ["sensor", "day", "hour"]
RNG = np.random.default_rng(0)
ARRAY = tl.cp_to_tensor((None, [RNG.uniform(size=(size, 2)) for size in (6, 7, 5)])) + 0.05 * RNG.uniform(size=(6, 7, 5))
Rows = Callable[..., pl.DataFrame]


def test_law_and_tensorly(engine: str, long_table: Rows) -> None:
    made = check_task(lambda table: gp.NonNegativeCP(2).fit(gp.ToTensor(DIMS, "x")(table)), long_table(ARRAY), engines=("cpu", engine))
    theirs = non_negative_parafac_hals(tl.tensor(ARRAY), 2, init="svd", n_iter_max=2000, tol=1e-12)
    wanted = np.linalg.norm(ARRAY - tl.cp_to_tensor(theirs)) / np.linalg.norm(ARRAY)
    assert made.errors[-1] <= wanted * (1 + 1e-3)
    assert min(factor.min() for factor in made.factor_arrays) >= 0
    assert made.errors[-1] == pytest.approx(np.linalg.norm(ARRAY - made.reconstruct().apply().values) / np.linalg.norm(ARRAY), rel=1e-6)


def test_projected_rows_are_not_negative(long_table: Rows) -> None:
    """Each slice's rows are SciPy's bounded least squares on the cells that are there."""
    fitted = gp.NonNegativeCP(2).apply(gp.ToTensor(DIMS, "x").apply(long_table(ARRAY)))
    new = RNG.normal(size=(6, 7, 5))
    new[RNG.uniform(size=new.shape) < 0.3] = np.nan
    tensor = gp.ToTensor(DIMS, "x").apply(long_table(new))
    found = pl.from_arrow(fitted.project("sensor").apply(tensor).to_arrow())
    basis = np.einsum("r,jr,kr->jkr", fitted.weight_array, *fitted.factor_arrays[1:]).reshape(-1, 2)
    for row, values in zip(found.select("component_1", "component_2").to_numpy(), new.reshape(6, -1), strict=True):
        kept = ~np.isnan(values)
        np.testing.assert_allclose(row, nnls(basis[kept], values[kept])[0], atol=1e-6)


def test_missing_cells_and_sparse_tensors(engine: str, long_table: Rows) -> None:
    gaps = np.where(np.random.default_rng(1).uniform(size=ARRAY.shape) < 0.2, np.nan, ARRAY)

    def build(table: Any) -> Any:
        tensor = gp.ToTensor(DIMS, "x")(table)
        return gp.NonNegativeCP(2, n_iter_max=200).fit(tensor).impute(tensor)

    full = check_task(build, long_table(gaps), engines=("cpu", engine), rtol=1e-9)
    assert np.abs(full.values - ARRAY).max() < 0.1
    sparse = gp.ToTensor(DIMS, "x", sparse=True).apply(long_table(gaps))
    dense = gp.ToTensor(DIMS, "x", fill=0).apply(long_table(gaps))
    assert gp.NonNegativeCP(2).apply(sparse).errors[-1] == pytest.approx(gp.NonNegativeCP(2).apply(dense).errors[-1], rel=1e-2)


def test_what_is_refused() -> None:
    with pytest.raises(UsageError, match="rank must be at least 1"):
        gp.NonNegativeCP(-1)
    with pytest.raises(UsageError, match="n_starts of at least 1, got 0"):
        gp.NonNegativeCP(2, n_starts=0)
