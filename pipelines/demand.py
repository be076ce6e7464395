"""What will be used in the next two days, hour by hour: forecasts of many series, and how good they would have been.

gpupipe run pipelines/demand.py --report out                    on made-up meters
gpupipe run pipelines/demand.py --report out -p series=Hourly-train.csv     on the 414 hourly series of the M4 competition

The page in `out` shows the methods side by side, their error by hours ahead, and the best, the median and the worst series.
"""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

import gpupipe as gp
from gpupipe.core.node import Table
from gpupipe.forecasts import ARIMA, HoltWinters, SeasonalNaive, Theta

DAY, WEEK = 24, 168
# Five methods. The seasonal naive of the longest season would be put beside them anyway; here it is among them, under its own name.
METHODS = {
    "same hour last week": SeasonalNaive(WEEK),
    "same hour yesterday": SeasonalNaive(DAY),
    "holt-winters": HoltWinters(DAY, damped=True),
    "theta": Theta(DAY),
    "seasonal arima": ARIMA((1, 0, 0), (0, 1, 0), DAY),
}


def made_up(n_meters: int, n_days: int, seed: int = 0) -> pa.Table:
    """Return meters that follow the day and the week, some of them with gaps, one of them broken: it says the same all the time."""
    chance = np.random.default_rng(seed)
    hours = np.arange(n_days * DAY)
    names, times, values = [], [], []
    for meter in range(n_meters):
        day = 1 + 0.4 * np.sin(2 * np.pi * (hours - 7 - meter % 3) / DAY)
        weekend = np.where(hours // DAY % 7 >= 5, 0.8, 1.0)
        noise = np.zeros(len(hours))
        for hour in range(1, len(hours)):  # an hour is more like the one before it than like others
            noise[hour] = 0.7 * noise[hour - 1] + chance.normal(0, 0.05)
        used = (50 + 10 * meter) * (day * weekend + noise) if meter else np.full(len(hours), 42.0)
        seen = chance.random(len(hours)) > (0.01 if meter % 4 == 1 else 0.0)
        names += [f"M{meter:03}"] * int(seen.sum())
        times.append(hours[seen])
        values.append(used[seen].round(3))
    start = np.datetime64(datetime(2024, 1, 1), "us")
    at = start + np.concatenate(times) * np.timedelta64(timedelta(hours=1))
    return pa.table({"series": names, "hour": pa.array(at), "used": np.concatenate(values)})


def long_form(path: str) -> pa.Table:
    """Return the series of an M4 file, which has one in each line, filled up with empty fields, as one row for each hour."""
    packed = Path(path).read_bytes()
    wide = pacsv.read_csv(pa.BufferReader(gzip.decompress(packed) if path.endswith(".gz") else packed))
    names = np.array(wide.column(0).to_pylist())
    values = np.stack([wide.column(place).to_numpy() for place in range(1, wide.num_columns)], axis=1).astype(float)
    series, hours = np.nonzero(~np.isnan(values))
    return pa.table({"series": names[series].tolist(), "hour": hours + 1, "used": values[series, hours]})


def read(series: str | None, n_meters: int, n_days: int) -> Table:
    """Return the series of a file, or made-up ones: a row for each series and hour."""
    table = made_up(n_meters, n_days) if series is None else long_form(series)
    return gp.FromArrow(table).node().named("hours")


def pipeline(
    series: str | None = None, n_meters: int = 20, n_days: int = 42, horizon: int = 2 * DAY, windows: int = 2, out: str | None = None
) -> gp.Pipeline:
    """Five methods, tried on the last days, and the next days by one of them.

    Parameters
    ----------
    series
        CSV of hourly series as the M4 competition has them; made-up ones unless given.
    n_meters, n_days
        How many meters to make up, and of how many days.
    horizon
        How many hours ahead.
    windows
        How many times the methods are tried, each on a horizon of the past.
    out
        Parquet file for the forecasts.
    """
    hours = read(series, n_meters, n_days)
    columns = {"by": "series", "time": "hour", "target": "used"}

    # The past: each method is fitted to what came before each window, and says what it would have said.
    tried = gp.Backtest(METHODS, horizon, windows, season_length=DAY, **columns)(hours)
    found = gp.EvaluateForecast(["mase", "smape", "rmse", "coverage", "pinball"])(tried)

    # The future: the season of a day, and errors that fade from hour to hour. The interval of 80 % holds 80 of 100 hours to come.
    fitted = gp.Forecast(METHODS["seasonal arima"], **columns).fit(hours)
    ahead = fitted.forecast(horizon=horizon, level=(80, 95))

    outputs: dict[str, object] = {
        "evaluation": found,
        "methods": found.scores(),
        "by_hour": found.scores(by="step"),
        "model": fitted,
        "ahead": ahead,
    }
    if out is not None:
        outputs["out"] = gp.WriteParquet(out)(ahead)
    return gp.Pipeline("demand", outputs)
