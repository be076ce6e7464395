from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage


def by_pandas(frame: pl.DataFrame, gap: Any) -> list[int]:
    """Return the number of each row's visit."""
    rows = frame.to_pandas().sort_values(["k", "t"])
    begins = rows.groupby("k")["t"].diff() > gap
    return begins.groupby(rows["k"]).cumsum().sort_index().astype(int).tolist()


@given(seed=st.integers(0, 1000), gap=st.integers(0, 5))
def test_law_and_pandas(seed: int, gap: int) -> None:
    chance = np.random.default_rng(seed)
    frame = pl.DataFrame({"k": chance.integers(0, 3, 20), "t": chance.integers(0, 30, 20), "row": range(20)})
    made = check_key_stage(gp.Sessionize("k", order="t", gap=gap), frame).sort_by("row")
    assert made["session_id"].to_pylist() == by_pandas(frame, gap)


def test_times_on_every_engine(engine: str) -> None:
    seconds = np.random.default_rng(0).integers(0, 40000, 50)
    frame = pl.DataFrame({"k": ["a", "b"] * 25, "t": pl.Series(seconds * 10**6).cast(pl.Datetime("us")), "row": range(50)})
    stage = gp.Sessionize("k", order="t", gap="30m", name="visit")
    made = gp.Pipeline("p", out=stage(gp.FromFrame(frame).node())).run(engine)["out"].to_arrow().sort_by("row")
    assert made["visit"].to_pylist() == by_pandas(frame, pd.Timedelta("30min"))
    assert_same_rows(made, stage.apply(frame))


def test_a_row_without_a_time_belongs_to_no_visit() -> None:
    frame = pl.DataFrame({"k": [1, 1, 1], "t": [0, None, 9]})
    assert check_key_stage(gp.Sessionize("k", order="t", gap=5), frame)["session_id"].to_pylist().count(None) == 1


def test_bad_input() -> None:
    frame = pl.DataFrame({"k": [1], "t": [1], "session_id": [1]})
    with pytest.raises(UsageError, match=r"^Sessionize expects a gap from 0 on, got -1\.$"):
        gp.Sessionize("k", order="t", gap=-1)
    with pytest.raises(DtypeError, match=r"^Sessionize expects a whole number for column 't' of Int64, got '30m'\.$"):
        gp.Sessionize("k", order="t", gap="30m").apply(frame)
    with pytest.raises(ColumnError, match=r"^Sessionize expects new names, got 'session_id', which is a column already\."):
        gp.Sessionize("k", order="t", gap=1).apply(frame)
