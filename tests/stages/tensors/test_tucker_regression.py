"""Tucker regression as a stage, against TensorLy."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tensorly.regression import TuckerRegressor

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.testing.tasks import check_task

RNG = np.random.default_rng(1)
X = RNG.normal(size=(120, 4, 3))
W = np.outer([1.0, 0.0, -2.0, 1.0], [1.0, 2.0, 0.0]) + np.outer([0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
Y = np.einsum("nij,ij->n", X, W) + 3 + 0.01 * RNG.normal(size=120)
CELLS = pl.DataFrame(
    {"n": np.repeat(np.arange(120), 12), "i": np.tile(np.repeat(np.arange(4), 3), 120), "j": [0, 1, 2] * 480, "x": X.ravel()}
)
TARGETS = pl.DataFrame({"n": np.arange(120), "y": Y})


def test_law_and_tensorly(engine: str) -> None:
    def predicted(cells: Any, targets: Any) -> Any:
        tensor = gp.ToTensor(["n", "i", "j"], "x")(cells)
        return gp.TuckerRegression((2, 2), samples="n", target="y", reg_W=1e-8, tol=1e-10).fit(tensor, targets).predict(tensor)

    made = pl.from_arrow(check_task(predicted, CELLS, TARGETS, engines=("cpu", engine), rtol=1e-9).to_arrow()).sort("n")
    theirs = TuckerRegressor([2, 2], tol=1e-12, reg_W=1e-8, n_iter_max=500, verbose=0).fit(X - X.mean(0), Y - Y.mean())
    np.testing.assert_allclose(made["prediction"], theirs.predict(X - X.mean(0)) + Y.mean(), atol=1e-3)
    assert np.corrcoef(made["prediction"], Y)[0, 1] > 0.999


def test_what_is_refused() -> None:
    with pytest.raises(UsageError, match="rank must be at least 1, got 0"):
        gp.TuckerRegression((2, 0), samples="n", target="y")
    tensor = gp.ToTensor(["n", "i", "j"], "x")(gp.FromFrame(CELLS).node())
    fitted = gp.TuckerRegression((2, 4), samples="n", target="y").fit(tensor, gp.FromFrame(TARGETS).node())
    with pytest.raises(UsageError, match=r"above its size 3\. Give 3 or less"):
        gp.Pipeline("wide", made=fitted).run("cpu")
