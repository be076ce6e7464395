"""As-of joins against pandas' merge_asof, Polars' join_asof and DuckDB's ASOF JOIN."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage


def tables(n_left: int, n_right: int, seed: int = 0, span: int = 40) -> tuple[pl.DataFrame, pl.DataFrame]:
    chance = np.random.default_rng(seed)
    left, right = (
        pl.DataFrame(
            {
                "k": [["a", "b", "c"][code] for code in chance.integers(0, 3, n_rows)],
                "t": chance.integers(0, span, n_rows),
                name: np.arange(n_rows),
            }
        )
        for n_rows, name in ((n_left, "row"), (n_right, "v"))
    )
    return left, right.unique(["k", "t"], keep="first", maintain_order=True)


@pytest.mark.parametrize("strategy", ["backward", "forward", "nearest"])
@pytest.mark.parametrize("tolerance", [None, 2])
@pytest.mark.parametrize("exact", [True, False])
def test_law_and_pandas(strategy: Any, tolerance: int | None, exact: bool) -> None:
    left, right = tables(40, 25)
    made = check_key_stage(gp.AsofJoin("t", by="k", strategy=strategy, tolerance=tolerance, exact=exact), left, right)
    one, other = (frame.sort("t").to_pandas() for frame in (left, right))
    oracle = pd.merge_asof(one, other, on="t", by="k", direction=strategy, tolerance=tolerance, allow_exact_matches=exact)
    mine = dict(zip(made["row"].to_pylist(), made["v"].to_pylist(), strict=True))
    theirs = dict(zip(oracle["row"], oracle["v"], strict=True))
    times = {(k, v): t for k, t, v in right.rows()}
    for k, t, row in left.rows():
        found, wanted = mine[row], None if pd.isna(theirs[row]) else int(theirs[row])
        tie = strategy == "nearest" and None not in (found, wanted) and abs(times[k, found] - t) == abs(times[k, wanted] - t)
        assert found == wanted or (tie and times[k, found] > t)  # of two as close pandas takes the earlier, Polars the later


@given(seed=st.integers(0, 1000), strategy=st.sampled_from(["backward", "forward", "nearest"]), exact=st.booleans())
def test_engines_agree_with_ties_and_missing_keys_and_times(seed: int, strategy: Any, exact: bool) -> None:
    chance = np.random.default_rng(seed)

    def rows(name: str) -> pl.DataFrame:
        keys = [[None, "a", "b"][code] for code in chance.integers(0, 3, 12)]
        times = [None if code > 7 else int(code) for code in chance.integers(0, 9, 12)]
        return pl.DataFrame({"k": keys, "t": times, "row": range(12), name: range(12)}, schema_overrides={"k": pl.String, "t": pl.Int64})

    left, right = rows("u"), rows("v")
    made = check_key_stage(gp.AsofJoin("t", by="k", strategy=strategy, exact=exact, tolerance=3), left, right)
    assert sorted(made["row"].to_pylist()) == list(range(12))
    assert all(v is None for k, t, v in zip(*(made[name].to_pylist() for name in "ktv"), strict=True) if k is None or t is None)


def test_as_duckdb_does_with_times_on_every_engine(engine: str) -> None:
    left, right = tables(60, 40, seed=1, span=10**6)
    left, right = (frame.with_columns(t=(pl.col("t") * 10**6).cast(pl.Datetime("us"))) for frame in (left, right))
    nodes = [gp.FromFrame(frame).node() for frame in (left, right.rename({"t": "at"}))]
    joined = gp.AsofJoin("t", right_on="at", by="k", tolerance="2d")(*nodes)
    made = gp.Pipeline("p", out=joined).run(engine)["out"].to_arrow()
    query = """SELECT l.k, l.t, l.row, CASE WHEN l.t - r.t <= INTERVAL 2 DAY THEN r.v END AS v
        FROM l ASOF LEFT JOIN r ON l.k = r.k AND l.t >= r.t"""
    with duckdb.connect() as connection:
        connection.register("l", left.to_arrow())
        connection.register("r", right.to_arrow())
        assert_same_rows(made, pl.from_arrow(connection.sql(query).to_arrow_table()).cast({"t": pl.Datetime("us")}))


def test_dates_and_times_are_compared() -> None:
    left = pl.DataFrame({"k": [1], "t": ["2024-01-02 10:00:00"]}).with_columns(pl.col("t").str.to_datetime())
    right = pl.DataFrame({"k": [1, 1], "t": ["2024-01-01", "2024-01-03"], "v": [1, 2]}).with_columns(pl.col("t").str.to_date())
    assert gp.AsofJoin("t", by="k").apply(left, right)["v"].to_list() == [1]


def test_bad_input() -> None:
    left, right = tables(3, 3)
    with pytest.raises(UsageError, match=r"^AsofJoin expects strategy 'backward', 'forward' or 'nearest', got 'last'\.$"):
        gp.AsofJoin("t", by="k", strategy="last")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^AsofJoin's tolerance expects a timedelta or text such as '7d'"):
        gp.AsofJoin("t", by="k", tolerance="soon")
    with pytest.raises(DtypeError, match=r"^AsofJoin expects a whole number for column 't' of Int64, got '2h'\.$"):
        gp.AsofJoin("t", by="k", tolerance="2h").apply(left, right)
    with pytest.raises(DtypeError, match=r"^AsofJoin expects whole numbers, dates or times in 't', got Float64\. Cast it first\.$"):
        gp.AsofJoin("t", by="k").apply(left.cast({"t": pl.Float64}), right)
    with pytest.raises(DtypeError, match=r"^AsofJoin expects times that can be compared, got Int64 in 't' and Datetime"):
        gp.AsofJoin("t", by="k").apply(left, right.cast({"t": pl.Datetime("us")}))
    with pytest.raises(DtypeError, match=r"^AsofJoin expects keys of one dtype, got String and Int64 in 'k'\. Cast one of them\.$"):
        gp.AsofJoin("t", by="k").apply(left, right.with_columns(k=1, x=1).cast({"k": pl.Int64}))
