"""Tucker without negative entries as a stage, against TensorLy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import tensorly as tl
from tensorly.decomposition import non_negative_tucker_hals

import gpupipe as gp
from gpupipe.core.errors import StageError
from gpupipe.testing.tasks import check_task

DIMS = ["sensor", "day", "hour"]
RNG = np.random.default_rng(0)
PARTS = (RNG.uniform(size=(2, 2, 2)), [RNG.uniform(size=(size, 2)) for size in (6, 7, 5)])
ARRAY = tl.tucker_to_tensor(PARTS) + 0.05 * RNG.uniform(size=(6, 7, 5))


def test_law_and_tensorly(engine: str, long_table: Callable[..., pl.DataFrame]) -> None:
    rows = long_table(ARRAY)
    made = check_task(lambda table: gp.NonNegativeTucker(2).fit(gp.ToTensor(DIMS, "x")(table)), rows, engines=("cpu", engine))
    theirs = tl.tucker_to_tensor(non_negative_tucker_hals(tl.tensor(ARRAY), [2, 2, 2], n_iter_max=500, tol=1e-9))
    assert made.errors[-1] <= np.linalg.norm(ARRAY - theirs) / np.linalg.norm(ARRAY) * 1.02
    assert min(made.core_array.min(), *(factor.min() for factor in made.factor_arrays)) >= 0
    whole = made.reconstruct().apply().values
    assert made.errors[-1] == pytest.approx(np.linalg.norm(ARRAY - whole) / np.linalg.norm(ARRAY), rel=1e-6)


def test_missing_cells_are_refused(engine: str, long_table: Callable[..., pl.DataFrame]) -> None:
    table = gp.FromFrame(long_table(ARRAY).slice(2)).node()
    with pytest.raises(StageError, match=r"NonNegativeTucker takes a tensor without missing cells, got 2 of 210\. Give ToTensor a fill"):
        gp.Pipeline("gaps", made=gp.NonNegativeTucker(2).fit(gp.ToTensor(DIMS, "x")(table))).run(engine)
