from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage

CHANCE = np.random.default_rng(0)
LEFT = pl.DataFrame({"k": CHANCE.integers(0, 3, 30), "t": [None, *CHANCE.integers(0, 20, 29)], "row": range(30)})
RIGHT = pl.DataFrame({"k": CHANCE.integers(0, 4, 12), "low": CHANCE.integers(0, 15, 12), "row": range(12)}).with_columns(
    high=pl.when(pl.col("row") == 3).then(None).otherwise(pl.col("low") + 5)
)


CLOSED = [("left", ">=", "<"), ("right", ">", "<="), ("both", ">=", "<="), ("none", ">", "<")]


@pytest.mark.parametrize("how", ["inner", "left"])
@pytest.mark.parametrize(("closed", "above", "below"), CLOSED)
def test_law_and_duckdb(how: Any, closed: Any, above: str, below: str) -> None:
    made = check_key_stage(gp.IntervalJoin("t", start="low", end="high", by="k", how=how, closed=closed), LEFT, RIGHT)
    query = f"""SELECT l.k, l.t, l.row, r.low, r.row AS row_right, r.high FROM l {how} JOIN r
        ON l.k = r.k AND l.t {above} r.low AND (l.t {below} r.high OR r.high IS NULL)"""
    with duckdb.connect() as connection:
        connection.register("l", LEFT.to_arrow())
        connection.register("r", RIGHT.to_arrow())
        assert_same_rows(made, connection.sql(query).to_arrow_table())


def test_on_every_engine(engine: str) -> None:
    nodes = [gp.FromFrame(frame).node() for frame in (LEFT, RIGHT)]
    stage = gp.IntervalJoin("t", start="low", end="high", by="k", how="left")
    assert_same_rows(gp.Pipeline("p", out=stage(*nodes)).run(engine)["out"].to_arrow(), stage.apply(LEFT, RIGHT))


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^IntervalJoin expects how 'inner' or 'left' and closed .* got 'outer' and 'left'\.$"):
        gp.IntervalJoin("t", start="low", end="high", by="k", how="outer")  # type: ignore[arg-type]
    with pytest.raises(DtypeError, match=r"^IntervalJoin expects values and ends of one kind, got Int64 in 't' and Date in 'low'"):
        gp.IntervalJoin("t", start="low", end="high", by="k").apply(LEFT, RIGHT.cast({"low": pl.Int32}).cast({"low": pl.Date}))
