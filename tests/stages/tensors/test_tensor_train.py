"""Tensor trains as a stage, against TensorLy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
import tensorly as tl
from tensorly.decomposition import tensor_train

import gpupipe as gp
from gpupipe.core.errors import StageError, UsageError, WiringError
from gpupipe.testing.tasks import check_task

DIMS = ["sensor", "day", "hour", "lane"]
ARRAY = np.random.default_rng(0).normal(size=(4, 5, 3, 4)).cumsum(0).cumsum(1)
Rows = Callable[..., pl.DataFrame]


def test_law_and_tensorly(engine: str, long_table: Rows) -> None:
    rows = long_table(ARRAY)
    made = check_task(lambda table: gp.TensorTrain((1, 3, 4, 2, 1)).fit(gp.ToTensor(DIMS, "x")(table)), rows, engines=("cpu", engine))
    theirs = tensor_train(tl.tensor(ARRAY), [1, 3, 4, 2, 1])
    np.testing.assert_allclose(made.reconstruct().apply().values, tl.tt_to_tensor(theirs), atol=1e-10)
    assert made.errors[-1] == pytest.approx(np.linalg.norm(ARRAY - tl.tt_to_tensor(theirs)) / np.linalg.norm(ARRAY), rel=1e-9)


@pytest.mark.parametrize("answer", ["core", "score", "residual"])
def test_answers_keep_the_law(answer: str, engine: str, long_table: Rows) -> None:
    def build(table: Any) -> Any:
        tensor = gp.ToTensor(DIMS, "x")(table)
        fitted = gp.TensorTrain(2).fit(tensor)
        return fitted.core(dim="day") if answer == "core" else getattr(fitted, answer)(tensor)

    check_task(build, long_table(ARRAY), engines=("cpu", engine), rtol=1e-9)


def test_an_allowed_error_is_kept_and_cores_make_the_tensor(long_table: Rows) -> None:
    tensor = gp.ToTensor(DIMS, "x").apply(long_table(ARRAY))
    fitted = gp.TensorTrain(eps=0.2).apply(tensor)
    assert 0 < fitted.errors[-1] <= 0.2
    cores = [fitted.core(dim).apply() for dim in DIMS]
    assert cores[1].dims == ("before", "day", "after")
    whole = tl.tt_to_tensor([core.values for core in cores])
    np.testing.assert_allclose(fitted.residual().apply(tensor).values, ARRAY - whole, atol=1e-12)


def test_what_is_refused(long_table: Rows, engine: str) -> None:
    for options in ({}, {"rank": 2, "eps": 0.1}):
        with pytest.raises(UsageError, match="either rank or eps"):
            gp.TensorTrain(**options)
    with pytest.raises(UsageError, match="a relative error from 0 up to 1, got 2"):
        gp.TensorTrain(eps=2)
    with pytest.raises(UsageError, match="rank must be at least 1"):
        gp.TensorTrain(0)
    table = gp.FromFrame(long_table(ARRAY)).node()
    fitted = gp.TensorTrain(2).fit(gp.ToTensor(DIMS, "x")(table))
    with pytest.raises(WiringError, match="TensorTrain has no answer 'factors'"):
        fitted.factors(dim="day")
    with pytest.raises(UsageError, match="rank"):
        gp.Pipeline("ends", made=gp.TensorTrain((2, 2, 2)).fit(gp.ToTensor(DIMS, "x")(table))).check()
    gaps = gp.ToTensor(DIMS, "x")(gp.FromFrame(long_table(ARRAY).slice(1)).node())
    with pytest.raises(StageError, match="TensorTrain takes a tensor without missing cells, got 1 of 240"):
        gp.Pipeline("gaps", made=gp.TensorTrain(2).fit(gaps)).run(engine)
