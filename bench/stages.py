"""Stages beside what somebody would write by hand in Polars: as-of joins, rolling windows, and statistics of a click log.

    python -m bench.stages [--rows 2000000] [--repeats 5] [--out bench/results/DATE-stages.json]

Both do each question in one process, in turns, on the same frames in memory; what counts is the least time of each, on the clock and of
the processor (on a machine with other work the clock says little), and the answers are compared first. The click log is made up in the
likeness of Criteo's: numbers with gaps, and categories whose frequencies follow Zipf's law. What is fitted is a mean and a deviation of
each number, and the categories seen 15 times or more. Interval joins are beside DuckDB's, since Polars joins by key first and filters then.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

import gpupipe as gp  # noqa: E402
from bench.machine import describe  # noqa: E402

Side = Callable[[], Any]
LEAST = 15


def events(n_rows: int, n_keys: int, seed: int) -> pl.DataFrame:
    """Return rows of keys in time, in no order."""
    chance = np.random.default_rng(seed)
    seconds = chance.integers(0, 30 * 86400, n_rows)
    return pl.DataFrame(
        {
            "k": chance.integers(0, n_keys, n_rows),
            "t": pl.Series(seconds * 10**6).cast(pl.Datetime("us")),
            "n": chance.integers(0, 1000, n_rows),
            "x": chance.normal(0, 1, n_rows),
        }
    )


def clicks(n_rows: int, n_numbers: int = 6, n_categories: int = 10) -> pl.DataFrame:
    """Return a click log."""
    chance = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for number in range(n_numbers):
        values = chance.lognormal(1, 1, n_rows)
        columns[f"I{number}"] = pl.Series(values).set(pl.Series(chance.random(n_rows) < 0.05), None)
    for number in range(n_categories):
        codes = chance.zipf(1.1 + number / 20, n_rows) % (1 << 20)
        columns[f"C{number}"] = pl.Series(codes).cast(pl.String)
    return pl.DataFrame(columns)


def questions(n_rows: int) -> dict[str, tuple[Side, Side]]:
    """Return each question as gpupipe's side and Polars' own, which give the same."""
    left, right, log = (
        events(n_rows, 1000, 0),
        events(n_rows // 10, 1000, 1).unique(["k", "t"]).rename({"x": "v"}).drop("n"),
        clicks(n_rows),
    )
    numbers, categories = [[name for name in log.columns if name[0] == letter] for letter in "IC"]
    trailing, width = {"start": "-1d", "stop": "1us"}, "86400000001us"
    sums = {"total": ("n", "sum"), "low": ("n", "min"), "high": ("n", "max")}

    def by_hand() -> Any:
        lazy = log.lazy()
        moments = lazy.select(
            [*(pl.col(c).mean().alias(f"m{c}") for c in numbers), *(pl.col(c).std(ddof=0).alias(f"s{c}") for c in numbers)]
        )
        counts = [lazy.group_by(c).len().filter(pl.col("len") >= LEAST).select(pl.col(c).sort()) for c in categories]
        return pl.collect_all([moments, *counts], engine="streaming")

    phases = right.select("k", "v", low="t", high=pl.col("t") + pl.duration(hours=2))
    pairs = "SELECT l.*, r.v, r.low, r.high FROM l JOIN r ON l.k = r.k AND l.t >= r.low AND l.t < r.high"

    def by_duckdb() -> Any:
        with duckdb.connect() as connection:
            connection.register("l", left.to_arrow())
            connection.register("r", phases.to_arrow())
            return connection.sql(pairs).pl()

    def rolled(*made: pl.Expr) -> Any:
        return left.lazy().sort("k", "t").with_columns(expression.over("k") for expression in made).collect()

    stages = (gp.Standardize(numbers), gp.EncodeCategory(categories, min_count=LEAST))
    return {
        "as-of join": (
            lambda: gp.AsofJoin("t", by="k").apply(left, right),
            lambda: left.lazy().sort("t").join_asof(right.lazy().sort("t"), on="t", by="k", check_sortedness=False).collect(),
        ),
        "as-of join within an hour, nearest": (
            lambda: gp.AsofJoin("t", by="k", strategy="nearest", tolerance="1h").apply(left, right),
            lambda: (
                left.lazy()
                .sort("t")
                .join_asof(right.lazy().sort("t"), on="t", by="k", strategy="nearest", tolerance="1h", check_sortedness=False)
                .collect()
            ),
        ),
        "interval join, beside DuckDB's": (lambda: gp.IntervalJoin("t", start="low", end="high", by="k").apply(left, phases), by_duckdb),
        "rolling day, whole numbers": (
            lambda: gp.Rolling("k", index="t", **trailing, **sums).apply(left),
            lambda: rolled(*(getattr(pl.col("n"), f"rolling_{f}_by")("t", width).alias(name) for name, (_, f) in sums.items())),
        ),
        "rolling day, mean of floats": (
            lambda: gp.Rolling("k", index="t", **trailing, mean=("x", "mean")).apply(left),
            lambda: rolled(pl.col("x").rolling_mean_by("t", width).alias("mean")),
        ),
        "rolling day, deviation": (
            lambda: gp.Rolling("k", index="t", **trailing, std=("x", "std")).apply(left),
            lambda: rolled(pl.col("x").rolling_std_by("t", width).alias("std")),
        ),
        "statistics of a click log": (lambda: gp.Fit(log, *stages), by_hand),
    }


def same(name: str, ours: Any, theirs: Any) -> bool:
    """Whether both sides gave the same."""
    if name.startswith("statistics"):
        scaled, encoded = ours.stages
        moments, *counts = theirs
        known = all(encoded.categories[at] == tuple(sorted(table.to_series().to_list(), key=int)) for at, table in enumerate(counts))
        row = moments.row(0)
        return known and np.allclose([*scaled.means, *scaled.deviations], row, rtol=1e-9)
    columns = [column for column in ours.columns if column not in ("k", "t", "n", "x")]
    sums = [
        (frame.select(pl.col(columns).cast(pl.Float64).sum()).row(0), frame.select(pl.col(columns).null_count()).row(0))
        for frame in (ours, theirs)
    ]
    return ours.height == theirs.height and np.allclose(sums[0][0], sums[1][0], rtol=1e-6) and sums[0][1] == sums[1][1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 where all answers were the same."""
    parser = ArgumentParser(prog="python -m bench.stages", description="Time stages beside Polars' own words.")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    made: dict[str, Any] = {}
    for name, sides in questions(options.rows).items():
        alike = same(name, *(side() for side in sides))
        seconds: list[list[float]] = [[], []]
        worked: list[list[float]] = [[], []]
        for _ in range(options.repeats):
            for side, times, works in zip(sides, seconds, worked, strict=True):
                started, began = time.perf_counter(), time.process_time()
                side()
                works.append(time.process_time() - began)
                times.append(time.perf_counter() - started)
        (ours, theirs), (our_work, their_work) = map(min, seconds), map(min, worked)
        made[name] = {"seconds": round(ours, 4), "polars_seconds": round(theirs, 4), "ratio": round(ours / theirs, 3), "same": alike}
        made[name] |= {"cpu_seconds": round(our_work, 4), "polars_cpu_seconds": round(their_work, 4)}
        made[name] |= {"cpu_ratio": round(our_work / their_work, 3)}
        told = f"{ours:7.3f} s  other {theirs:7.3f} s  {ours / theirs:5.2f}x  processor {our_work / their_work:5.2f}x"
        print(f"{name:36} {told}  {'same' if alike else 'OTHER ANSWERS'}", flush=True)
    result = {"machine": describe(), "rows": options.rows, "repeats": options.repeats, "questions": made}
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if all(answer["same"] for answer in made.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
