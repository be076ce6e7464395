"""Forecasts and backtests of tables in blocks: the same numbers, bit by bit, as of all rows at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import StageError
from gpupipe.forecasts import ARIMA, AutoARIMA, AutoHoltWinters, Drift, HoltWinters, Mean, Naive, SeasonalNaive, Theta
from gpupipe.report import html_page
from tests.stages.forecasts.sales import backtest_sales, forecast_sales

MODELS = [
    HoltWinters(4, damped=True),
    HoltWinters(4, seasonal="mul", n_paths=100),
    AutoHoltWinters(4, n_paths=100),
    ARIMA((1, 1, 1)),
    AutoARIMA(max_p=1, max_q=0),
    Naive(),
    SeasonalNaive(4),
    Drift(),
    Mean(),
    Theta(4),
]
on_blocks = pytest.mark.parametrize("engine", ["dask"], indirect=True)


@pytest.fixture
def stores(rows: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """Return good stores and bad ones, of different lengths, shuffled."""
    return pl.concat([rows, bad]).sample(fraction=1.0, shuffle=True, seed=1)


def run(engine: str, table: pl.DataFrame, build: Any) -> Any:
    """Return what a node of the table makes, with its report."""
    return gp.Pipeline("made", made=build(gp.FromFrame(table).node())).run(engine)


def facts(result: Any, name: str) -> dict[str, Any]:
    """Return what the report says of a stage."""
    (found,) = [stage["facts"] for stage in result.report["stages"] if stage["name"] == name]
    return dict(found)


@on_blocks
def test_fits_by_blocks_are_those_of_all_series(stores: pl.DataFrame, engine: str) -> None:
    for model in MODELS:
        expected = run("cpu", stores, forecast_sales(model))["made"]
        result = run(engine, stores, forecast_sales(model))
        made = result["made"]
        assert facts(result, "Forecast")["blocks"] > 1 and facts(result, "Forecast")["rows"] == len(stores)
        assert made.starts.rows() == expected.starts.rows() and str(made) == str(expected)
        np.testing.assert_array_equal(made.values, expected.values)
        np.testing.assert_array_equal(made.lengths, expected.lengths)
        assert made.forecaster.reasons_ == expected.forecaster.reasons_
        for answer, options in (("forecast", {"horizon": 9}), ("fitted_values", {}), ("parameters", {})):
            left, right = (getattr(one, answer)(**options).apply() for one in (made, expected))
            assert left.rows() == right.rows(), f"{answer} of {model}"
        made.check()
        assert html_page(result.report)


@on_blocks
def test_backtests_by_blocks_are_those_of_all_series(stores: pl.DataFrame, engine: str) -> None:
    stage = backtest_sales([HoltWinters(12), ARIMA((1, 0, 0)), Theta(12)], horizon=3, windows=2)
    expected, made = (run(name, stores, stage) for name in ("cpu", engine))
    order = ["store", "window", "method", "step"]
    assert made["made"].sort(order).rows() == expected["made"].sort(order).rows()
    told, of_all = facts(made, "Backtest"), facts(expected, "Backtest")
    assert told.pop("blocks") > 1
    assert {name: told[name] for name in told if "seconds" not in name} == {name: of_all[name] for name in of_all if "seconds" not in name}
    assert set(told) == set(of_all)


@on_blocks
def test_exogenous_columns_and_other_keys(engine: str) -> None:
    chance = np.random.default_rng(0)
    made = [
        {"store": store, "shop": "ab"[store % 2], "day": day, "price": chance.normal(), "sales": chance.normal()}
        for store in range(6)
        for day in range(0, 60 + 4 * store, 2)
    ]
    table = pl.DataFrame(made).with_columns(pl.col("shop").cast(pl.Categorical))
    model = forecast_sales(ARIMA((1, 0, 0), include_constant=True), by=["store", "shop"], exogenous="price")
    expected, found = (run(name, table, model)["made"] for name in ("cpu", engine))
    assert found.parameters().apply().rows() == expected.parameters().apply().rows() and found.grid == expected.grid
    np.testing.assert_array_equal(found.regressors, expected.regressors)


@on_blocks
def test_the_step_is_that_of_all_series(engine: str) -> None:
    """Of one store the rows are a quarter apart, and of one they stand on another day; of all together the step is what it is."""
    month = [date(2020 + place // 12, place % 12 + 1, 15) for place in range(24)]
    rows = [("a", day, 1.0) for day in month[::3]] + [("b", day, 2.0) for day in month] + [("c", day, 1.0) for day in month[::6]]
    table = pl.DataFrame(rows, schema=["store", "day", "sales"], orient="row")
    for changed in (
        table,
        table.with_columns(pl.when(pl.col("store") == "c").then(pl.col("day").dt.offset_by("1d")).otherwise("day").alias("day")),
    ):
        expected, found = (run(name, changed, forecast_sales(Naive()))["made"] for name in ("cpu", engine))
        assert found.grid == expected.grid and found.grid.text == "1 month"
        np.testing.assert_array_equal(found.values, expected.values)


@on_blocks
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: pl.concat([rows, rows.head(1)]), "one row for each series and time, got 1 more"),
        (
            lambda rows: rows.with_columns(pl.when(pl.col("sales") == pl.col("sales").max()).then(None).otherwise("day").alias("day")),
            "got 1 missing",
        ),
        (lambda rows: rows.filter(pl.col("store") == "nowhere"), "expects rows, got none"),
        (lambda rows: rows.unique("store"), "every series has one row"),
    ],
)
def test_what_is_refused_of_all_rows_is_refused_of_blocks(rows: pl.DataFrame, engine: str, change: Any, said: str) -> None:
    with pytest.raises(StageError, match=said):
        run(engine, change(rows), forecast_sales(Naive()))


@on_blocks
def test_windows_that_no_series_has(rows: pl.DataFrame, engine: str) -> None:
    with pytest.raises(StageError, match="needs more than 90 steps, and the longest series has 60"):
        run(engine, rows, backtest_sales(Naive(), horizon=30, windows=3))
