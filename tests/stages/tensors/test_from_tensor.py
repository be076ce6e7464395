"""Tables of tensors: what goes in comes out."""

from __future__ import annotations

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import WiringError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.tasks import check_task

ROWS = pl.DataFrame({"a": ["u", "v", "u"], "b": [1, 2, 3], "x": [1.0, -2.0, 0.0]})


@pytest.mark.parametrize("sparse", [True, False])
def test_there_and_back(sparse: bool, engine: str) -> None:
    made = check_task(lambda table: gp.FromTensor()(gp.ToTensor(["a", "b"], "x", sparse=sparse)(table)), ROWS, engines=("cpu", engine))
    assert_same_rows(made.to_arrow(), ROWS.to_arrow())


def test_filled_cells_are_there(engine: str) -> None:
    made = check_task(lambda table: gp.ToTensor(["a", "b"], "x", fill=7)(table) >> gp.FromTensor(), ROWS, engines=("cpu", engine))
    grid = pl.DataFrame({"a": ["u", "v"]}).join(pl.DataFrame({"b": [1, 2, 3]}), how="cross")
    assert_same_rows(made.to_arrow(), grid.join(ROWS, on=["a", "b"], how="left").with_columns(pl.col("x").fill_null(7.0)).to_arrow())


def test_plain_tensors_of_any_library() -> None:
    tensor = gp.ToTensor(["a", "b"], "x").apply(ROWS.to_pandas())
    assert_same_rows(gp.FromTensor().apply(tensor).to_arrow(), ROWS.to_arrow())


def test_only_tensors_are_taken() -> None:
    with pytest.raises(WiringError, match=r"FromTensor takes tensors of a pipeline, got Table\. Make one first: gp.ToTensor"):
        gp.FromTensor()(gp.FromFrame(ROWS).node())
