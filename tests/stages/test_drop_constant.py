from __future__ import annotations

import polars as pl
from sklearn.feature_selection import VarianceThreshold

import gpupipe as gp


def test_as_scikit_learn_does_and_in_a_pipeline(engine: str) -> None:
    frame = pl.DataFrame({"a": [1, 1, 1], "b": [1, 2, 1], "c": [0.5] * 3, "s": ["x"] * 3, "t": ["x", None, "x"], "n": [None] * 3})
    numbers = ["a", "b", "c"]
    kept = VarianceThreshold().fit(frame.select(numbers).to_numpy()).get_support()
    table = gp.FromFrame(frame.with_columns(pl.col("n").cast(pl.Int64))).node()
    fitted = gp.DropConstant().fit(table)
    made = gp.Pipeline("p", out=fitted(table), fitted=fitted).run(engine)
    assert made["out"].columns == [*(name for name, keep in zip(numbers, kept, strict=True) if keep), "t"]
    assert made["fitted"].columns == ("a", "c", "s", "n")
