"""What a taxi trip will cost: the five-minute tutorial (docs/tutorial.md).

gpupipe run pipelines/taxi.py                                   on made-up trips
gpupipe run pipelines/taxi.py -p trips=taxis.csv.gz             on the New York trips of March 2019 (seaborn-data's taxis.csv)
"""

from __future__ import annotations

from datetime import datetime

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from sklearn.linear_model import Ridge
from xgboost import XGBRegressor

import gpupipe as gp
from gpupipe.core.node import Table

TRIPS = {
    "pickup": nw.Datetime("us"),
    "passengers": nw.Int64,
    "distance": nw.Float64,
    "fare": nw.Float64,
    "color": nw.String,
    "payment": nw.String,
    "pickup_borough": nw.String,
    "dropoff_borough": nw.String,
}
CATEGORIES = ("color", "payment", "pickup_borough", "dropoff_borough")
NUMBERS = ("passengers", "distance", "hour", "weekday")


def made_up(n_rows: int, seed: int = 0) -> pa.Table:
    """Return trips whose fare is a starting price plus a price a mile, dearer in the evening, with some noise and some gaps."""
    chance = np.random.default_rng(seed)
    distance = chance.gamma(2.0, 1.5, n_rows).round(2)
    seconds = chance.integers(0, 31 * 24 * 3600, n_rows)
    evening = ((seconds // 3600) % 24 >= 16) & ((seconds // 3600) % 24 < 20)
    fare = (2.5 + 2.6 * distance + 1.0 * evening + chance.normal(0, 0.8, n_rows)).clip(2.5).round(2)
    boroughs = np.array(["Bronx", "Brooklyn", "Manhattan", "Queens"])
    columns = {
        "pickup": pa.array(np.datetime64("2019-03-01", "us") + seconds.astype("timedelta64[s]")),
        "passengers": pa.array(chance.integers(1, 7, n_rows)),
        "distance": pa.array(distance),
        "fare": pa.array(fare),
        "color": pa.array(np.array(["green", "yellow"])[chance.integers(0, 2, n_rows)]),
        "payment": pa.array(np.array(["cash", "credit card"])[chance.integers(0, 2, n_rows)], mask=chance.random(n_rows) < 0.01),
        "pickup_borough": pa.array(boroughs[chance.integers(0, 4, n_rows)]),
        "dropoff_borough": pa.array(boroughs[chance.integers(0, 4, n_rows)]),
    }
    return pa.table(columns)


@gp.rows
def with_time(trips: nw.LazyFrame) -> nw.LazyFrame:
    """Reads the hour and the day of the week off the clock."""
    clock = nw.col("pickup").dt
    return trips.with_columns(hour=clock.hour().cast(nw.Int32), weekday=clock.weekday().cast(nw.Int32))


@gp.by_key("pickup_borough")
def with_usual_distance(trips: nw.LazyFrame) -> nw.LazyFrame:
    """Says how far a trip from this borough usually goes."""
    return trips.with_columns(usual_distance=nw.col("distance").mean().over("pickup_borough"))


def read(trips: str | None, n_rows: int) -> Table:
    """Return the trips of a file, or made-up ones."""
    if trips is None:
        return gp.FromArrow(made_up(n_rows)).node().named("trips")
    return gp.ReadCsv(trips, schema=TRIPS, date_format={"pickup": "%Y-%m-%d %H:%M:%S"}).node().named("trips")


def pipeline(trips: str | None = None, n_rows: int = 20_000, n_estimators: int = 60, out: str | None = None) -> gp.Pipeline:
    """Two models of the fare, trained on the month's first three weeks and evaluated on the rest.

    Parameters
    ----------
    trips
        CSV of trips; made-up ones unless given.
    n_rows
        How many trips to make up.
    n_estimators
        Boosting rounds.
    out
        Parquet file for the predictions.
    """
    table = read(trips, n_rows) >> gp.Filter(nw.col("distance") > 0, nw.col("fare") > 0) >> with_time >> with_usual_distance
    train, test = gp.Split(order="pickup", at=datetime(2019, 3, 22))(table)

    codes = gp.EncodeCategory(CATEGORIES, unknown=-1).fit(train)
    scaler = gp.Standardize((*NUMBERS, "usual_distance")).fit(train)
    ready = [scaler(codes(part)) >> gp.FillNull(-1, CATEGORIES) >> gp.FillNull(0.0, (*NUMBERS, "usual_distance")) for part in (train, test)]

    features = (*NUMBERS, "usual_distance", *CATEGORIES)
    outputs: dict[str, object] = {"trips": gp.Scalar(nw.len())(table), "fare": {}, "model": None}
    for name, estimator in (
        ("ridge", Ridge()),
        ("xgboost", XGBRegressor(n_estimators=n_estimators, max_depth=5, learning_rate=0.2)),
    ):
        model = gp.Learn(estimator, features=features, target="fare").fit(ready[0]).named(name)
        scored = model(ready[1])
        outputs["fare"] |= {name: gp.Evaluate(["rmse", "r2"], target="fare")(scored).named(name)}
        outputs["model"] = model
    if out is not None:
        outputs["out"] = gp.WriteParquet(out)(scored)
    return gp.Pipeline("taxi", outputs)
