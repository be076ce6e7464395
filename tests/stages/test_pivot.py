from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage

CHANCE = np.random.default_rng(0)
FRAME = pl.DataFrame({"k": CHANCE.integers(0, 4, 40), "kind": CHANCE.choice(["a", "b", "c"], 40), "x": CHANCE.integers(0, 9, 40)})


@pytest.mark.parametrize("function", ["sum", "mean", "min", "max", "count"])
def test_law_and_polars(function: Any) -> None:
    made = check_key_stage(gp.Pivot("k", on="kind", values=["b", "a"], column="x", function=function), FRAME, rtol=1e-12)
    theirs = FRAME.pivot("kind", index="k", values="x", aggregate_function="len" if function == "count" else function)
    wanted = theirs.select("k", kind_b=pl.col("b"), kind_a=pl.col("a"))
    wanted = wanted.fill_null(0) if function == "count" else wanted
    assert_same_rows(made, wanted.to_arrow().cast(made.schema), rtol=1e-12)


def test_on_every_engine(engine: str) -> None:
    stage = gp.Pivot("k", on="kind", values=["a", "zz"], column="x")
    made = gp.Pipeline("p", out=stage(gp.FromFrame(FRAME).node())).run(engine)["out"].to_arrow()
    assert_same_rows(made, stage.apply(FRAME))
    assert made["kind_zz"].null_count == len(made)


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^Pivot expects function 'sum', .* got 'meen'\. Did you mean 'mean'\?$"):
        gp.Pivot("k", on="kind", values=["a"], column="x", function="meen")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Pivot expects the values that become columns, each once, got 'ab'\.$"):
        gp.Pivot("k", on="kind", values="ab", column="x")
    with pytest.raises(ColumnError, match=r"^Pivot expects new names, got 'kind_a', which is a key\."):
        gp.Pivot("kind_a", on="kind", values=["a"], column="x").apply(FRAME.rename({"k": "kind_a"}))
