from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage

CHANCE = np.random.default_rng(0)
START = int(dt.datetime(2024, 3, 20, tzinfo=dt.UTC).timestamp())
SECONDS = np.concatenate([CHANCE.integers(START, START + 300 * 86400, 80), [START + 11 * 86400 + 900 * n for n in range(12)]])
FRAME = pl.DataFrame(
    {"k": CHANCE.integers(0, 2, 92), "t": pl.Series(SECONDS * 10**6).cast(pl.Datetime("us", "UTC")), "x": CHANCE.integers(0, 9, 92)}
)
RULES = {"15m": "15min", "1h": "h", "1d": "D", "1w": "W-MON", "1mo": "MS", "1q": "QS", "1y": "YS"}


@pytest.mark.parametrize("every", RULES)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_law_and_pandas(every: str, zone: str | None) -> None:
    stage = gp.Resample("t", every, by="k", time_zone=zone, total=nw.col("x").sum(), n=nw.len())
    made = check_key_stage(stage, FRAME)
    theirs = FRAME.to_pandas().assign(t=lambda rows: rows["t"].dt.tz_convert(zone or "UTC")).set_index("t")
    options: dict[str, Any] = {"label": "left", "closed": "left"}
    grouped = theirs.groupby("k").resample(RULES[every], **options)["x"].agg(["sum", "count"]).reset_index()
    grouped = grouped[grouped["count"] > 0]
    wanted = {(row.k, pd.Timestamp(row.t).timestamp()): (row.sum, row.count) for row in map(_Row, grouped.to_dict("records"))}
    got = {(row["k"], row["t"].timestamp()): (row["total"], row["n"]) for row in made.to_pylist()}
    assert got == wanted


class _Row:
    """A row whose columns have the names of methods."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.__dict__.update(row)


def test_on_every_engine_and_without_rows_of_no_time(engine: str) -> None:
    frame = FRAME.with_columns(t=pl.when(pl.col("x") == 3).then(None).otherwise(pl.col("t")))
    stage = gp.Resample("t", "1mo", by="k", time_zone="America/New_York", mean=nw.col("x").mean())
    made = gp.Pipeline("p", out=stage(gp.FromFrame(frame).node())).run(engine)["out"].to_arrow()
    assert_same_rows(made, stage.apply(frame), rtol=1e-12)
    assert made["t"].null_count == 0


def test_bad_input() -> None:
    for every in ("month", "0d", "1.5h", 3):
        with pytest.raises(UsageError, match=r"^Resample expects a period such as '15m', .* got "):
            gp.Resample("t", every, by="k", n=nw.len())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^There is no time zone 'Europe/Berln'\. Did you mean 'Europe/Berlin'\?"):
        gp.Resample("t", "1d", by="k", time_zone="Europe/Berln", n=nw.len())
    with pytest.raises(DtypeError, match=r"^Resample expects dates or times in 'x' for '1d', got Int64\."):
        gp.Resample("x", "1d", by="k", n=nw.len()).apply(FRAME)
    with pytest.raises(DtypeError, match=r"^Resample expects times in 't' for '1h', got Date\."):
        gp.Resample("t", "1h", by="k", n=nw.len()).apply(FRAME.cast({"t": pl.Date}))
    with pytest.raises(ColumnError, match=r"^Resample expects aggregates under new names, got 't', which is a key\."):
        gp.Resample("t", "1d", by="k", t=nw.len()).apply(FRAME)
