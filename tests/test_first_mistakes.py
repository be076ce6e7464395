"""What somebody who knows pandas, Polars or SQL writes first, and what it is told."""

# ruff: noqa: PLW0108  (a stage is made when its test runs)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp

ROWS = gp.FromFrame(pl.DataFrame({"k": ["a", "b"], "x": [1.0, 2.0], "y": [1.0, 2.0]}))

MISTAKES: list[tuple[Callable[[gp.Table], Any], str]] = [
    (lambda t: gp.Join("k", how="outer")(t, t), "Did you mean 'full'? It keeps the rows of both sides."),
    (lambda t: gp.Join("k")(t), "Write Join(...)(first, second)."),
    (lambda _: gp.ReadCsv("rows.csv", delimiter=";"), "ReadCsv has no option 'delimiter'. Did you mean 'separator'?"),
    (lambda t: gp.GroupBy("k")(t), "Write them beside the keys: GroupBy('key', mean_x=nw.col('x').mean())."),
    (lambda t: gp.GroupBy("k", x=nw.col("x"))(t), "Expected aggregates, which make one value of all rows of a key, such as total="),
    (lambda t: gp.Filter("x > 1")(t), "a comparison is an expression: nw.col('x') > 0."),
    (lambda t: gp.Cast({"x": float})(t), "Did you mean nw.Float64?"),
    (lambda t: gp.Cast({"x": "int"})(t), "Did you mean nw.Int64?"),
    (lambda t: gp.Split((0.8, 0.2))(t), "Unpack it, and name each: train, test = ..."),
    (lambda t: gp.Evaluate("rmse", target="y")(t), "There is no column 'prediction'."),
    (lambda t: gp.Evaluate("rmse", target="y")(t), "A model appends it: Evaluate(...)(model(table))."),
]


@pytest.mark.parametrize(("wired", "told"), MISTAKES)
def test_a_first_mistake_is_told_with_the_way_on(wired: Callable[[gp.Table], Any], told: str) -> None:
    with pytest.raises(gp.GpupipeError) as error:
        gp.Pipeline("mistake", out=wired(ROWS.node())).check()
    assert told in str(error.value)
