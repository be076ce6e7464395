from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd
import pyarrow as pa
import pytest

from gpupipe.core.errors import PlanError
from gpupipe.core.stage import RowStage
from gpupipe.core.verbs import Verbs
from gpupipe.stages.standardize import Standardize
from gpupipe.testing.trial import HeldTable, Trial


@dataclass(frozen=True)
class Scribbles(RowStage):
    """Writes into its input, which only pandas lets it."""

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        native = frames[0].to_native()
        if isinstance(native, pd.DataFrame):
            native.loc[0, "x"] = 99.0
        return frames[0]


def test_rows_are_what_they_were(engine: str) -> None:
    schema = pa.schema([pa.field("a", pa.int8(), nullable=False), ("x", pa.float64())])
    table = pa.table([pa.array([1, 2], pa.int8()), pa.array([float("nan"), None], from_pandas=False)], schema=schema)
    assert HeldTable(table).schema().not_null == {"a"}
    with Trial(engine) as trial:
        made = trial.run(Standardize("x").fit_plain(pa.table({"x": [0.0, 2.0]})), table)
    assert [str(value) for value in made["x"]] == ["nan", "None"]
    assert made["a"].type == pa.int8()


def test_changed_input_is_found() -> None:
    with (
        Trial("pandas") as trial,
        pytest.raises(AssertionError, match=r"^Scribbles changed its input 0 on engine 'pandas': The rows differ: column 'x'"),
    ):
        trial.run(Scribbles(), pa.table({"x": [1.0, 2.0]}))


def test_statistics(engine: str) -> None:
    with Trial(engine) as trial:
        measured = trial.measure(Standardize("x"), pa.table({"x": [1.0, None, 3.0]}))
    assert measured.to_pylist() == [{"n:x": 2, "mean:x": 2.0, "var:x": 1.0}]


def test_stage_that_does_not_fit(engine: str) -> None:
    with Trial(engine) as trial, pytest.raises(PlanError, match=r"^There is no column 'x'\."):
        trial.run(Standardize("x").fit_plain(pa.table({"x": [1.0]})), pa.table({"y": [1.0]}))
