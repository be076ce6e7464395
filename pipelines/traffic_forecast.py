"""How fast cars will go in the next three hours: recurrent networks beside methods that need no training.

A network reads the last hour of several roads at once and goes on from there, step by step. An *LSTM* makes its next state of the last
one; a *TT-LSTM* of products of several of the last ones, whose many weights are a tensor train. Both are forecasters like any other, so
one backtest sets them beside what a person would say first (the same time yesterday) and beside exponential smoothing. A network
depends on the chance that it began with, so each is trained several times, and the table says how far apart they are.

    gpupipe run pipelines/traffic_forecast.py --report report                                  on made-up traffic, in a few minutes
    gpupipe run pipelines/traffic_forecast.py -p speeds=metr_la_week_speed.csv.gz -p n_roads=15 -p epochs=12 -p n_seeds=3 --report report

The real data: loop detectors of Los Angeles, March 2012, every 5 minutes, one column a sensor and no column of time (METR-LA). It takes
some minutes; what networks make of four days of it is in docs/deep.md.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

import gpupipe as gp
from gpupipe.forecasts import DeepForecaster, HoltWinters, Naive, SeasonalNaive

HOUR, DAY = 12, 288  # steps of 5 minutes
NETWORKS = {
    "lstm": {"cell": "lstm"},
    "tt-lstm": {"cell": "tt-lstm", "lags": 3, "order": 2, "rank": 4},  # the last three states, and products of two of them
}


def made_up(n_roads: int, n_days: int = 4, seed: int = 0) -> pa.Table:
    """Return speeds that fall at rush hours, at each road a little after the one before; and jams, which move on from road to road."""
    chance, steps = np.random.default_rng(seed), np.arange(n_days * DAY)
    speeds = {}
    jams = np.convolve(chance.random(len(steps) + 60) < 0.01, np.sin(np.linspace(0, np.pi, 24)) * 30)[: len(steps) + 60]
    for road in range(n_roads):
        hour = (steps - 2 * road) / HOUR % 24
        rush = np.exp(-((hour - 8) ** 2) / 4) + 1.5 * np.exp(-((hour - 17) ** 2) / 6)
        speeds[f"road {road}"] = np.maximum(65 - 18 * rush - jams[60 - 3 * road :][: len(steps)] + chance.normal(0, 1.5, len(steps)), 3)
    return pa.table(speeds)


def read(speeds: str | None, n_roads: int) -> pa.Table:
    """Return a row for each road and step; a speed of 0 is a detector that was off."""
    wide = made_up(n_roads) if speeds is None else pc.read_csv(speeds).select(range(n_roads))
    values = np.column_stack([column.to_numpy() for column in wide.columns]).astype(float)
    at = np.repeat(np.arange(wide.num_rows), wide.num_columns)
    known = np.where(values.ravel() > 0, values.ravel(), np.nan)
    return pa.table({"road": np.tile(np.array(wide.column_names), wide.num_rows), "step_of_5_min": at, "mph": known})


def methods(past: int, horizon: int, epochs: int, n_seeds: int) -> dict[str, DeepForecaster | HoltWinters | Naive | SeasonalNaive]:
    """Return what is tried: each network with several seeds, and what needs none."""
    common = {
        "hidden_size": 16,
        "joint": True,
        "learning_rate": 1e-2,
        "validation": 0.15,
        "curriculum": epochs // 8,
        "device": "cpu",
    }
    networks = {
        f"{name} {seed}": DeepForecaster(past, horizon, epochs=epochs, seed=seed, **common, **options)
        for name, options in NETWORKS.items()
        for seed in range(n_seeds)
    }
    return {**networks, "last value": Naive(), "same time yesterday": SeasonalNaive(DAY), "holt-winters": HoltWinters(DAY, trend=None)}


def pipeline(
    speeds: str | None = None,
    n_roads: int = 5,
    past: int = HOUR,
    horizon: int = 3 * HOUR,
    windows: int = 2,
    epochs: int = 12,
    n_seeds: int = 2,
    out: str | None = None,
) -> gp.Pipeline:
    """Try all methods on windows of the last day, and forecast what comes next.

    Parameters
    ----------
    speeds
        CSV with a column a road and a row every 5 minutes; made-up traffic unless given.
    n_roads
        How many roads: the first columns.
    past, horizon
        Steps of 5 minutes that a network sees, and that it forecasts.
    windows
        How many times each method is tried, `horizon` steps apart.
    epochs, n_seeds
        How long networks are trained, and how many of each.
    out
        Parquet file for the forecasts.
    """
    rows = gp.FromArrow(read(speeds, n_roads)).node().named("speeds")
    columns = {"by": "road", "time": "step_of_5_min", "target": "mph"}
    known = methods(past, horizon, epochs, n_seeds)

    # The past: all are fitted to what came before each window. The page draws each one's error by steps ahead.
    tried = gp.Backtest(known, horizon, windows, season_length=DAY, level=(), **columns)(rows)
    found = gp.EvaluateForecast(["rmse", "mae"])(tried).named("methods")

    # Of each kind and horizon the mean of its seeds, and how far apart they are: a figure, and a row for each kind.
    errors = gp.WithColumns(kind=nw.col("method").str.replace(r" \d+$", ""), minutes=5 * nw.col("step"))(found.scores(by="step"))
    of_seeds = gp.GroupBy(["kind", "minutes"], rmse=nw.col("rmse").mean().round(3), sd=nw.col("rmse").std().round(3))(errors)
    by_horizon = gp.ShowCurves("minutes", "rmse", by="kind", title="Error by minutes ahead, mean of seeds")(of_seeds)
    shown = [5 * step for step in (HOUR // 4, HOUR // 2, HOUR, 2 * HOUR) if step < horizon] + [5 * horizon]
    wide = gp.Pivot("kind", on="minutes", values=shown, column="rmse")(of_seeds)

    # The future, by a TT-LSTM; its card has the curves of its training.
    fitted = gp.Forecast(known["tt-lstm 0"], **columns).fit(rows).named("tt-lstm")
    ahead = fitted.forecast(horizon=horizon, level=(80,))
    table = gp.SortRows(f"minutes_{shown[-1]}")(wide)
    outputs: dict[str, object] = {"errors": table, "by_horizon": by_horizon, "methods": found, "model": fitted, "ahead": ahead}
    if out is not None:
        outputs["out"] = gp.WriteParquet(out)(ahead)
    return gp.Pipeline("traffic-forecast", outputs)
