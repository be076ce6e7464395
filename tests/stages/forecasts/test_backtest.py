"""Backtests: windows of the past, forecast from what came before; against forecasts of rows cut by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError
from gpupipe.forecasts import ARIMA, Drift, HoltWinters, Mean, Naive, SeasonalNaive, Theta
from gpupipe.testing.tasks import check_task
from tests.stages.forecasts.sales import backtest_sales, forecast_sales

METHODS = {"holt-winters": HoltWinters(12), "theta": Theta(12), "drift": Drift()}


def table(frame: pl.DataFrame) -> Any:
    return gp.FromFrame(frame).node()


def run(node: Any, engine: str = "cpu") -> pl.DataFrame:
    made = gp.Pipeline("made", made=node).run(engine)["made"]
    return pl.DataFrame(made.to_arrow())


def test_law(rows: pl.DataFrame, engine: str) -> None:
    made = check_task(backtest_sales(METHODS, horizon=6, windows=2), rows, engines=("cpu", engine))
    assert made.columns[:6] == ["store", "day", "window", "method", "step", "actual"]
    assert len(made) == 3 * 2 * 4 * 6
    assert set(made["method"].to_list()) == {*METHODS, "SeasonalNaive"}


@pytest.mark.parametrize("every", [1, 4, 6])
def test_windows_are_forecast_from_what_came_before_them(rows: pl.DataFrame, every: int) -> None:
    """Each window is what a fit to the rows before it says, found by cutting the table."""
    made = run(backtest_sales(METHODS, horizon=6, windows=3, every=every, level=[80])(table(rows)))
    last = rows["day"].max()
    for window in (1, 2, 3):
        cut = pl.Series([last]).dt.offset_by(f"-{6 + (3 - window) * every}mo")[0]
        train, test = rows.filter(pl.col("day") <= cut), rows.filter(pl.col("day") > cut)
        for method, model in {**METHODS, "SeasonalNaive": SeasonalNaive(12)}.items():
            expected = forecast_sales(model).apply(train).forecast(6, level=[80]).apply().sort("store", "step")
            found = made.filter(window=window, method=method).sort("store", "step")
            assert found["day"].to_list() == expected["day"].to_list()
            np.testing.assert_array_equal(found["forecast"], expected["forecast"])
            np.testing.assert_array_equal(found["upper_80"], expected["upper_80"])
            came = found.join(test, on=["store", "day"], how="left")
            assert came["actual"].to_list() == came["sales"].to_list()


def test_errors_are_those_of_the_forecasts(rows: pl.DataFrame) -> None:
    made = run(backtest_sales(Mean(), horizon=3, season_length=12)(table(rows)))
    np.testing.assert_allclose(made["error"], made["actual"] - made["forecast"])
    np.testing.assert_allclose(made["smape"], 200 * made["error"].abs() / (made["actual"].abs() + made["forecast"].abs()))
    for store in ("north", "west"):
        history = rows.filter(pl.col("store") == store)["sales"].to_numpy()[:-3]
        scale = np.abs(history[12:] - history[:-12]).mean()
        found = made.filter(store=store)
        np.testing.assert_allclose(found["scaled_error"], found["error"].abs() / scale)


def test_the_seasonal_naive_is_beside_once(rows: pl.DataFrame) -> None:
    for methods, expected in [
        (Theta(12), {"Theta", "SeasonalNaive"}),
        ([SeasonalNaive(12), Mean()], {"SeasonalNaive", "Mean"}),
        ({"last year": SeasonalNaive(12)}, {"last year"}),
        ({"last quarter": SeasonalNaive(3), "theta": Theta(12)}, {"last quarter", "theta", "SeasonalNaive"}),
        (Naive(), {"Naive", "SeasonalNaive"}),
    ]:
        assert set(run(backtest_sales(methods, horizon=1)(table(rows)))["method"]) == expected


def test_a_gap_before_a_window_moves_no_step(rows: pl.DataFrame) -> None:
    """Where the last months before a window are missing, its first step is still its first month."""
    gap = rows.filter(~((pl.col("store") == "north") & pl.col("day").is_between(date(2022, 5, 1), date(2022, 6, 1))))
    made = run(backtest_sales(Drift(), horizon=6, season_length=12)(table(gap))).filter(store="north", method="Drift")
    assert made["day"].to_list() == [date(2022, month, 1) for month in range(7, 13)]
    history = gap.filter((pl.col("store") == "north") & (pl.col("day") < date(2022, 7, 1)))["sales"].to_numpy()
    slope = (history[-1] - history[0]) / 51
    np.testing.assert_allclose(made["forecast"], history[-1] + slope * (2 + np.arange(1, 7)))
    inside = run(backtest_sales(Drift(), horizon=12)(table(gap))).filter(store="north", method="Drift")
    assert inside["step"].to_list() == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12]  # of what never came there is no row


def test_short_and_bad_series_stop_nothing(rows: pl.DataFrame, bad: pl.DataFrame, engine: str) -> None:
    both = pl.concat([bad, rows])
    result = gp.Pipeline("made", made=backtest_sales(METHODS, horizon=3, windows=2)(table(both))).run(engine)
    made = pl.DataFrame(result["made"].to_arrow())
    alone = run(backtest_sales(METHODS, horizon=3, windows=2)(table(rows)), engine)
    stores = rows["store"].unique().to_list()
    order = ["store", "window", "method", "step"]
    assert made.filter(pl.col("store").is_in(stores)).sort(order).equals(alone.sort(order))
    assert "single" not in made["store"]
    flat = made.filter(store="constant", method="theta")
    assert set(flat["status"]) == {"constant or too short"}
    assert flat["scaled_error"].null_count() == len(flat)  # a constant has no naive error to count in
    facts = result.report["stages"][1]["facts"]
    assert facts["too short"] == 3
    assert facts["holt-winters: fallback used"] == 2


def test_exogenous_columns_go_to_those_that_take_them(rows: pl.DataFrame, engine: str) -> None:
    price = np.random.default_rng(3).normal(size=len(rows))
    priced = rows.with_columns(price=price, sales=60 - 5 * price + np.random.default_rng(4).normal(size=len(rows)) / 10)
    methods = {"with price": ARIMA((0, 0, 0), include_constant=True), "without": Mean()}
    stage = backtest_sales(methods, horizon=4, season_length=12, exogenous="price")
    made = pl.DataFrame(check_task(stage, priced, engines=("cpu", engine)).to_arrow())
    errors = dict(made.group_by("method").agg(pl.col("error").abs().mean()).iter_rows())
    assert errors["with price"] < 0.3
    assert errors["without"] > 2
    hole = priced.with_columns(pl.when(pl.col("day") == date(2022, 11, 1)).then(None).otherwise(pl.col("price")).alias("price"))
    found = run(stage(table(hole)), engine).filter(method="with price")
    assert found.filter(day=date(2022, 11, 1))["forecast"].null_count() == 3
    assert found.filter(pl.col("day") != date(2022, 11, 1))["forecast"].null_count() == 0


def test_what_is_refused(rows: pl.DataFrame, engine: str) -> None:
    given = table(rows.with_columns(text=pl.lit("a")))
    for stage, error, match in [
        (backtest_sales(Mean(), 1, by="shop"), ColumnError, "'shop'"),
        (backtest_sales(Mean(), 1, target="text"), DtypeError, "Backtest's target or exogenous column expects numbers, got String"),
        (backtest_sales(HoltWinters(1), 1), UsageError, "season_length must be a whole number from 2 on"),
    ]:
        with pytest.raises(error, match=match):
            gp.Pipeline("refused", made=stage(given)).check()
    with pytest.raises(StageError, match="Backtest of 9 windows of 7 steps needs more than 63 steps, and the longest series has 60"):
        run(backtest_sales(Mean(), 7, 9)(given), engine)
    one = pl.DataFrame({"store": ["one"] * 9, "day": range(9), "sales": [1.0] * 9})
    with pytest.raises(StageError, match=r"Drift fits every series or none .* The first is \('one',\)"):
        run(backtest_sales(Drift(errors="raise"), 1)(table(one)), engine)


def test_options_are_looked_at_at_once() -> None:
    for options, match in [
        ({"horizon": 0}, "horizon must be a whole number from 1 on, got 0"),
        ({"horizon": 1, "windows": 0}, "windows must be a whole number from 1 on, got 0"),
        ({"horizon": 1, "every": -1}, "every must be a whole number from 1 on, got -1"),
        ({"horizon": 1, "level": 0}, "A level is a number between 0 and 100"),
        ({"horizon": 1, "step": "1x"}, "expected a whole number|expected a text"),
    ]:
        with pytest.raises(UsageError, match=match):
            backtest_sales(Mean(), **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="forecasters of different names, got 'Theta' and 'Theta'|'Theta', 'Theta'"):
        backtest_sales([Theta(7), Theta(12)], 1)
    with pytest.raises(UsageError, match="different names, got none"):
        backtest_sales([], 1)
    with pytest.raises(UsageError, match="'SeasonalNaive' is the name of the forecast with a season of 12"):
        backtest_sales({"SeasonalNaive": Theta(12)}, 1)
    with pytest.raises(UsageError, match="such as HoltWinters"):
        backtest_sales("theta", 1)  # type: ignore[arg-type]
