"""Fits of several passes: each pass measures blocks wherever they are, and what was measured merges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import gpupipe as gp
from gpupipe.core.fit import FitStage
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage


@dataclass(frozen=True)
class CenterOnMedian(FitStage):
    """Takes the median off a column; each pass halves the interval that the median lies in."""

    column: str

    def needed(self, schema: Schema) -> Sequence[str]:
        return [self.column]

    def plan(self, *specs: Any) -> Centered:
        return Centered(self.column, 0.0)

    def measuring(self, state: Any) -> Any:
        return partial(self.measure, state)

    def measure(self, state: Any, verbs: Any, frame: Any) -> Any:
        x = nw.col(self.column)
        if state is None:
            return frame.select(x.min().alias("low"), x.max().alias("high"), nw.len().alias("n"))
        middle = sum(state[:2]) / 2
        return frame.select((x <= middle).cast(nw.Int64).sum().alias("below"))

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        whole = pa.concat_tables(measured)
        reductions = {"low": pc.min, "high": pc.max, "n": pc.sum, "below": pc.sum}
        return pa.table({name: [reductions[name](whole[name]).as_py()] for name in whole.column_names})

    def advance(self, state: Any, total: pa.Table) -> tuple[Any, bool]:
        found = total.to_pylist()[0]
        if state is None:
            return (found["low"], found["high"], found["n"]), False
        low, high, n = state
        middle = (low + high) / 2
        state = (low, middle, n) if found["below"] * 2 >= n else (middle, high, n)
        return state, state[1] - state[0] < 1e-9

    def finish(self, statistics: Any) -> Centered:
        return Centered(self.column, statistics[1])


@dataclass(frozen=True)
class Centered(RowStage):
    """Takes a number off a column."""

    column: str
    median: float

    def run(self, verbs: Any, *frames: Any) -> Any:
        return frames[0].with_columns(nw.col(self.column) - self.median)


X = np.random.default_rng(1).normal(size=101)


def test_passes_find_the_median_on_every_engine(engine: str) -> None:
    table = gp.FromFrame(pl.DataFrame({"x": X})).node()
    fitted = CenterOnMedian("x").fit(table)
    made = gp.Pipeline("median", fitted=fitted, centred=fitted(table)).run(engine)
    assert made["fitted"].median == pytest.approx(np.median(X), abs=1e-8)
    assert np.median(made["centred"]["x"].to_numpy()) == pytest.approx(0, abs=1e-8)


def test_plain_frames_are_fitted_too() -> None:
    assert CenterOnMedian("x").fit_plain(pl.DataFrame({"x": X})).median == pytest.approx(np.median(X), abs=1e-8)
