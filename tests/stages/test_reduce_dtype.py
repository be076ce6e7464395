from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import StageError, UsageError


def test_as_numpy_chooses(engine: str) -> None:
    ends = {"a": (0, 127), "b": (-1, 128), "c": (0, 40000), "d": (-(1 << 40), 1), "e": (0, 255)}
    frame = pl.DataFrame({name: pl.Series(values, dtype=pl.Int64) for name, values in ends.items()})
    table = gp.FromFrame(frame).node()
    made = gp.Pipeline("p", out=gp.ReduceDtype().fit(table)(table)).run(engine)["out"].to_arrow()
    for name, values in ends.items():
        smallest = np.result_type(*(np.min_scalar_type(value) for value in values))
        assert np.dtype(made[name].type.to_pandas_dtype()).itemsize == smallest.itemsize
        assert made[name].to_pylist() == list(values)


def test_a_later_number_that_does_not_fit_is_an_error() -> None:
    fitted = gp.ReduceDtype("a").fit_plain(pl.DataFrame({"a": [1]}))
    with pytest.raises(StageError, match=r"300"):
        fitted.apply(pl.DataFrame({"a": [300]}))


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^ReduceDtype with floats expects the columns that may lose digits"):
        gp.ReduceDtype(floats=True)
