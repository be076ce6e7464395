"""Rolling windows against loops in plain Python."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.stages.rolling import Rolling
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage
from gpupipe.testing.strategies import tables
from gpupipe.testing.trial import Trial

SCHEMA = pa.schema([("k", pa.int64()), ("s", pa.large_string()), ("t", pa.int32()), ("i", pa.int16()), ("x", pa.float64())])
BOUNDS = {"k": (0, 1), "t": (-3, 6), "i": (-100, 100), "x": (-8.0, 8.0)}
AGGREGATES = {
    "low": ("i", "min"),
    "high": ("x", "max"),
    "sum": ("i", "sum"),
    "mean": ("x", "mean"),
    "n": ("s", "count"),
    "total": ("x", "sum"),
}


def rolled(table: pa.Table, by: list[str], start: int, stop: int) -> list[dict[str, Any]]:
    """Return the rows with their windows' aggregates, by looking at every pair of rows."""
    rows = table.to_pylist()
    made = []
    for row in rows:
        window = [
            other
            for other in rows
            if all(other[key] == row[key] for key in by)
            and None not in (row["t"], other["t"])
            and row["t"] + start <= other["t"] < row["t"] + stop
        ]
        new: dict[str, Any] = {}
        for name, (column, function) in AGGREGATES.items():
            held = [other[column] for other in window if other[column] is not None]
            reduced = {"min": min, "max": max, "mean": lambda given: sum(given) / len(given)}
            if function == "count":
                new[name] = len(held)
            elif function == "sum":
                new[name] = sum(held)
            else:
                new[name] = reduced[function](held) if held else None
            if row["t"] is None:
                new[name] = None
        made.append(row | new)
    return made


@pytest.mark.parametrize("by", [["k"], ["k", "s"]])
@given(table=tables(SCHEMA, bounds=BOUNDS, nan=False), start=st.integers(-4, 3), width=st.integers(1, 5))
def test_law(by: list[str], table: pa.Table, start: int, width: int) -> None:
    made = check_key_stage(Rolling(by, index="t", start=start, stop=start + width, **AGGREGATES), table, rtol=1e-9)
    wanted = pa.Table.from_pylist(rolled(table, by, start, start + width), made.schema)
    assert_same_rows(made, wanted, rtol=1e-9, atol=1e-12)


def test_gaps_are_no_rows_and_one_index_shares_a_window() -> None:
    table = pa.table({"k": [1] * 5, "t": [0, 0, 1, 5, 6], "x": [4, 3, 1, 2, 9]})
    made = check_key_stage(Rolling("k", index="t", start=0, stop=2, low=("x", "min"), n=("x", "count")), table)
    assert sorted((row["t"], row["low"], row["n"]) for row in made.to_pylist()) == [
        (0, 1, 3),
        (0, 1, 3),
        (1, 1, 1),
        (5, 2, 2),
        (6, 9, 1),
    ]


def test_missing_keys_are_one_key_and_a_missing_index_has_no_window() -> None:
    table = pa.table({"k": pa.array([None, None, 1], pa.int64()), "t": pa.array([0, 1, None], pa.int64()), "x": [1, 2, 3]})
    made = check_key_stage(Rolling("k", index="t", start=-9, stop=9, sum=("x", "sum")), table)
    assert {(row["x"], row["sum"]) for row in made.to_pylist()} == {(1, 3), (2, 3), (3, None)}


def test_large_integers_are_exact() -> None:
    big = (1 << 62) + 1
    made = check_key_stage(
        Rolling("k", index="t", start=0, stop=1, top=("x", "max"), all=("x", "sum")), pa.table({"k": [1], "t": [1], "x": [big]})
    )
    assert made.to_pylist() == [{"k": 1, "t": 1, "x": big, "top": big, "all": big}]


def test_extreme_index() -> None:
    table = pa.table({"k": [1, 1, 2], "t": [-(1 << 40), 1 << 40, 0], "x": [1, 2, 3]})
    made = check_key_stage(Rolling("k", index="t", start=-1, stop=1, n=("x", "count")), table)
    assert made["n"].to_pylist() == [1, 1, 1]


def trailing(engine: str, values: pa.Array, function: str) -> list[Any]:
    """Return an aggregate of the windows that end with each row and begin with the row before it."""
    table = pa.table({"k": [1] * len(values), "t": range(0, 5 * len(values), 5), "x": values})
    with Trial(engine) as trial:
        made = trial.run(Rolling("k", index="t", start=-9, stop=1, made=("x", function)), table)
    return [row["made"] for row in sorted(made.to_pylist(), key=lambda row: row["t"])]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array([2.0**60, -5.0, None]), [2.0**60, (2.0**60 - 5.0) / 2, -5.0]),
        (pa.array([1e9, 0.1, None]), [1e9, (1e9 + 0.1) / 2, 0.1]),
        (pa.array([1 << 60, -5, None]), [2.0**60, (2.0**60 - 5.0) / 2, -5.0]),
        (pa.array([1 << 62, 1 << 62, 0]), [2.0**62, 2.0**62, 2.0**61]),
        (pa.array([2, None, 5], pa.int8()), [2.0, 2.0, 5.0]),
        (pa.array([True, False, None]), [1.0, 0.5, 0.0]),
    ],
)
def test_mean_is_that_of_the_windows_own_values(engine: str, values: pa.Array, wanted: list[float]) -> None:
    assert trailing(engine, values, "mean") == wanted


def test_sum_is_that_of_the_windows_own_values(engine: str) -> None:
    assert trailing(engine, pa.array([1e25, 0.1, 1e-9, None]), "sum") == [1e25, 1e25, 0.100000001, 1e-9]
    assert trailing(engine, pa.array([1 << 62, 1 << 62, 1]), "sum") == [1 << 62, -(1 << 63), (1 << 62) + 1]


@pytest.mark.parametrize("function", ["min", "max"])
def test_nan_is_passed_over(engine: str, function: str) -> None:
    nan = float("nan")
    assert repr(trailing(engine, pa.array([nan, 1.0, None], from_pandas=False), function)) == "[nan, 1.0, 1.0]"
    assert repr(trailing(engine, pa.array([1.0, nan, nan], from_pandas=False), function)) == "[1.0, 1.0, nan]"


def test_options() -> None:
    for start, stop in ((1, 1), (0.5, 2), (2, -2)):
        with pytest.raises(UsageError, match=rf"^Rolling expects integers start < stop, got start={start}, stop={stop}\.$"):
            Rolling("k", index="t", start=start, stop=stop, low=("x", "min"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Rolling expects at least one aggregate, new_name=\('column', 'max'\), got none\.$"):
        Rolling("k", index="t", start=0, stop=1)
    with pytest.raises(UsageError, match=r"^Rolling expects \('column', 'function'\) for 'low', got 'min'\.$"):
        Rolling("k", index="t", start=0, stop=1, low="min")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Rolling expects one of 'min', .* for 'low', got 'mni'\. Did you mean 'min'\?$"):
        Rolling("k", index="t", start=0, stop=1, low=("x", "mni"))


def test_tables_that_do_not_fit() -> None:
    frame = pl.DataFrame({"k": [1], "t": [1], "x": [1], "s": ["a"]})
    with pytest.raises(ColumnError, match=r"^There is no column 'tt'\. Did you mean 't'\?"):
        Rolling("k", index="tt", start=0, stop=1, low=("x", "min")).apply(frame)
    with pytest.raises(ColumnError, match=r"^There is no column 'xx'\. Did you mean 'x'\?"):
        Rolling("k", index="t", start=0, stop=1, low=("xx", "min")).apply(frame)
    with pytest.raises(DtypeError, match=r"^Rolling expects integers, dates or times in index 's', got String\. Cast it first\.$"):
        Rolling("k", index="s", start=0, stop=1, low=("x", "min")).apply(frame)
    with pytest.raises(DtypeError, match=r"^Rolling's min expects numbers, got String in column 's'\."):
        Rolling("k", index="t", start=0, stop=1, low=("s", "min")).apply(frame)
    decimals = frame.with_columns(pl.col("x").cast(pl.Decimal(5, 2)))
    assert Rolling("k", index="t", start=0, stop=1, n=("x", "count")).apply(decimals)["n"].to_list() == [1]
    for function in ("min", "max", "sum", "mean"):
        with pytest.raises(DtypeError, match=rf"^Rolling's {function} expects integers or floats, got Decimal.* in column 'x'\. Cast it"):
            Rolling("k", index="t", start=0, stop=1, low=("x", function)).apply(decimals)
    with pytest.raises(DtypeError, match=r"^Rolling expects new names for its aggregates, got 'x', which is a column already\.$"):
        Rolling("k", index="t", start=0, stop=1, x=("x", "min")).apply(frame)


def test_key_of_lists_or_records(nested: pa.Table) -> None:
    with pytest.raises(
        DtypeError,
        match=r"^Rolling's by expects plain values, got (List|Array|Struct)\(.*\) in column 'k'\. Take out",
    ):
        Rolling("k", index="x", start=0, stop=1, n=("x", "count")).apply(pl.from_arrow(nested))


def test_windows_over_nanoseconds_and_beyond(engine: str) -> None:
    """Each key has two rows a year apart, of a second a window of 2**63 nanoseconds and more has both."""
    duckdb = pytest.importorskip("duckdb")
    n_keys, year = 600, 31_536_000 * 10**9
    at = [1_600_000_000 * 10**9 + key for key in range(n_keys)]
    table = pa.table(
        {"k": [f"k{key % n_keys}" for key in range(2 * n_keys)], "t": [*at, *(time + year for time in at)], "x": [1.0] * 2 * n_keys}
    )
    with Trial(engine) as trial:
        for start, stop in ((-10, 1), (0, year + 1), (1, 2**62), (-(2**62), 0), (-(2**63), 2**63), (-(2**70), 2**70), (2**64, 2**65)):
            stage = Rolling("k", index="t", start=start, stop=stop, n=("x", "count"), total=("x", "sum"))
            ends = [f"{abs(end)} {'PRECEDING' if end < 0 else 'FOLLOWING'}" for end in (max(start, -(2**61)), min(stop - 1, 2**61))]
            bounds = "BETWEEN " + " AND ".join(ends)
            wanted = duckdb.sql(
                f"SELECT k, t, x, count(x) OVER w AS n, coalesce(sum(x) OVER w, 0.0) AS total FROM 'table' "
                f"WINDOW w AS (PARTITION BY k ORDER BY t RANGE {bounds})"
            )
            assert_same_rows(trial.run(stage, table), wanted.to_arrow_table())


def windows(n_rows: int, seed: int = 0) -> pl.DataFrame:
    """Return rows of a few keys whose times are all different."""
    chance = np.random.default_rng(seed)
    values = [None if draw < 0.1 else value for draw, value in zip(chance.random(n_rows), chance.normal(10, 1, n_rows), strict=True)]
    seconds = pl.Series(chance.permutation(n_rows) * 40_000_000_000 + chance.integers(0, 10**9, n_rows)).cast(pl.Datetime("us"))
    return pl.DataFrame({"k": chance.integers(0, 3, n_rows), "t": seconds, "x": values, "i": chance.integers(0, 100, n_rows)})


WORDS = ("sum", "mean", "min", "max", "std", "var", "median", "count", "first", "last")
MANY = {word: ("x", word) for word in WORDS} | {"high": ("i", "quantile", 0.9)}


ENDS: list[Any] = [({"start": "-2d", "stop": "1us"}, {"window": "172800000001us"}), ({"rows": 3}, {"window": 3})]


@pytest.mark.parametrize(("ends", "theirs"), ENDS)
def test_windows_of_time_and_of_rows_are_pandas(ends: dict[str, Any], theirs: dict[str, Any]) -> None:
    frame = windows(40)
    made = check_key_stage(Rolling("k", index="t", **ends, **MANY), frame, rtol=1e-9).to_pandas().sort_values(["k", "t"])
    rows = frame.to_pandas().sort_values(["k", "t"]).set_index("t")
    rolling = rows.groupby("k").rolling(**theirs, min_periods=1)
    for word in WORDS:
        wanted = getattr(rolling["x"], word)().to_numpy()
        if word in ("first", "last"):  # of pandas' windows they are missing where the value is, here they pass over missing ones
            continue
        zero = word in ("sum", "count")
        np.testing.assert_allclose(np.nan_to_num(made[word]) if zero else made[word], np.nan_to_num(wanted) if zero else wanted, rtol=1e-9)
    np.testing.assert_allclose(made["high"], rolling["i"].quantile(0.9), rtol=1e-12)


def test_first_and_last_are_polars(engine: str) -> None:
    frame = windows(40).sort("k", "t")
    stage = Rolling("k", index="t", start=dt.timedelta(days=-2), stop="1us", first=("x", "first"), last=("x", "last"))
    made = gp.Pipeline("p", out=stage(gp.FromFrame(frame).node())).run(engine)["out"].to_arrow()
    known = pl.col("x").drop_nulls()
    wanted = frame.rolling("t", period="172800000001us", group_by="k").agg(first=known.first(), last=known.last(), x=pl.col("x").last())
    assert_same_rows(made.select(["k", "t", "first", "last"]), wanted.select("k", "t", "first", "last"))


def test_of_rows_of_one_index_the_smallest_is_first_and_the_largest_last() -> None:
    frame = pl.DataFrame({"k": [1] * 4, "t": [0, 0, 0, 1], "x": [2, 9, None, 5]})
    made = check_key_stage(Rolling("k", index="t", start=0, stop=1, first=("x", "first"), last=("x", "last")), frame)
    assert {(row["t"], row["first"], row["last"]) for row in made.to_pylist()} == {(0, 2, 9), (1, 5, 5)}


def test_far_from_zero_a_variance_loses_no_digits() -> None:
    frame = pl.DataFrame({"k": [1] * 5, "t": range(5), "x": [1e9, 1e9 + 1, 1e9 + 2, 5.0, 6.0]})
    made = check_key_stage(Rolling("k", index="t", rows=2, var=("x", "var")), frame)
    assert [row["var"] for row in sorted(made.to_pylist(), key=lambda row: row["t"])] == [None, 0.5, 0.5, pytest.approx(4.99999997e17), 0.5]


def test_bad_windows_of_time_and_rows() -> None:
    frame = windows(3)
    with pytest.raises(UsageError, match=r"^Rolling expects a number of rows from 1 on, and then neither start nor stop, got 0, None"):
        Rolling("k", index="t", rows=0, n=("x", "count"))
    with pytest.raises(UsageError, match=r"^Rolling's start and stop expects a timedelta or text such as '7d'"):
        Rolling("k", index="t", start="-7days", stop="1us", n=("x", "count"))
    with pytest.raises(UsageError, match=r"^Rolling expects \('column', 'quantile', level\) with a level from 0 to 1"):
        Rolling("k", index="t", rows=2, n=("x", "quantile", 90))
    with pytest.raises(DtypeError, match=r"^Rolling expects lengths of time, such as start='-7d', for index 't' of Datetime"):
        Rolling("k", index="t", start=-7, stop=1, n=("x", "count")).apply(frame)
    with pytest.raises(DtypeError, match=r"^Rolling expects integers as start and stop, for index 'i' of Int64\.$"):
        Rolling("k", index="i", start="-7d", stop="1d", n=("x", "count")).apply(frame)
