"""Forecasts of a table's series: steps of time, answers on every engine, series that cannot be fitted, what is refused; statsmodels'."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, ColumnError, DtypeError, PlanError, StageError, UsageError, WiringError
from gpupipe.forecasts import (
    ARIMA,
    STATUSES,
    AutoARIMA,
    AutoHoltWinters,
    Drift,
    HoltWinters,
    KalmanFilter,
    Mean,
    Naive,
    SeasonalNaive,
    Theta,
)
from gpupipe.report import html_page
from gpupipe.testing.tasks import check_task
from tests.stages.forecasts.sales import forecast_sales

MODELS = {
    "holt-winters": HoltWinters(12, damped=True),
    "multiplicative": HoltWinters(12, seasonal="mul", n_paths=100),
    "auto holt-winters": AutoHoltWinters(12, n_paths=100),
    "arima": ARIMA((1, 0, 1), include_constant=True),
    "auto arima": AutoARIMA(max_p=1, max_q=0),
    "naive": Naive(),
    "seasonal naive": SeasonalNaive(12),
    "drift": Drift(),
    "mean": Mean(),
    "theta": Theta(12),
}


def run(node: Any, engine: str = "cpu") -> Any:
    """Return what a node makes."""
    return gp.Pipeline("made", made=node).run(engine)["made"]


def table(frame: pl.DataFrame) -> Any:
    """Return the node of a frame."""
    return gp.FromFrame(frame).node()


def matrix(rows: pl.DataFrame) -> np.ndarray:
    """Return the series of the fixture as Polars' own pivot has them, each from its first value on."""
    wide = rows.pivot("store", index="day", values="sales").sort("day").upsample("day", every="1mo")
    columns = [wide[name].to_numpy() for name in sorted(rows["store"].unique())]
    turned = [np.roll(column, -int(np.flatnonzero(~np.isnan(column))[0])) for column in columns]
    return np.stack(turned)


@pytest.mark.parametrize("name", MODELS)
def test_law(rows: pl.DataFrame, name: str) -> None:
    """The forecasts of the array library, on one block and on several rows turned round, and from what was saved."""
    model = MODELS[name]
    made = check_task(lambda given: forecast_sales(model)(given).forecast(horizon=14, level=[80, 97.5]), rows, engines=("cpu",))
    ahead = type(model)(**model.get_params()).fit(matrix(rows)).forecast(14, level=[80, 97.5])
    for column, expected in {"forecast": ahead.mean, "lower_80": ahead.lower[80], "upper_97.5": ahead.upper[97.5]}.items():
        np.testing.assert_array_equal(made[column].to_numpy().reshape(3, 14), expected)
    assert made["store"].to_list() == [store for store in ("north", "south", "west") for _ in range(14)]
    assert made["day"].to_list()[:14] == [date(2023 + place // 12, place % 12 + 1, 1) for place in range(14)]
    fitted = check_task(forecast_sales(model), rows, engines=("cpu",))
    again = forecast_sales(model).apply(rows)
    np.testing.assert_array_equal(again.forecaster.fitted_, fitted.forecaster.fitted_)


@pytest.mark.parametrize("answer", ["forecast", "fitted_values", "components", "parameters", "errors"])
def test_every_answer_on_each_engine(rows: pl.DataFrame, answer: str, engine: str) -> None:
    train, test = rows.filter(pl.col("day") < date(2022, 6, 1)), rows.filter(pl.col("day") >= date(2022, 6, 1))
    model = forecast_sales(HoltWinters(12))
    options = {"forecast": {"horizon": 5}}.get(answer, {})

    def build(given: Any, *later: Any) -> Any:
        return getattr(model.fit(given), answer)(*later, **options)

    given = (train, test) if answer == "errors" else (train,)
    assert len(check_task(build, *given, engines=("cpu", engine))) == {"forecast": 15, "parameters": 3, "errors": 42}.get(answer, 149)


def test_what_was_saved_answers_the_same(rows: pl.DataFrame, engine: str, tmp_path: Path) -> None:
    for model in MODELS.values():
        fitted = run(forecast_sales(model)(table(rows)), engine)
        loaded = gp.load(gp.save(fitted, tmp_path / "model"))
        for answer, options in (("forecast", {"horizon": 3}), ("fitted_values", {}), ("parameters", {})):
            left, right = (getattr(one, answer)(**options).apply() for one in (fitted, loaded))
            assert left.rows() == right.rows()
        assert str(loaded) == str(fitted)


def test_damaged_parts_are_refused(rows: pl.DataFrame) -> None:
    fitted = forecast_sales(HoltWinters(12)).apply(rows)
    fitted.check()
    for change in (
        {"values": fitted.values[:2]},
        {"values": fitted.values[:, 0]},
        {"lengths": fitted.lengths.astype(float)},
        {"step": 0},
        {"unit": "weeks"},
        {"regressors": np.zeros((3, 60, 1))},
        {"arrays": fitted.arrays[:3]},
        {"state": fitted.state.replace("holt_winters:", "accuracy:")},
        {"state": fitted.state.replace('"_groups"', '"_others"')},
        {"state": '{"made": "accuracy:mae", "of": {}}'},
        {"starts": fitted.starts[:2]},
    ):
        with pytest.raises(ArtefactError):
            replace(fitted, **change).check()


# Against libraries that others wrote.


def test_statsmodels_forecasts_the_same(rows: pl.DataFrame) -> None:
    """With the parameters that were fitted here, its ETS has the same fitted values, forecasts and intervals."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # local: an oracle

    fitted = forecast_sales(HoltWinters(12)).apply(rows)
    ahead, inside = fitted.forecast(24, level=95).apply(), fitted.fitted_values().apply()
    for store in ("north", "west"):
        found = fitted.parameters().apply().filter(pl.col("store") == store).row(0, named=True)
        values = rows.filter(pl.col("store") == store)["sales"].to_numpy()
        theirs = ETSModel(pd.Series(values), trend="add", seasonal="add", seasonal_periods=12)
        season = [found[f"season_{place}"] for place in range(12, 0, -1)]
        given = [found["alpha"], found["alpha"] * found["beta_star"], found["gamma"], found["level"], found["trend"], *season]
        result = theirs.smooth(given)
        mine = ahead.filter(pl.col("store") == store)
        np.testing.assert_allclose(mine["forecast"], result.forecast(24), rtol=1e-9)
        np.testing.assert_allclose(inside.filter(pl.col("store") == store)["fitted"], result.fittedvalues, rtol=1e-9)
        variance = np.var(result.resid) + np.mean(result.resid) ** 2
        np.testing.assert_allclose(found["sse"] / len(values), variance, rtol=1e-9)
        interval = result.get_prediction(start=len(values), end=len(values) + 23).pred_int(alpha=0.05)
        np.testing.assert_allclose(mine["lower_95"], np.asarray(interval)[:, 0], rtol=1e-6)


def test_statsmodels_regression_with_arima_errors() -> None:
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # local: an oracle

    chance = np.random.default_rng(1)
    price = chance.normal(size=130)
    noise = np.zeros(130)
    for place in range(1, 130):
        noise[place] = 0.6 * noise[place - 1] + chance.normal()
    rows = pl.DataFrame({"t": np.arange(130), "y": 5 - 2 * price + noise, "price": price})
    stage = forecast_sales(ARIMA((1, 0, 0), include_constant=True), by=None, time="t", target="y", exogenous="price")
    fitted = stage.apply(rows[:120])
    mine = fitted.forecast(10, level=95).apply(rows[120:])
    theirs = SARIMAX(rows["y"][:120].to_numpy(), rows["price"][:120].to_numpy(), order=(1, 0, 0), trend="c").fit(disp=0)
    ahead = theirs.get_forecast(10, exog=rows["price"][120:].to_numpy())
    np.testing.assert_allclose(mine["forecast"], ahead.predicted_mean, rtol=1e-3)
    np.testing.assert_allclose(mine["upper_95"], ahead.conf_int()[:, 1], rtol=1e-3)
    assert mine["t"].to_list() == list(range(120, 130))


def test_forecasts_of_r(shared_data: Path) -> None:
    """R's ets on Australian tourists, with R's parameters, from rows of quarters."""
    results = json.loads((shared_data / "peer_statsmodels" / "r_ets_results.json").read_text())["TRUE"]["AAA"]
    held = (shared_data / "peer_statsmodels" / "austourists.csv").read_text().split()
    values = [float(line.split(",")[-1]) for line in held if line.split(",")[-1].replace(".", "", 1).isdigit()]
    first = lambda name: float(np.ravel(results[name])[0])  # noqa: E731
    state = np.ravel(results["initstate"])
    parameters = {
        "alpha": first("alpha"),
        "beta_star": first("beta") / first("alpha"),
        "gamma": first("gamma"),
        "phi": first("phi"),
        "level": state[0],
        "trend": state[1],
        "season": state[2:][::-1],
    }
    quarters = [date(1999 + place // 4, place % 4 * 3 + 1, 1) for place in range(len(values))]
    rows = pl.DataFrame({"day": quarters, "sales": values})
    fitted = forecast_sales(HoltWinters(4, damped=True, parameters=parameters), by=None).apply(rows)
    made = fitted.forecast(4).apply()
    np.testing.assert_allclose(made["forecast"], np.ravel(results["forecast"])[:4], rtol=1e-6)
    assert fitted.grid.text == "3 months"
    assert made["day"].to_list() == [date(1999 + place // 4, place % 4 * 3 + 1, 1) for place in range(len(values), len(values) + 4)]


# Time.


def steps(times: Sequence[Any], step: Any = None, horizon: int = 3) -> tuple[str, list[Any]]:
    """Return the step that is found in times, and the times that are forecast."""
    rows = pl.DataFrame({"day": times, "sales": np.arange(len(times), dtype=float)})
    fitted = forecast_sales(Naive(), by=None, step=step).apply(rows)
    return fitted.grid.text, fitted.forecast(horizon).apply()["day"].to_list()


def test_steps_are_found() -> None:
    days = [date(2024, 2, 26) + timedelta(days=place) for place in range(3)]
    assert steps(days) == ("1 day", [date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)])
    assert steps([days[0], days[0] + timedelta(days=7), days[0] + timedelta(days=21)])[0] == "7 days"
    assert steps([date(2023, 11, 1), date(2023, 12, 1), date(2024, 2, 1)]) == ("1 month", [date(2024, month, 1) for month in (3, 4, 5)])
    ends = [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29)]
    assert steps(ends) == ("1 month end", [date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31)])
    assert steps([date(2020, 7, 1), date(2021, 7, 1)]) == ("12 months", [date(2022 + place, 7, 1) for place in range(3)])
    assert steps([date(2024, 1, 31), date(2024, 3, 31)])[1] == [date(2024, 5, 31), date(2024, 7, 31), date(2024, 9, 30)]
    noon = [datetime(2024, 2, 28, 12) + timedelta(hours=6 * place) for place in range(4)]
    assert steps(noon, horizon=1) == ("6 hours", [datetime(2024, 2, 29, 12)])
    assert steps([datetime(2024, 1, 15, 9, 30), datetime(2024, 2, 15, 9, 30)], horizon=1) == ("1 month", [datetime(2024, 3, 15, 9, 30)])
    assert steps([10, 20, 50]) == ("10", [60, 70, 80])
    assert steps([-4, -2]) == ("2", [0, 2, 4])
    assert steps([date(1899, 12, 1), date(1900, 1, 1)], horizon=1)[1] == [date(1900, 2, 1)]


def test_steps_can_be_said() -> None:
    day = date(2024, 1, 1)
    assert steps([day], "1d", 1) == ("1 day", [date(2024, 1, 2)])
    assert steps([day, date(2024, 3, 1)], "1mo", 1) == ("1 month", [date(2024, 4, 1)])
    assert steps([date(2024, 1, 31)], "1mo", 2)[1] == [date(2024, 2, 29), date(2024, 3, 31)]
    assert steps([10, 30], 5, 1) == ("5", [35])
    assert steps([datetime(2024, 1, 1), datetime(2024, 1, 1, 2)], "15m", 1) == ("15 minutes", [datetime(2024, 1, 1, 2, 15)])
    assert steps([day, date(2024, 1, 15)], "1w", 1) == ("7 days", [date(2024, 1, 22)])
    for wrong, dtype in (("1h", "times of Date"), ("3", "expected a text"), (2, "expected a text"), ("0d", "expected a text")):
        with pytest.raises(UsageError, match=dtype):
            steps([day, date(2024, 1, 2)], wrong)
    with pytest.raises(StageError, match="finds no step of time, since every series has one row. Say it"):
        steps([day])
    with pytest.raises(StageError, match=r"got 1 of 1 that are not a whole number of 1 month: one is from day=2024-01-01 to the next row"):
        steps([day, date(2024, 1, 20)], "1mo")


EVERY = ["1d", "3d", "1w", "1mo", "1q", "1y", "1h", "15m", "7s"]


@given(st.sampled_from(EVERY), st.datetimes(datetime(1890, 1, 1), datetime(2090, 1, 1)), st.sets(st.integers(0, 30), min_size=2), st.data())
def test_times_go_on_as_polars_goes_on(every: str, start: datetime, places: set[int], data: Any) -> None:
    """Whatever rows are there, in any order: what is forecast are the next times of Polars' own range."""
    start = start.replace(day=min(start.day, 28), microsecond=0)
    whole = pl.Series([start]).cast(pl.Datetime("us"))
    times = [
        whole.dt.offset_by(f"{place}{every[1:]}" if every[0] == "1" else f"{place * int(every[:-1])}{every[-1]}")[0] for place in range(36)
    ]
    kept = sorted({0, 1, *places})
    order = data.draw(st.permutations(kept))
    rows = pl.DataFrame(
        {"day": [times[place] for place in order], "sales": [float(place) for place in order]},
        schema={"day": pl.Datetime("us"), "sales": pl.Float64},
    )
    if every in ("1d", "3d", "1w", "1mo", "1q", "1y"):
        rows = rows.with_columns(pl.col("day").dt.date())
        times = [time.date() for time in times]
    fitted = forecast_sales(Drift(), by=None, step=None).apply(rows)
    assert fitted.forecast(4).apply()["day"].to_list() == times[kept[-1] + 1 : kept[-1] + 5]
    inside = fitted.fitted_values().apply()
    assert inside["day"].to_list() == times[: kept[-1] + 1]
    assert inside["sales"].to_list() == [float(place) if place in kept else None for place in range(kept[-1] + 1)]


def test_times_keep_their_dtype_and_zone(engine: str) -> None:
    for dtype in (pl.Datetime("ms"), pl.Datetime("ns"), pl.Datetime("us", "Europe/Berlin"), pl.Date, pl.Int32, pl.UInt8):
        times = [10, 20, 30] if dtype in (pl.Int32, pl.UInt8) else [date(2024, 1, day) for day in (1, 2, 3)]
        rows = pl.DataFrame({"day": pl.Series(times).cast(dtype), "sales": [1.0, 2.0, 3.0]})
        check_task(lambda given: forecast_sales(Naive(), by=None)(given).forecast(horizon=2), rows, engines=("cpu", engine))


def test_gaps_are_missing_values(rows: pl.DataFrame) -> None:
    """A row with no value, one with NaN, and none at all are the same."""
    fit = forecast_sales(ARIMA((1, 0, 0), include_constant=True))
    hole = (pl.col("store") == "north") & (pl.col("day") == date(2020, 5, 1))
    made = [
        fit.apply(rows.filter(~hole)),
        fit.apply(rows.with_columns(pl.when(hole).then(None).otherwise(pl.col("sales")).alias("sales"))),
        fit.apply(rows.with_columns(pl.when(hole).then(float("nan")).otherwise(pl.col("sales")).alias("sales"))),
    ]
    for other in made[1:]:
        np.testing.assert_array_equal(other.values, made[0].values)
        assert other.forecast(4).apply().equals(made[0].forecast(4).apply())
    inside = made[0].fitted_values().apply().filter(hole)
    assert inside["sales"].to_list() == [None]
    assert inside["residual"].to_list() == [None]
    assert inside["fitted"][0] is not None


def test_duplicate_and_irregular_times_are_told_with_their_place(rows: pl.DataFrame, engine: str) -> None:
    twice = pl.concat([rows, rows[70:72]])
    with pytest.raises(StageError, match=r"one row for each series and time, got 2 more, at store='south', day=20.*Aggregate them first"):
        run(forecast_sales(Naive())(table(twice)), engine)
    odd = rows.with_columns(
        pl.when(pl.int_range(pl.len()) == 79).then(pl.col("day").dt.offset_by("35d")).otherwise(pl.col("day")).alias("day")
    )
    n_steps = r"\d+" if engine == "dask" else "164"  # those of the block that it is in
    with pytest.raises(
        StageError, match=rf"got 1 of {n_steps} that are not a whole number of 1 month: one is from store='south', day=.* to the next"
    ):
        run(forecast_sales(Naive(), step="1mo")(table(odd)), engine)
    hours = [datetime(2024, 1, 1) + timedelta(hours=place) for place in range(50)]
    hours[30] += timedelta(minutes=7)
    with pytest.raises(
        StageError, match=r"got \d+ of 49 .* \(the usual step is 1 hour\): one is from day=2024-01-02 05:00:00 to the next row"
    ):
        run(forecast_sales(Naive(), by=None)(table(pl.DataFrame({"day": hours, "sales": np.arange(50.0)}))), engine)
    seconds = [datetime(2024, 1, 1) + timedelta(seconds=int(place)) for place in (0, *range(1, 10**7, 33_337))]
    with pytest.raises(StageError, match=r"with rows in .* % of the steps: the times are irregular"):
        run(forecast_sales(Naive(), by=None)(table(pl.DataFrame({"day": seconds, "sales": np.arange(float(len(seconds)))}))), engine)


# Series that cannot be fitted.


@pytest.mark.parametrize("name", MODELS)
def test_bad_series_stop_nothing_and_change_nothing(rows: pl.DataFrame, bad: pl.DataFrame, name: str) -> None:
    fit = forecast_sales(MODELS[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone, mixed = (run(fit(table(given)).forecast(horizon=6)) for given in (rows, pl.concat([bad, rows])))
    stores = rows["store"].unique().to_list()
    assert mixed.to_native().filter(pl.col("store").is_in(stores)).rows() == alone.rows()
    others = {row["store"]: row for row in mixed.to_native().filter(pl.col("step") == 1).iter_rows(named=True)}
    assert others["constant"]["status"] == STATUSES[3]
    assert others["constant"]["forecast"] == pytest.approx(3.0)
    assert others["constant"]["upper_95"] == pytest.approx(3.0)
    for store in ("infinite", "missing"):
        assert others[store]["status"] == "invalid input"
        assert others[store]["forecast"] is None
        assert others[store]["lower_80"] is None
    assert others["missing"]["day"] == date(2018, 6, 1)


def test_reasons_stand_beside_the_parameters(bad: pl.DataFrame, rows: pl.DataFrame) -> None:
    found = run(forecast_sales(HoltWinters(12))(table(pl.concat([rows, bad]))).parameters())
    told = {store: (status, reason) for store, status, reason in found.select("store", "status", "reason").rows()}
    assert told["north"] == ("ok", "")
    assert told["below a cycle"] == ("fallback used", "it has fewer than two cycles: fitted without a season")
    assert told["constant"] == ("constant or too short", "constant")
    assert told["short"][0] == "constant or too short"
    assert told["infinite"] == ("invalid input", "it holds an infinite value, or none at all")


def test_a_run_may_end_at_a_bad_series(bad: pl.DataFrame, rows: pl.DataFrame, engine: str) -> None:
    with pytest.raises(StageError, match=r"errors='raise'.*1 fallback used, .* The first is \('below a cycle',\): it has fewer"):
        run(forecast_sales(HoltWinters(12, errors="raise"))(table(pl.concat([rows, bad]))), engine)


# Exogenous columns.


@pytest.fixture
def priced(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the sales with a price that they depend on."""
    price = np.random.default_rng(3).normal(size=len(rows))
    return rows.with_columns(price=price, sales=pl.col("sales") - 3 * price)


def test_exogenous_columns_take_their_next_values(priced: pl.DataFrame, engine: str) -> None:
    train, test = (priced.filter((pl.col("day") < date(2022, 9, 1)) == early) for early in (True, False))
    fit = forecast_sales(ARIMA((1, 0, 0), include_constant=True), exogenous=["price"])
    made = check_task(lambda one, two: fit(one).forecast(two, horizon=4), train, test, engines=("cpu", engine))
    assert len(made) == 12
    slopes = run(fit(table(train)).parameters())["beta_1"].to_list()
    assert slopes[0] == pytest.approx(-3, abs=1.5)
    scored = check_task(lambda one, two: fit(one).errors(two), train, test, engines=("cpu", engine))
    assert set(scored["method"].to_list()) == {"ARIMA", "SeasonalNaive"}


def test_missing_future_values_are_told_with_their_place(priced: pl.DataFrame, engine: str) -> None:
    train, test = (priced.filter((pl.col("day") < date(2022, 9, 1)) == early) for early in (True, False))
    fitted = forecast_sales(ARIMA((1, 0, 0)), exogenous="price")(table(train))
    with pytest.raises(
        StageError, match=r"price of the next 5 steps of every series, got 3 without, at store=north, day=2023-01-01 for one"
    ):
        run(fitted.forecast(table(test), horizon=5), engine)
    hole = test.with_columns(pl.when(pl.int_range(pl.len()) == 1).then(None).otherwise(pl.col("price")).alias("price"))
    with pytest.raises(StageError, match="got 1 without, at store=north, day=2022-10-01 for one"):
        run(fitted.forecast(table(hole), horizon=4), engine)
    with pytest.raises(PlanError, match=r"fitted with price: their next values are needed. Give a table"):
        gp.Pipeline("none", made=fitted.forecast(horizon=4)).check()
    plain = forecast_sales(ARIMA((1, 0, 0)))(table(train))
    with pytest.raises(PlanError, match="without exogenous columns, so its forecast takes no table"):
        gp.Pipeline("none", made=plain.forecast(table(test), horizon=4)).check()
    with pytest.raises(StageError, match="one row for each series and time, got 1 other rows, at store=south"):
        run(fitted.forecast(table(pl.concat([test, test[5:6]])), horizon=4), engine)
    with pytest.raises(DtypeError, match="fitted with Date in 'day', got Datetime"):
        gp.Pipeline("none", made=fitted.forecast(table(test.cast({"day": pl.Datetime("us")})), horizon=4)).check()


# What is refused before a row is read.


def test_what_is_refused_before_a_row_is_read(rows: pl.DataFrame) -> None:
    given = table(rows.with_columns(text=pl.lit("a"), number=pl.lit(1.5)))
    for stage, error, match in [
        (forecast_sales(Naive(), by="shop"), ColumnError, "'shop'"),
        (forecast_sales(Naive(), time="date"), ColumnError, "'date'"),
        (
            forecast_sales(Naive(), target="text"),
            DtypeError,
            "Forecast's target or exogenous column expects numbers, got String in column 'text'",
        ),
        (forecast_sales(Naive(), by="number"), PlanError, "keys that can be equal, got Float64 in 'number'"),
        (forecast_sales(Naive(), time="number"), DtypeError, "times that are whole numbers, dates or datetimes, got Float64"),
        (forecast_sales(Naive(), exogenous="number"), PlanError, "Naive takes no exogenous columns, got 'number'"),
        (forecast_sales(HoltWinters(0)), UsageError, "season_length must be a whole number from 2 on, got 0"),
        (forecast_sales(Naive(), step="1h"), UsageError, "no whole number of days"),
    ]:
        with pytest.raises(error, match=match):
            gp.Pipeline("refused", made=stage(given)).check()
    fitted = forecast_sales(HoltWinters(12))(given)
    for options, match in [
        ({"horizon": 0}, "horizon must be a whole number from 1 on, got 0"),
        ({"horizon": 2.5}, "horizon must be a whole number from 1 on, got 2.5"),
        ({"horizon": 3, "level": 150}, "A level is a number between 0 and 100, in per cent, got 150"),
        ({"horizon": 3, "level": (80, 80)}, "a level is there twice"),
    ]:
        with pytest.raises(UsageError, match=match):
            gp.Pipeline("refused", made=fitted.forecast(**options)).check()
    with pytest.raises(WiringError, match=r"forecast cannot be asked so: missing a required argument: 'horizon'"):
        fitted.forecast()
    with pytest.raises(WiringError, match=r"takes 'Table' \(the last 1 may be left out\), got 'Table', 'Table'"):
        fitted.forecast(given, given, horizon=2)
    with pytest.raises(PlanError, match="Naive has no components. HoltWinters and AutoHoltWinters have."):
        gp.Pipeline("refused", made=forecast_sales(Naive())(given).components()).check()
    renamed = table(rows.rename({"store": "status"}))
    with pytest.raises(ColumnError, match="makes column 'status', and a key or the time is called so"):
        gp.Pipeline("refused", made=forecast_sales(Naive(), by="status")(renamed).forecast(horizon=2)).check()


def test_what_is_no_forecaster_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"a forecaster of gpupipe.forecasts, such as HoltWinters\(season_length=12\), got the class Naive"
    ):
        forecast_sales(Naive)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="got a KalmanFilter"):
        forecast_sales(KalmanFilter(np.eye(1), np.eye(1), np.eye(1), np.eye(1), np.zeros(1), np.eye(1)))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="different columns as by, time, target and exogenous"):
        forecast_sales(Naive(), by="day")
    model = HoltWinters(12)
    stage = forecast_sales(model)
    model.season_length = 3
    assert stage.estimator.get_params()["season_length"] == 12


def test_empty_tables_and_missing_keys_are_refused(rows: pl.DataFrame, engine: str) -> None:
    with pytest.raises(StageError, match="Forecast expects rows, got none"):
        run(forecast_sales(Naive())(table(rows[:0])), engine)
    keyless = rows.with_columns(pl.when(pl.int_range(pl.len()) < 4).then(None).otherwise(pl.col("store")).alias("store"))
    with pytest.raises(StageError, match="a value in every row of 'store', got 4 missing"):
        run(forecast_sales(Naive())(table(keyless)), engine)


def test_keys_of_several_columns_and_of_categories(rows: pl.DataFrame, engine: str) -> None:
    keyed = rows.with_columns(item=pl.int_range(pl.len()) % 2, store=pl.col("store").cast(pl.Categorical))
    fit = forecast_sales(Mean(), by=["item", "store"], step="1mo")
    made = check_task(lambda given: fit(given).forecast(horizon=1), keyed, engines=("cpu", engine))
    assert made.select("item", "store").rows() == [(item, store) for item in (0, 1) for store in ("north", "south", "west")]
    means = keyed.group_by("item", pl.col("store").cast(pl.String)).agg(pl.col("sales").mean()).sort("item", "store")
    np.testing.assert_allclose(made["forecast"], means["sales"], rtol=1e-12)


def test_the_report_has_facts_and_pictures(rows: pl.DataFrame, bad: pl.DataFrame, engine: str) -> None:
    result = gp.Pipeline("told", made=forecast_sales(HoltWinters(12))(table(pl.concat([rows, bad])))).run(engine)
    facts = result.report["stages"][1]["facts"]
    assert (facts["series"], facts["step"], facts["ok"], facts["invalid input"]) == (9, "1 month", 3, 2)
    (card,) = result.report["cards"]
    titles = [part["title"] for part in card["parts"]]
    assert titles[0] == "Statuses"
    assert [title.split(":")[0] for title in titles[1:]] == ["Best", "Median", "Worst"]
    page = html_page(result.report)
    assert "80 % interval" in page
    assert page.count('class="band" d="M') == 6  # three pictures, and three legends
