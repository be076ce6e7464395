"""Stages that look at a key's rows in an order: their law, and Polars' own words as the oracle."""

from __future__ import annotations

import math
import sys
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage

CHANCE = np.random.default_rng(0)
N = 60
FRAME = pl.DataFrame(
    {
        "k": [[None, "a", "b", "c"][code] for code in CHANCE.integers(0, 4, N)],
        "t": pl.Series([None if code == 9 else int(code) for code in CHANCE.integers(0, 10, N)], dtype=pl.Int32),
        "x": [None if code == 7 else code / 4 for code in CHANCE.integers(0, 8, N)],
        "n": pl.Series([None if code == 7 else int(code) for code in CHANCE.integers(0, 8, N)], dtype=pl.UInt8),
        "when": pl.Series(CHANCE.integers(0, 10**15, N)).cast(pl.Datetime("us", "UTC")),
        "id": CHANCE.permutation(N),
    }
)
BY: dict[str, Any] = {"by": "k", "order": "t"}
SORTED = FRAME.sort("t", "n", "when", "id", "x")  # as ties are settled
OF = pl.col
STAGES: list[tuple[Any, list[pl.Expr]]] = [
    (gp.Lag(["x", "when"], **BY), [OF("x").shift(1).alias("x_lag_1"), OF("when").shift(1).alias("when_lag_1")]),
    (gp.Lag("id", 3, **BY), [OF("id").shift(3).alias("id_lag_3")]),
    (gp.Lead("x", 2, **BY), [OF("x").shift(-2).alias("x_lead_2")]),
    (gp.Diff(["x", "when"], **BY), [OF("x").diff().alias("x_diff_1"), OF("when").diff().alias("when_diff_1")]),
    (gp.Diff("n", **BY), [OF("n").cast(pl.Int64).diff().alias("n_diff_1")]),
    (gp.CumSum(["x", "n"], **BY), [OF("x").cum_sum().alias("x_cum_sum"), OF("n").cast(pl.Int64).cum_sum().alias("n_cum_sum")]),
    (gp.FillByKey(["x", "n"], **BY), [OF("x").forward_fill(), OF("n").forward_fill()]),
    (gp.FillByKey("x", "backward", limit=1, **BY), [OF("x").backward_fill(limit=1)]),
    (gp.Rank("x", by="k"), [OF("x").rank("min").cast(pl.Int64).alias("x_rank")]),
    (gp.Rank("n", by="k", descending=True, method="dense"), [OF("n").rank("dense", descending=True).cast(pl.Int64).alias("n_rank")]),
    (gp.Rank("when", by="k", method="max"), [OF("when").rank("max").cast(pl.Int64).alias("when_rank")]),
    (gp.Rank("n", by="k", method="average"), [OF("n").rank("average").alias("n_rank")]),
]


@pytest.mark.parametrize(("stage", "wanted"), STAGES, ids=lambda given: getattr(given, "name", ""))
def test_law_and_polars(stage: Any, wanted: list[pl.Expr]) -> None:
    made = check_key_stage(stage, FRAME, rtol=1e-12)
    oracle = SORTED.with_columns([expression.over("k") for expression in wanted])
    assert_same_rows(made, oracle.select(made.column_names), rtol=1e-12)


def test_on_every_engine_in_a_pipeline(engine: str) -> None:
    table = gp.FromFrame(FRAME).node()
    made = gp.Pipeline("p", {str(number): stage(table) for number, (stage, _) in enumerate(STAGES)}).run(engine)
    for number, (stage, _) in enumerate(STAGES):
        assert_same_rows(made[str(number)].to_arrow(), stage.apply(FRAME), rtol=1e-12)


EXTREMES = [math.inf, sys.float_info.max, 1.0, -math.inf, math.nan, None, sys.float_info.max, math.nan, 0.0, -0.0]
RANKS = "PARTITION BY k, x IS NULL ORDER BY x"
PLACES = {"min": "rank() OVER w", "dense": "dense_rank() OVER w"}
PLACES["max"] = f"{PLACES['min']} + count(*) OVER (PARTITION BY k, x) - 1"
PLACES["average"] = f"{PLACES['min']} + (count(*) OVER (PARTITION BY k, x) - 1) / 2"


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("descending", [False, True])
def test_ranks_of_infinity_and_nan_are_duckdbs(engine: str, descending: bool) -> None:
    rows = pl.DataFrame({"k": [1] * 10 + [2] * 3, "x": [*EXTREMES, math.nan, None, math.nan]}).with_row_index("id")
    table = gp.FromFrame(rows, nan_as_null=False).node()
    stages = {method: gp.Rank("x", by="k", method=method, descending=descending) for method in PLACES}  # type: ignore[arg-type]
    made = gp.Pipeline("p", {method: stage(table) for method, stage in stages.items()}).run(engine)
    for method, places in PLACES.items():
        asked = (
            f"SELECT id, CASE WHEN x IS NOT NULL THEN {places} END AS r FROM rows WINDOW w AS ({RANKS} {'DESC' * descending}) ORDER BY id"
        )
        wanted = duckdb.sql(asked).pl()["r"].to_list()
        got = pl.from_arrow(made[method].to_arrow()).sort("id")["x_rank"].to_list()  # type: ignore[union-attr]
        assert got == wanted, method


@pytest.mark.parametrize("kind", [gp.Lag, gp.Lead, gp.Diff])
def test_bad_numbers_of_rows(kind: Any) -> None:
    with pytest.raises(UsageError, match=rf"^{kind.__name__} expects a number of rows from 1 on, got 0\.$"):
        kind("x", 0, by="k", order="t")


def test_bad_input() -> None:
    with pytest.raises(ColumnError, match=r"^Lag expects new names, got 'x_lag_1', which is a column already\."):
        gp.Lag("x", **BY).apply(FRAME.with_columns(x_lag_1=0))
    with pytest.raises(DtypeError, match=r"^Diff expects numbers or times, got String in column 'k'\."):
        gp.Diff("k", **BY).apply(FRAME)
    with pytest.raises(UsageError, match=r"^FillByKey expects how 'forward' or 'backward' and a limit from 1 on, got 'mean' and None\.$"):
        gp.FillByKey("x", "mean", **BY)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Rank expects method .* got 'ordinal': others leave equal values to chance\.$"):
        gp.Rank("x", by="k", method="ordinal")  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match=r"^There is no column 'tt'\. Did you mean 't'\?"):
        gp.CumSum("x", by="k", order="tt").apply(FRAME)
