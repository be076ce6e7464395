"""What a value means on the device: missing and NaN, dates, hashes, windows, look-ups; each held against engine `cpu`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.testing.compare import assert_same_rows

RunOn = Callable[..., pa.Table]
N = 1000
TABLE = pa.table(
    {
        "k": pa.array([None if i % 41 == 0 else i % 13 for i in range(N)], pa.int64()),
        "s": pa.array([None if i % 7 == 0 else "é" * (i % 40) + str(i % 29) for i in range(N)], pa.large_string()),
        "x": pa.array([None if i % 5 == 0 else i / 7 for i in range(N)], pa.float64()),
        "i": pa.array([None if i % 11 == 0 else i - 500 for i in range(N)], pa.int32()),
        "b": pa.array([None if i % 3 == 0 else i % 2 == 0 for i in range(N)]),
        "d": pa.array([None if i % 17 == 0 else dt.date(1969, 12, 1) + dt.timedelta(days=i) for i in range(N)], pa.date32()),
        "t": pa.array(
            [None if i % 19 == 0 else dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=i - 500) for i in range(N)], pa.timestamp("ns")
        ),
        "u": pa.array([2**63 + i for i in range(N)], pa.uint64()),
        "c": pa.array([Decimal(i) / 4 for i in range(N)], pa.decimal128(12, 2)),
    }
)


@pytest.mark.parametrize("column", TABLE.column_names)
def test_rows_come_back_as_they_went(column: str, run_on: RunOn) -> None:
    assert_same_rows(run_on("gpu", gp.Select(column), TABLE), TABLE.select([column]), ordered=True)


@pytest.mark.parametrize("columns", [*([name] for name in TABLE.column_names), ["s", "i", "x"]], ids="-".join)
def test_hashes_are_those_of_the_host(columns: list[str], run_on: RunOn) -> None:
    sampled = gp.Sample(0.5, by=columns, seed=3)
    assert_same_rows(run_on("gpu", sampled, TABLE), run_on("cpu", sampled, TABLE))
    assert 0 < run_on("gpu", sampled, TABLE).num_rows < N or columns == ["b"]


def test_categories_are_hashed_alike(run_on: RunOn) -> None:
    hashed = gp.HashCategory(["s", "i", "b"], n_bits=10)
    assert_same_rows(run_on("gpu", hashed, TABLE), run_on("cpu", hashed, TABLE), ordered=True)


@pytest.mark.parametrize("function", ["min", "max", "sum", "mean", "count"])
@pytest.mark.parametrize("column", ["x", "i", "b"])
@pytest.mark.parametrize("bounds", [(-5, 1), (0, 3), (-2, 4)])
def test_windows(function: str, column: str, bounds: tuple[int, int], run_on: RunOn) -> None:
    rolling = gp.Rolling("k", index="i", start=bounds[0], stop=bounds[1], y=(column, function))
    assert_same_rows(run_on("gpu", rolling, TABLE), run_on("cpu", rolling, TABLE), rtol=1e-12)


@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi", "anti"])
def test_missing_keys_match_nothing(how: str, run_on: RunOn) -> None:
    right = pa.table({"k": pa.array([0, 3, 3, None, 99], pa.int64()), "v": pa.array([1, 2, 3, 4, None], pa.int64())})
    joined = gp.Join("k", how=how)
    assert_same_rows(run_on("gpu", joined, TABLE.select(["k", "i"]), right), run_on("cpu", joined, TABLE.select(["k", "i"]), right))


@pytest.mark.parametrize("null_keys", ["keep", "drop"])
def test_group_bys(null_keys: str, run_on: RunOn) -> None:
    x, i = nw.col("x"), nw.col("i")
    grouped = gp.GroupBy("k", null_keys=null_keys, n=nw.len(), total=x.sum(), mean=x.mean(), low=i.min(), high=i.max(), kinds=i.n_unique())
    assert_same_rows(run_on("gpu", grouped, TABLE), run_on("cpu", grouped, TABLE), rtol=1e-12)


def test_dates_are_dates(run_on: RunOn) -> None:
    later = gp.WithColumns(year=nw.col("d").dt.year(), after=nw.col("d") > dt.date(1971, 1, 1))
    made, wanted = (run_on(engine, later, TABLE.select(["d"])) for engine in ("gpu", "cpu"))
    assert made.schema.field("d").type == pa.date32()
    assert_same_rows(made, wanted)


@pytest.mark.parametrize("nulls_last", [True, False])
def test_order(nulls_last: bool, run_on: RunOn) -> None:
    with_nan = TABLE.set_column(
        2, "x", pa.array([None if i % 5 == 0 else float("nan") if i % 9 == 0 else i % 31 / 7 for i in range(N)], pa.float64())
    )
    ordered = gp.SortRows(["x", "i"], descending=[True, False], nulls_last=nulls_last)
    made, wanted = (run_on(engine, gp.Select("x", "i"), run_on(engine, ordered, with_nan)) for engine in ("gpu", "cpu"))
    assert_same_rows(made, wanted, ordered=True)


NAN = pa.table({"x": pa.array([1.0, float("nan"), None], from_pandas=False)})


def test_nan_is_a_number(run_on: RunOn) -> None:
    asked = gp.WithColumns(nan=nw.col("x").is_nan(), null=nw.col("x").is_null())
    assert_same_rows(run_on("gpu", asked, NAN), run_on("cpu", asked, NAN), ordered=True)


def test_nan_survives_the_way_there_and_back(run_on: RunOn) -> None:
    assert_same_rows(run_on("gpu", gp.Select("x"), NAN), NAN, ordered=True)


GROUPS = pa.table(
    {
        "k": pa.array([1, 1, 2, 2, 3, 3, None], pa.int64()),
        "x": pa.array([1.0, float("nan"), float("nan"), float("nan"), None, None, float("-inf")], from_pandas=False),
        "b": pa.array([True, None, False, None, None, None, True]),
    }
)


@pytest.mark.parametrize("function", ["sum", "min", "max", "mean", "count", "n_unique"])
def test_groups_of_nan_and_of_nothing(function: str, run_on: RunOn) -> None:
    grouped = gp.GroupBy("k", null_keys="keep", y=getattr(nw.col("x"), function)())
    assert_same_rows(run_on("gpu", grouped, GROUPS), run_on("cpu", grouped, GROUPS))


@pytest.mark.parametrize(
    "expression",
    [
        nw.col("x").fill_null(0.0),
        nw.col("x").fill_nan(None),
        nw.col("x").fill_nan(5.0),
        nw.col("b") & (nw.col("k") > 1),
        nw.col("b") | (nw.col("k") > 1),
        nw.col("b") | nw.lit(False),
        nw.col("k").is_in([1, 2]),
        nw.col("x").exp(),
        nw.col("k").sum().over("k"),
        nw.lit(2**63 + 5, nw.UInt64),
        nw.col("x").is_null() & nw.col("b").is_null(),
    ],
    ids=str,
)
def test_expressions(expression: nw.Expr, run_on: RunOn) -> None:
    stage = gp.WithColumns(y=expression)
    assert_same_rows(run_on("gpu", stage, GROUPS), run_on("cpu", stage, GROUPS))


@pytest.mark.parametrize(
    "expression",
    [
        nw.col("d").cast(nw.Int32),
        nw.col("d").cast(nw.String),
        nw.col("t").cast(nw.Date),
        nw.col("d") == dt.date(1970, 1, 5),
        nw.col("d") >= dt.date(1970, 1, 5),
        nw.col("d") != dt.date(1970, 1, 5),
        nw.col("d") < nw.col("d").max(),
    ],
    ids=str,
)
def test_dates_in_expressions(expression: nw.Expr, run_on: RunOn) -> None:
    stage = gp.WithColumns(y=expression)
    assert_same_rows(run_on("gpu", stage, TABLE.select(["d", "t"])), run_on("cpu", stage, TABLE.select(["d", "t"])))


INFINITE = pa.table({"x": pa.array([float("inf"), float("-inf"), 1.0])})


@pytest.mark.parametrize("reduction", ["sum", "min", "max", "mean", "count", "null_count", "std"])
@pytest.mark.parametrize(
    "table", [NAN, NAN.slice(2), NAN.slice(0, 0), INFINITE, NAN.slice(1, 1)], ids=["nan", "missing", "none", "inf", "one"]
)
@pytest.mark.parametrize("dtype", [nw.Float64, nw.Float32])
def test_reductions_of_floats(reduction: str, table: pa.Table, dtype: type[nw.Float64], run_on: RunOn) -> None:
    stage = gp.Select(y=getattr(nw.col("x").cast(dtype), reduction)())
    assert_same_rows(run_on("gpu", stage, table), run_on("cpu", stage, table))


@pytest.mark.parametrize(
    "expression",
    [
        nw.col("x") + nw.lit(None, nw.Float64),
        nw.col("x") > nw.lit(None, nw.Float64),
        nw.col("s") == nw.lit(None, nw.String),
        nw.col("x").sum(),
        nw.col("x").min(),
        nw.lit(float("nan")),
        nw.lit(None, nw.Float64),
        nw.col("m").clip(nw.col("low"), nw.col("low") + 1),
    ],
    ids=str,
)
def test_single_values_that_are_missing_or_nan(expression: nw.Expr, run_on: RunOn) -> None:
    table = NAN.append_column("s", pa.array(["a", None, "b"], pa.large_string())).append_column("low", pa.array([0.0] * 3))
    table = table.append_column("m", pa.array([5.0, None, -1.0]))
    stage = gp.WithColumns(y=expression)
    assert_same_rows(run_on("gpu", stage, table), run_on("cpu", stage, table))


@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi", "anti", "cross"])
def test_nan_among_keys_and_no_rows(how: str, run_on: RunOn) -> None:
    left = pa.table({"x": pa.array([1.0, float("nan"), None], from_pandas=False), "v": [1, 2, 3]})
    right = pa.table({"x": pa.array([float("nan"), None, 2.0], from_pandas=False), "v": [4, 5, 6]})
    joined = gp.Join(None if how == "cross" else "x", how=how)
    for one, other in ((left, right), (left.slice(0, 0), right), (left, right.slice(0, 0))):
        assert_same_rows(run_on("gpu", joined, one, other), run_on("cpu", joined, one, other))
