"""How late flights leave, with what is known of the plane, the airports and the weather: joins by key, by time, and windows.

gpupipe run pipelines/flights.py --report out                           on made-up flights
gpupipe run pipelines/flights.py --report out -p data=nycflights13      on those of a folder

The tables are those of R's nycflights13, which left New York in 2013: flights_sample, airlines, airports, planes and weather (.csv.gz).
"""

from __future__ import annotations

from pathlib import Path

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from sklearn.linear_model import Ridge

import gpupipe as gp

FLIGHTS = ["rownames", "year", "month", "day", "hour", "minute", "dep_delay", "carrier", "tailnum", "origin", "dest"]
WEATHER = ["temp", "wind_speed", "precip", "visib"]


def made_up(n_rows: int, seed: int = 0) -> dict[str, pa.Table]:
    """Return a year's flights that leave late in wind, hourly weather with gaps, planes, airlines and airports."""
    chance = np.random.default_rng(seed)
    hours = np.datetime64("2013-01-01T05", "us") + np.arange(364 * 24).astype("timedelta64[h]")
    wind = np.abs(np.sin(np.arange(len(hours)) / 50)) * 20 + chance.uniform(0, 5, len(hours))
    sky = {"temp": 50 + wind, "wind_speed": wind, "precip": 0 * wind, "visib": 10 + 0 * wind}
    weather = pa.table({"origin": ["JFK"] * len(hours), "time_hour": pa.array(hours, pa.timestamp("us", "UTC")), **sky})
    at = chance.integers(0, 360, n_rows) * 24 + chance.integers(5, 24, n_rows)  # nobody flies at night, when clocks are put back
    local = np.datetime64("2013-01-01T00", "h") + at.astype("timedelta64[h]")
    days = local.astype("datetime64[D]").astype(object)
    clock = {"year": [day.year for day in days], "month": [day.month for day in days], "day": [day.day for day in days]}
    clock |= {"hour": at % 24, "minute": chance.integers(0, 60, n_rows)}
    planes = chance.choice(["N1", "N2", "N3"], n_rows)
    places = {"origin": ["JFK"] * n_rows, "dest": chance.choice(["LAX", "BOS"], n_rows)}
    flight = {"dep_delay": (wind[at] + chance.normal(0, 5, n_rows)).round(), "carrier": chance.choice(["AA", "DL"], n_rows)}
    return {
        "flights": pa.table({"rownames": range(n_rows), **clock, **flight, "tailnum": planes, **places}),
        "weather": weather.filter(pa.array(chance.random(len(hours)) < 0.9)),
        "planes": pa.table({"tailnum": ["N1", "N2"], "built": [1990, 2010], "seats": [150, 300]}),
        "airlines": pa.table({"carrier": ["AA", "DL"], "name": ["American", "Delta"]}),
        "airports": pa.table({"faa": ["JFK", "LAX", "BOS"], "lat": [40.64, 33.94, 42.36], "lon": [-73.78, -118.41, -71.01]}),
    }


def read(data: str | None, n_rows: int) -> dict[str, gp.Table]:
    """Return the tables of a folder, or made-up ones."""
    if data is None:
        return {name: gp.FromArrow(table).node().named(name) for name, table in made_up(n_rows).items()}
    files = {"flights": "flights_sample", **{name: name for name in ("airlines", "airports", "planes", "weather")}}
    sources = {name: gp.ReadCsv(str(Path(data) / f"{file}.csv.gz"), null_values=["NA", ""]) for name, file in files.items()}
    tables = {name: source.node().named(name) for name, source in sources.items()}
    tables["planes"] = gp.Rename(year="built")(tables["planes"])
    return tables


@gp.rows
def with_clock(flights: nw.LazyFrame) -> nw.LazyFrame:
    """Puts the planned hour, which is New York's, together as a time of the world's clock."""
    parts = [nw.col(part).cast(nw.Int64).cast(nw.String) for part in ("year", "month", "day", "hour", "minute")]
    text = nw.concat_str(*parts, separator="-")
    local = text.str.to_datetime(format="%Y-%m-%d-%H-%M")
    return flights.with_columns(time=local.dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC"))


def pipeline(data: str | None = None, n_rows: int = 3_000) -> gp.Pipeline:
    """Return the pipeline.

    Parameters
    ----------
    data
        The folder of the tables; made-up ones unless given.
    n_rows
        How many flights to make up.
    """
    tables = read(data, n_rows)
    known = gp.Filter(~nw.col("dep_delay").is_null(), nw.col("hour") < 24)(tables["flights"])
    flights = with_clock(gp.Select(FLIGHTS)(known))

    # Three joins by key: the airline's name, how old and large the plane is, and where both airports are.
    flights = gp.Join(on="carrier", how="left")(flights, tables["airlines"])
    flights = gp.Join(on="tailnum", how="left")(flights, gp.Select("tailnum", "built", "seats")(tables["planes"]))
    places = gp.Select("faa", "lat", "lon")(tables["airports"])
    for end in ("origin", "dest"):
        named = gp.Rename(faa=end, lat=f"{end}_lat", lon=f"{end}_lon")(places)
        flights = gp.Join(on=end, how="left")(flights, named)
    flights = gp.Haversine(("origin_lat", "origin_lon"), ("dest_lat", "dest_lon"), name="kilometres")(flights)

    # One join by time: the airport's last weather before the flight, of the two hours before at most.
    weather = gp.Rename(time_hour="observed")(gp.Select("origin", "time_hour", *WEATHER)(tables["weather"]))
    flights = gp.AsofJoin("time", right_on="observed", by="origin", tolerance="2h")(flights, weather)

    # What the airport was like: how late the flights of the three hours before it left.
    before = {"late_before": ("dep_delay", "mean"), "n_before": ("dep_delay", "count")}
    flights = gp.Rolling("origin", index="time", start="-3h", stop="-1us", **before)(flights)
    flights = gp.CalendarParts("time", ["month", "weekday", "hour"], time_zone="America/New_York")(flights)

    train, test = gp.Split((0.8, 0.2), by="rownames")(flights)
    numbers = [*WEATHER, "built", "seats", "kilometres", "late_before", "n_before"]
    features = [*numbers, "time_hour", "time_weekday", "carrier"]
    model = gp.Fit(
        train,
        gp.Impute(numbers, "median"),
        gp.TargetEncode("carrier", target="dep_delay", fold_by="rownames"),
        gp.Standardize(features),
        gp.Learn(Ridge(), target="dep_delay", features=features),
    )
    monthly = gp.Resample("time", "1mo", by="origin", time_zone="America/New_York", flights=nw.len(), late=nw.col("dep_delay").mean())
    return gp.Pipeline(
        "flights",
        model=model,
        scores=gp.Evaluate(["r2", "mae"], target="dep_delay")(model.predict(test)),
        monthly=gp.SortRows(["origin", "time"])(monthly(flights)),
        without_weather=gp.Scalar(n=nw.col("temp").is_null().sum())(flights),
    )
