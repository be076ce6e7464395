"""Tucker as a stage, against TensorLy and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import tensorly as tl
from tensorly.decomposition import tucker

import gpupipe as gp
from gpupipe.core.errors import PlanError, StageError, UsageError
from gpupipe.testing.tasks import check_task

DIMS = ["sensor", "day", "hour"]
RNG = np.random.default_rng(0)
CORE, FACTORS = RNG.normal(size=(2, 3, 2)), [RNG.normal(size=(size, rank)) for size, rank in ((6, 2), (7, 3), (5, 2))]
ARRAY = tl.tucker_to_tensor((CORE, FACTORS)) + 0.1 * RNG.normal(size=(6, 7, 5))
Rows = Callable[..., pl.DataFrame]


def test_law_and_tensorly(engine: str, long_table: Rows) -> None:
    made = check_task(lambda table: gp.Tucker((2, 3, 2)).fit(gp.ToTensor(DIMS, "x")(table)), long_table(ARRAY), engines=("cpu", engine))
    theirs = tl.tucker_to_tensor(tucker(tl.tensor(ARRAY), [2, 3, 2], n_iter_max=1000, tol=1e-12))
    assert made.errors[-1] == pytest.approx(np.linalg.norm(ARRAY - theirs) / np.linalg.norm(ARRAY), rel=1e-6)
    np.testing.assert_allclose(made.reconstruct().apply().values, theirs, atol=1e-3)


@pytest.mark.parametrize("answer", ["core", "factors", "project", "score", "impute", "residual"])
def test_answers_keep_the_law(answer: str, engine: str, long_table: Rows) -> None:
    gaps = np.where(np.random.default_rng(1).uniform(size=ARRAY.shape) < 0.1, np.nan, ARRAY)

    def build(table: Any) -> Any:
        tensor = gp.ToTensor(DIMS, "x")(table)
        fitted = gp.Tucker((2, 3, 2), n_iter_max=20).fit(tensor)
        asked = {"core": fitted.core, "factors": lambda: fitted.factors(dim="day"), "project": lambda: fitted.project(tensor, dim="day")}
        return asked[answer]() if answer in asked else getattr(fitted, answer)(tensor)

    check_task(build, long_table(gaps), engines=("cpu", engine), rtol=1e-8)


def test_answers_make_the_tensor(long_table: Rows) -> None:
    tensor = gp.ToTensor(DIMS, "x").apply(long_table(ARRAY))
    fitted = gp.Tucker((2, 3, 2)).apply(tensor)
    factors = [pl.from_arrow(fitted.factors(dim).apply().to_arrow()).drop(dim).to_numpy() for dim in DIMS]
    core = fitted.core().apply()
    assert core.dims == ("sensor_component", "day_component", "hour_component")
    whole = tl.tucker_to_tensor((core.values, factors))
    np.testing.assert_allclose(fitted.reconstruct().apply().values, whole, atol=1e-12)
    np.testing.assert_allclose(fitted.residual().apply(tensor).values, ARRAY - whole, atol=1e-12)
    found = pl.from_arrow(fitted.project("sensor").apply(tensor).to_arrow()).drop("sensor").to_numpy()
    basis = np.einsum("abc,jb,kc->jka", core.values, *factors[1:]).reshape(-1, 2)
    np.testing.assert_allclose(found, np.linalg.lstsq(basis, ARRAY.reshape(6, -1).T)[0].T, atol=1e-8)


def test_missing_cells_are_found_again(long_table: Rows) -> None:
    exact = tl.tucker_to_tensor((CORE, FACTORS))
    tensor = gp.ToTensor(DIMS, "x").apply(long_table(np.where(np.random.default_rng(2).uniform(size=exact.shape) < 0.1, np.nan, exact)))
    full = gp.Tucker((2, 3, 2), n_iter_max=3000, tol=1e-12).apply(tensor).impute().apply(tensor)
    np.testing.assert_allclose(full.values, exact, atol=1e-3)


def test_ranks_that_cannot_be_had(long_table: Rows, engine: str) -> None:
    tensor = gp.ToTensor(DIMS, "x")(gp.FromFrame(long_table(ARRAY)).node())
    with pytest.raises(StageError, match="at most as many components as labels, got 6 for the 5 along 'hour'"):
        gp.Pipeline("wide", made=gp.Tucker(6).fit(tensor)).run(engine)
    with pytest.raises(PlanError, match="one for each of 3 dimensions, got 2"):
        gp.Pipeline("few", made=gp.Tucker((2, 2)).fit(tensor)).check()
    with pytest.raises(PlanError, match="got a sparse one"):
        gp.Pipeline("sparse", made=gp.Tucker(2).fit(gp.ToTensor(DIMS, "x", sparse=True)(gp.FromFrame(long_table(ARRAY)).node()))).check()
    with pytest.raises(UsageError, match="rank must be at least 1, got 0"):
        gp.Tucker((2, 0, 2))
    assert gp.Tucker(0.5).apply(gp.ToTensor(DIMS, "x").apply(long_table(ARRAY))).factors("hour", long=True).apply().columns == [
        "hour",
        "component",
        "factor",
    ]


def test_errors_of_real_tensors(shared_data: Path) -> None:
    """TensorLy's errors of the amino acids' Tucker decompositions."""
    held = np.load(shared_data / "tensors" / "amino_acid_fluorescence.npz")["X"].astype(float)
    names = ["sample", "emission", "excitation"]
    rows = pl.DataFrame({**{name: at.ravel() for name, at in zip(names, np.indices(held.shape), strict=True)}, "x": held.ravel()})
    theirs = tl.tucker_to_tensor(tucker(tl.tensor(held), [3, 3, 3], n_iter_max=500, tol=1e-10))
    made = gp.Tucker(3).apply(gp.ToTensor(names, "x").apply(rows))
    assert made.errors[-1] == pytest.approx(np.linalg.norm(held - theirs) / np.linalg.norm(held), rel=1e-6)
