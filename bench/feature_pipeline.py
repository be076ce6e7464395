"""Features of purchases: two joins, three group-bys joined back, ten new columns; and the same with a split by row.

``python -m bench.feature_pipeline --rows 5000000 --out bench/results/NAME.json``: the pipeline on `cpu` beside the same by hand in Polars
and in DuckDB, in one process; what comes out is held in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import gpupipe as gp
from bench.side_by_side import compared, options, table, wanted, written

FEATURES = ("total", "spend", "n_bought", "n_sold", "mean_amount", "mean_paid", "typical", "share", "above", "of_price")


def main() -> None:
    """Run the command."""
    given = options(__doc__, rows=5_000_000)
    data = made_tables(given.data, given.rows)
    connection = duckdb.connect()
    whole, split = in_duckdb(data), f"SELECT * FROM ({in_duckdb(data)})"
    programs = {
        "features": {
            "gpupipe": lambda: gp.Pipeline("features", rows=in_gpupipe(data)).run("cpu"),
            "polars": lambda: {"rows": in_polars(data).collect(engine="streaming")},
            "duckdb": lambda: {"rows": connection.sql(whole).to_arrow_table()},
        },
        "features, split by row": {
            "gpupipe": lambda: split_pipeline(data).run("cpu"),
            "polars": lambda: split_in_polars(data),
            "duckdb": lambda: split_in_duckdb(connection, split),
        },
    }
    made = [compared(name, of_one, given.rounds, totals) for name, of_one in programs.items() if wanted(name, given)]
    print(table(made))
    written(given, {"benchmark": "feature-pipeline", "rows": given.rows, "questions": made})


def made_tables(data: Path, rows: int) -> dict[str, str]:
    """Return the Parquet files of purchases, users and items, made where they are not there."""
    folder = data / f"features-{rows}"
    paths = {name: str(folder / f"{name}.parquet") for name in ("purchases", "users", "items")}
    if folder.exists():
        return paths
    folder.mkdir(parents=True)
    random = np.random.default_rng(12)
    n_users, n_items = max(rows // 50, 1), max(rows // 250, 1)
    purchases = {
        "user": random.integers(0, n_users, rows),
        "item": random.integers(0, n_items, rows),
        "amount": np.round(random.exponential(20.0, rows), 2),
        "quantity": random.integers(1, 6, rows),
        "day": random.integers(0, 365, rows, dtype=np.int32),
    }
    regions = np.array([f"region {number}" for number in range(20)])
    categories = np.array([f"category {number}" for number in range(50)])
    users = {"user": np.arange(n_users), "region": random.choice(regions, n_users), "age": random.integers(18, 90, n_users)}
    items = {"item": np.arange(n_items), "category": random.choice(categories, n_items), "price": np.round(random.random(n_items) * 50, 2)}
    for name, columns in (("purchases", purchases), ("users", users), ("items", items)):
        pq.write_table(pa.table(columns), paths[name])
    return paths


def in_gpupipe(data: Mapping[str, str]) -> Any:
    """Return the features as a pipeline's table."""
    purchases, users, items = (gp.ReadParquet(data[name]).node() for name in ("purchases", "users", "items"))
    known = gp.Join("item", how="left")(gp.Join("user", how="left")(purchases, users), items)
    rows = known >> gp.WithColumns(total=nw.col("amount") * nw.col("quantity"))
    by_user = rows >> gp.GroupBy("user", spend=nw.col("total").sum(), n_bought=nw.len(), mean_amount=nw.col("amount").mean())
    by_item = rows >> gp.GroupBy("item", n_sold=nw.len(), mean_paid=nw.col("amount").mean())
    by_group = rows >> gp.GroupBy(["region", "category"], typical=nw.col("total").mean())
    for key, aggregates in (("user", by_user), ("item", by_item), (["region", "category"], by_group)):
        rows = gp.Join(key, how="left")(rows, aggregates)
    made = rows >> gp.WithColumns(
        share=nw.col("total") / nw.col("spend"),
        above=nw.col("amount") - nw.col("mean_paid"),
        of_price=nw.when(nw.col("price") > 0).then(nw.col("amount") / nw.col("price")).otherwise(0.0),
    )
    return made >> gp.Select("user", "day", *FEATURES)


def split_pipeline(data: Mapping[str, str]) -> gp.Pipeline:
    """Return the pipeline that splits the features by row."""
    train, test = gp.Split((0.8, 0.2), seed=1)(in_gpupipe(data))
    return gp.Pipeline("features", train=train, test=test)


def in_polars(data: Mapping[str, str]) -> pl.LazyFrame:
    """Return the features as a query by hand."""
    purchases, users, items = (pl.scan_parquet(data[name]) for name in ("purchases", "users", "items"))
    rows = purchases.join(users, on="user", how="left").join(items, on="item", how="left")
    rows = rows.with_columns(total=pl.col("amount") * pl.col("quantity"))
    by_user = rows.group_by("user").agg(spend=pl.col("total").sum(), n_bought=pl.len(), mean_amount=pl.col("amount").mean())
    by_item = rows.group_by("item").agg(n_sold=pl.len(), mean_paid=pl.col("amount").mean())
    by_group = rows.group_by("region", "category").agg(typical=pl.col("total").mean())
    return (
        rows.join(by_user, on="user", how="left")
        .join(by_item, on="item", how="left")
        .join(by_group, on=["region", "category"], how="left")
        .with_columns(
            share=pl.col("total") / pl.col("spend"),
            above=pl.col("amount") - pl.col("mean_paid"),
            of_price=pl.when(pl.col("price") > 0).then(pl.col("amount") / pl.col("price")).otherwise(0.0),
        )
        .select("user", "day", *FEATURES)
    )


def split_in_polars(data: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """Return both parts: a row's draw is Polars' own hash of its values."""
    rows = in_polars(data).with_columns(draw=pl.struct(pl.all()).hash(1) / 2.0**64)
    train, test = rows.filter(pl.col("draw") < 0.8).drop("draw"), rows.filter(pl.col("draw") >= 0.8).drop("draw")
    made = pl.collect_all([train, test], engine="streaming")
    return dict(zip(("train", "test"), made, strict=True))


def in_duckdb(data: Mapping[str, str]) -> str:
    """Return the features as SQL."""
    return f"""
WITH rows AS (SELECT p.*, u.region, u.age, i.category, i.price, p.amount * p.quantity AS total FROM '{data["purchases"]}' AS p
              LEFT JOIN '{data["users"]}' AS u USING ("user") LEFT JOIN '{data["items"]}' AS i USING (item)),
     by_user AS (SELECT "user", sum(total) AS spend, count(*) AS n_bought, avg(amount) AS mean_amount FROM rows GROUP BY "user"),
     by_item AS (SELECT item, count(*) AS n_sold, avg(amount) AS mean_paid FROM rows GROUP BY item),
     by_group AS (SELECT region, category, avg(total) AS typical FROM rows GROUP BY region, category)
SELECT "user", day, total, spend, n_bought, n_sold, mean_amount, mean_paid, typical, total / spend AS share, amount - mean_paid AS above,
       CASE WHEN price > 0 THEN amount / price ELSE 0 END AS of_price
FROM rows LEFT JOIN by_user USING ("user") LEFT JOIN by_item USING (item) LEFT JOIN by_group USING (region, category)"""


def split_in_duckdb(connection: duckdb.DuckDBPyConnection, features: str) -> dict[str, pa.Table]:
    """Return both parts: a row's draw is DuckDB's own hash of its values."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE drawn AS SELECT *, hash({', '.join(FEATURES)}) / 2.0**64 AS draw FROM ({features})")
    return {
        name: connection.sql(f"SELECT * EXCLUDE (draw) FROM drawn WHERE draw {where}").to_arrow_table()
        for name, where in (("train", "< 0.8"), ("test", ">= 0.8"))
    }


def totals(parts: Mapping[str, Any]) -> dict[str, float]:
    """Return how many rows all parts have, and the sum of each feature; a part must be near its share."""
    frames = [part.to_polars() if hasattr(part, "to_polars") else pl.DataFrame(part) for part in parts.values()]
    if len(frames) == 2 and not _near([len(frame) for frame in frames]):
        return {"rows": -1.0}
    whole = pl.concat([frame.select(pl.col(name).cast(pl.Float64).sum() for name in ("day", *FEATURES)) for frame in frames]).sum()
    return {"rows": float(sum(len(frame) for frame in frames)), **whole.row(0, named=True)}


def _near(sizes: Sequence[int]) -> bool:
    """Whether the first of two parts has four fifths of the rows, up to a fiftieth."""
    return abs(sizes[0] / sum(sizes) - 0.8) < 0.02


if __name__ == "__main__":
    main()
