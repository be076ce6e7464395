"""Tensors of xarray's arrays, and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import xarray as xr

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.tasks import check_task

ARRAY = xr.DataArray(
    np.random.default_rng(0).normal(size=(3, 4, 2)),
    {"place": ["b", "a", "c"], "day": np.arange("2020-01-01", "2020-01-05", dtype="datetime64[D]").astype("datetime64[ns]")},
    ("place", "day", "lane"),
    "speed",
)


@pytest.mark.parametrize(
    "array", [ARRAY, ARRAY.astype("float32").where(ARRAY > -0.5), ARRAY.round().astype(int)], ids=["full", "gaps", "whole"]
)
def test_there_and_back(array: xr.DataArray, engine: str) -> None:
    made = check_task(lambda: gp.FromXarray(array).node(), engines=("cpu", engine))
    back = made.to_xarray()
    xr.testing.assert_equal(back.drop_vars("lane"), array)
    assert back.name == "speed"
    assert back.dtype == (np.float32 if array.dtype == np.float32 else np.float64)
    assert back["lane"].values.tolist() == [0, 1]
    assert (made.mask is None) == (not bool(array.isnull().any()))


def test_cells_are_those_of_xarrays_own_table(engine: str) -> None:
    made = check_task(lambda: gp.FromTensor()(gp.FromXarray(ARRAY).node()), engines=("cpu", engine))
    wanted = pl.from_pandas(ARRAY.assign_coords(lane=[0, 1]).to_dataframe().reset_index())
    assert_same_rows(made.to_arrow(), wanted.to_arrow())


def test_what_is_fitted_is_one_of_xarrays_arrays(long_table: Callable[..., pl.DataFrame]) -> None:
    cp = gp.CP(2).fit(gp.FromXarray(ARRAY).node())
    whole = gp.Pipeline("whole", made=cp.reconstruct()).run("cpu")["made"].to_xarray()
    assert whole.dims == ARRAY.dims
    assert float(abs(whole - ARRAY.assign_coords(lane=[0, 1])).max()) < 2
    sparse = gp.ToTensor(["sensor", "day"], "x", sparse=True).apply(long_table(np.diag([1.0, 2.0]))).to_xarray()
    assert sparse.values.tolist() == [[1.0, 0.0], [0.0, 2.0]]


def test_what_is_refused() -> None:
    for array, match in [
        (np.zeros((2, 2)), "a DataArray of xarray with a dimension or more, got ndarray"),
        (xr.DataArray(1.0), "with a dimension or more"),
        (xr.DataArray([["a", "b"]]), "expects numbers, got <U1"),
        (xr.DataArray([1.0, 2.0], {"a": [3, 3]}, ("a",)), "along 'a' that can be equal, got 1 that are there twice"),
        (xr.DataArray([1.0, 2.0], {"a": [0.5, 1.0]}, ("a",)), "got double"),
        (xr.DataArray([1.0], {"a": [0]}, ("a",), "a"), "called otherwise than a dimension, got 'a'"),
    ]:
        with pytest.raises(UsageError, match=match):
            gp.FromXarray(array)
