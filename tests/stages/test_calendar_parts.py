from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.stages.calendar_parts import PARTS
from gpupipe.testing.laws import check_row_stage

ENDS = ((1, 1), (1, 3), (2, 28), (12, 29), (12, 31))
DAYS = [dt.datetime(year, month, day, 23, 45) for year in (1900, 2000, 2020, 2021, 2026) for month, day in ENDS]


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_law_and_pandas(zone: str | None) -> None:
    seconds = np.random.default_rng(0).integers(-(10**9), 4 * 10**9, 60)
    moments = [*DAYS, *(dt.datetime(1970, 1, 1) + dt.timedelta(seconds=int(second)) for second in seconds), None]
    frame = pl.DataFrame({"t": pl.Series(moments, dtype=pl.Datetime("us"))})
    made = check_row_stage(gp.CalendarParts("t", PARTS, time_zone=zone), frame)
    theirs = pd.Series(pd.to_datetime(moments))
    clock = (theirs.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else theirs).dt
    wanted = {"week": clock.isocalendar()["week"], "weekday": clock.day_of_week + 1, "is_weekend": clock.day_of_week >= 5}
    for part in PARTS:
        values = wanted[part] if part in wanted else getattr(clock, part)
        assert made[f"t_{part}"].to_pylist()[:-1] == [int(value) for value in values[:-1]], part
        assert made[f"t_{part}"].to_pylist()[-1] is None


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^CalendarParts expects parts among 'year', .*, got 'weekdy'\. Did you mean 'weekday'\?$"):
        gp.CalendarParts("t", "weekdy")
    days = pl.DataFrame({"t": [dt.date(2020, 1, 1)]})
    with pytest.raises(DtypeError, match=r"^CalendarParts expects times in 't', got Date\."):
        gp.CalendarParts("t", "hour").apply(days)
    with pytest.raises(DtypeError, match=r"^CalendarParts expects dates or times in 't', got Int64\."):
        gp.CalendarParts("t", "year").apply(pl.DataFrame({"t": [1]}))
    assert gp.CalendarParts("t", "year").apply(days)["t_year"].to_list() == [2020]
