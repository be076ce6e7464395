"""What traffic looks like when nobody measured it: missing speeds from few patterns of place, day and hour.

A road's speed depends on where it is, which day it is, and what time it is. As a table that is one long column; as a tensor, sensor x day x
hour, it is nearly the sum of a few *components*, each a pattern of places times a pattern of days times one of hours (CP, also called
PARAFAC). A component fitted to the cells that were measured says what the others were, and where a measurement fits none of them.

    gpupipe run pipelines/traffic_tensor.py --report report                                  on made-up traffic
    gpupipe run pipelines/traffic_tensor.py -p speeds=metr_la_week_speed.csv.gz --report report
    ... -p speeds=... -p locations=metr_la_sensor_locations.csv                              with each sensor's place beside its factors

The real data: loop detectors of Los Angeles, March 2012, every 5 minutes, one column a sensor and no column of time (METR-LA).
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

import gpupipe as gp

FIRST_DAY, ROWS_AN_HOUR = np.datetime64("2012-03-01"), 12
DIMS = ["sensor", "day", "hour"]


def made_up(n_sensors: int = 30, n_days: int = 10, seed: int = 0) -> pa.Table:
    """Return speeds that are slow at rush hours of working days, more so in town, as a column a sensor."""
    chance = np.random.default_rng(seed)
    town, hour = chance.uniform(size=n_sensors), np.arange(n_days * 24 * ROWS_AN_HOUR) / ROWS_AN_HOUR
    working = (hour // 24 + 3) % 7 < 5
    rush = working * (np.exp(-(((hour % 24) - 8) ** 2) / 4) + 1.5 * np.exp(-(((hour % 24) - 17) ** 2) / 6))
    speeds = 65 - 10 * town - 25 * rush[:, None] * town + chance.normal(0, 2, (len(hour), n_sensors))
    return pa.table({str(700000 + number): speeds[:, number] for number in range(n_sensors)})


def read(speeds: str | None) -> pa.Table:
    """Return a row for each measurement: sensor, day, hour, speed."""
    wide = made_up() if speeds is None else pc.read_csv(speeds)
    at = np.repeat(np.arange(wide.num_rows), wide.num_columns)
    return pa.table(
        {
            "sensor": np.tile(np.array(wide.column_names), wide.num_rows),
            "day": FIRST_DAY + at // (24 * ROWS_AN_HOUR),
            "hour": (at // ROWS_AN_HOUR % 24).astype(np.int32),
            "speed": np.column_stack([column.to_numpy() for column in wide.columns]).ravel(),
        }
    )


def pipeline(
    speeds: str | None = None, locations: str | None = None, rank: int = 8, hidden: float = 0.1, top: int = 20, out: str | None = None
) -> gp.Pipeline:
    """Hide some hours, find them again, show the components, and list what fits none of them.

    Parameters
    ----------
    speeds
        CSV with a column a sensor and a row every 5 minutes; made-up traffic unless given.
    locations
        CSV with the columns sensor_id, latitude, longitude.
    rank
        The number of components.
    hidden
        The share of hours that is hidden, to see how well they are found again.
    top
        How many anomalies to list.
    out
        Parquet file for all hours, the hidden ones as they were found.
    """
    rows = gp.FromArrow(read(speeds)).node().named("measurements")
    hours = gp.GroupBy(DIMS, speed=nw.col("speed").mean())(rows).named("hours")

    # A cell goes by the hash of its labels, so the same hours are hidden on every engine. What has no row is a missing cell of the tensor.
    seen, unseen = gp.Split((1 - hidden, hidden), by=DIMS, seed=0)(hours)
    tensor = gp.ToTensor(DIMS, "speed", every={"day": "1d", "hour": 1})(seen)

    # How many components? The error falls with each; core consistency tells when they stop being patterns of their own.
    curve = gp.RankCurve(range(1, 6), n_iter_max=50, n_starts=1).fit(tensor)
    cp = gp.CP(rank, n_iter_max=200, tol=1e-6).fit(tensor).named("patterns")

    # The check: what CP says of hidden hours beside what everybody says first, the sensor's mean speed at that hour on other days.
    found = gp.FromTensor()(cp.impute(tensor))
    usual = gp.GroupBy(["sensor", "hour"], usual=nw.col("speed").mean())(seen)
    checked = gp.Join(DIMS)(unseen, gp.Rename(speed="by_patterns")(found))
    checked = gp.Join(["sensor", "hour"])(checked, usual)
    error = {name: gp.Evaluate(["rmse", "mae"], target="speed", prediction=name)(checked).named(name) for name in ("by_patterns", "usual")}

    sensors = cp.factors(dim="sensor")
    if locations is not None:
        places = gp.ReadCsv(locations, schema={"sensor_id": nw.String, "latitude": nw.Float64, "longitude": nw.Float64}).node()
        sensors = gp.Join(left_on="sensor", right_on="sensor_id", how="left")(sensors, places)
    outputs = {
        "error": error,
        "ranks": curve.curve(),
        "patterns": cp,
        "sensors": sensors,
        "days": cp.factors(dim="day"),
        "hours": cp.factors(dim="hour"),
        "anomalies": cp.score(tensor, top=top),  # the measured hours that fit no pattern: accidents, closures, broken detectors
    }
    if out is not None:
        outputs["out"] = gp.WriteParquet(out)(found)
    return gp.Pipeline("traffic-tensor", outputs)
