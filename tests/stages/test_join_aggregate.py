from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage

CHANCE = np.random.default_rng(0)
FRAME = pl.DataFrame({"k": [[None, "a", "b"][code] for code in CHANCE.integers(0, 3, 30)], "x": CHANCE.normal(0, 1, 30)})
STAGE = gp.JoinAggregate("k", mean=nw.col("x").mean(), n=nw.len())


def test_law_and_polars() -> None:
    made = check_key_stage(STAGE, FRAME, rtol=1e-12)
    known = pl.col("k").is_not_null()
    n = pl.when(known).then(pl.len().over("k")).cast(pl.Int64)
    wanted = FRAME.with_columns(mean=pl.when(known).then(pl.col("x").mean().over("k")), n=n)
    assert_same_rows(made, wanted.to_arrow().cast(made.schema), rtol=1e-12)


def test_of_another_table_on_every_engine(engine: str) -> None:
    nodes = [gp.FromFrame(frame).node() for frame in (FRAME, FRAME.filter(pl.col("k") == "a"))]
    made = gp.Pipeline("p", out=STAGE(*nodes)).run(engine)["out"].to_arrow().to_pylist()
    mean = FRAME.filter(pl.col("k") == "a")["x"].mean()
    assert {(row["k"], row["mean"] and round(row["mean"], 9)) for row in made} == {("a", round(mean, 9)), ("b", None), (None, None)}  # type: ignore[arg-type]


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^JoinAggregate expects at least one aggregate, such as .* got none\.$"):
        gp.JoinAggregate("k")
    with pytest.raises(ColumnError, match=r"^JoinAggregate expects new names, got 'x', which is a column already\."):
        gp.JoinAggregate("k", x=nw.len()).apply(FRAME)
