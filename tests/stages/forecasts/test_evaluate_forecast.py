"""Accuracies of forecasts: against scikit-learn's, and against means by hand; by method, step and series; in the report."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, ColumnError, StageError, UsageError
from gpupipe.forecasts import HoltWinters, Mean, Theta
from gpupipe.report import html_page
from gpupipe.testing.tasks import check_task
from tests.stages.forecasts.sales import backtest_sales, forecast_sales

BACKTEST = backtest_sales([HoltWinters(12), Theta(12)], horizon=4, windows=3)


def table(frame: pl.DataFrame) -> Any:
    return gp.FromFrame(frame).node()


@pytest.fixture
def scored(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a backtest's rows."""
    return BACKTEST.apply(rows)


@pytest.mark.parametrize("by", ["method", "step", "series"])
def test_law(scored: pl.DataFrame, by: str, engine: str) -> None:
    made = check_task(lambda given: gp.EvaluateForecast()(given).scores(by=by), scored, engines=("cpu", engine))
    assert made.columns[:2] == {"method": ["method", "series"], "step": ["step", "method"], "series": ["store", "method"]}[by]
    assert len(made) == {"method": 3, "step": 12, "series": 9}[by]
    assert made.columns[-7:] == ["mase", "smape", "rmse", "mae", "coverage_80", "coverage_95", "pinball"]
    check_task(gp.EvaluateForecast(), scored, engines=("cpu", engine))


def test_as_scikit_learn_and_by_hand(scored: pl.DataFrame) -> None:
    """Each series and window by scikit-learn, and their means."""
    found = gp.EvaluateForecast().apply(scored).values
    for method in ("HoltWinters", "Theta", "SeasonalNaive"):
        each: dict[str, list[float]] = {}
        for (_, _), rows in scored.filter(method=method).group_by("store", "window"):
            actual, ahead = rows["actual"], rows["forecast"]
            shares = {"lower_80": 0.1, "upper_80": 0.9, "lower_95": 0.025, "upper_95": 0.975}
            losses = [mean_pinball_loss(actual, rows[name], alpha=share) for name, share in shares.items()]
            values = {
                "mae": mean_absolute_error(actual, ahead),
                "rmse": root_mean_squared_error(actual, ahead),
                "mase": rows["scaled_error"].mean(),
                "smape": rows["smape"].mean(),
                "coverage_80": ((actual >= rows["lower_80"]) & (actual <= rows["upper_80"])).mean(),
                "pinball": np.mean(losses),
            }
            for name, value in values.items():
                each.setdefault(name, []).append(value)
        for name, listed in each.items():
            assert len(listed) == 9
            assert found[method][name] == pytest.approx(np.mean(listed), rel=1e-12)


def test_by_step_and_by_series(scored: pl.DataFrame) -> None:
    evaluation = gp.EvaluateForecast(["mae", "rmse"]).apply(scored)
    steps = evaluation.scores(by="step").apply().sort("method", "step")
    expected = (
        scored.group_by("method", "step")
        .agg(mae=pl.col("error").abs().mean(), rmse=(pl.col("error") ** 2).mean().sqrt())
        .sort("method", "step")
    )
    np.testing.assert_allclose(steps["mae"], expected["mae"])
    np.testing.assert_allclose(steps["rmse"], expected["rmse"])
    series = evaluation.scores(by="series").apply().sort("method", "store")
    windows = scored.group_by("method", "store", "window").agg(rmse=(pl.col("error") ** 2).mean().sqrt())
    expected = windows.group_by("method", "store").agg(pl.col("rmse").mean()).sort("method", "store")
    np.testing.assert_allclose(series["rmse"], expected["rmse"])
    assert series["store"].to_list() == ["north", "south", "west"] * 3


def test_a_fitted_forecast_is_measured_on_later_rows(rows: pl.DataFrame, engine: str) -> None:
    """The same as the one window of a backtest that ends with these rows."""
    cut = date(2022, 8, 1)
    train, test = table(rows.filter(pl.col("day") <= cut)), table(rows.filter(pl.col("day") > cut))
    later = forecast_sales(Theta(12))(train).errors(test)
    nodes = {"later": gp.EvaluateForecast()(later), "window": gp.EvaluateForecast()(backtest_sales(Theta(12), horizon=4)(table(rows)))}
    made = gp.Pipeline("two ways", nodes).run(engine)
    assert made["later"].values == made["window"].values


def test_what_cannot_be_compared_is_left_out_and_counted(rows: pl.DataFrame, bad: pl.DataFrame) -> None:
    scored = backtest_sales(Mean(), horizon=2, season_length=12).apply(pl.concat([rows, bad]))
    table_ = gp.EvaluateForecast(["mase", "mae"]).apply(scored)
    found = {row["method"]: row for row in table_.scores().apply().iter_rows(named=True)}
    assert found["Mean"]["series"] == 5  # three that are fitted, the constant, the one below a cycle
    assert np.isfinite(found["Mean"]["mase"])
    by_series = table_.scores(by="series").apply()
    assert by_series.filter(store="constant")["mase"].null_count() == 2
    assert by_series.filter(store="constant")["mae"].to_list() == [0.0, 0.0]


def test_without_intervals_their_metrics_are_left_out(rows: pl.DataFrame) -> None:
    scored = backtest_sales(Mean(), horizon=2, season_length=12, level=()).apply(rows)
    assert gp.EvaluateForecast().apply(scored).metrics == ("mase", "smape", "rmse", "mae")


def test_a_series_called_series_and_one_without_a_key(rows: pl.DataFrame, engine: str) -> None:
    renamed = rows.rename({"store": "series"})
    backtest = backtest_sales(Mean(), horizon=2, season_length=12, by="series")
    made = check_task(lambda given: gp.EvaluateForecast("mae")(backtest(given)).scores(by="series"), renamed, engines=("cpu", engine))
    assert made.columns == ["series", "method", "mae"]
    alone = backtest_sales(Mean(), horizon=2, season_length=12, by=None)
    one = rows.filter(pl.col("store") == "north")
    made = check_task(lambda given: gp.EvaluateForecast("mae")(alone(given)).scores(by="series"), one, engines=("cpu", engine))
    assert made.columns == ["method", "mae"]
    assert len(made) == 2


def test_the_report_shows_methods_steps_and_pictures(rows: pl.DataFrame, engine: str, tmp_path: Path) -> None:
    node = gp.EvaluateForecast()(BACKTEST(table(rows)))
    result = gp.Pipeline("told", made=node).run(engine, checkpoints=str(tmp_path / "kept"))
    (card,) = result.report["cards"]
    assert [part["title"].split(" of ")[0] for part in card["parts"]] == [
        "Accuracies", "mase by step", "Best", "Median", "Worst", "Statuses in the last window",
    ]  # fmt: skip
    best = min(result["made"].values, key=lambda name: result["made"].values[name]["mase"])
    assert card["parts"][0]["rows"][0][0] == best
    assert best in result.report["stages"][2]["facts"]["lowest mase"]
    assert "mase by step" in html_page(result.report)
    again = gp.Pipeline("told", made=node).run(engine, checkpoints=str(tmp_path / "kept"), resume=True)
    assert again.report["cards"] == result.report["cards"]


def test_what_is_refused(rows: pl.DataFrame, scored: pl.DataFrame) -> None:
    with pytest.raises(ColumnError, match=r"takes what Backtest or fitted.errors\(test\) makes, got a table without 'window', 'method'"):
        gp.Pipeline("refused", made=gp.EvaluateForecast()(table(rows))).check()
    with pytest.raises(UsageError, match="There is no metric 'mse' of forecasts. Did you mean"):
        gp.EvaluateForecast("mse")
    with pytest.raises(UsageError, match="by='window': EvaluateForecast has scores by 'method', 'step' or 'series'"):
        gp.Pipeline("refused", made=gp.EvaluateForecast()(table(scored)).scores(by="window")).check()
    with pytest.raises(StageError, match="expects rows, got none"):
        gp.EvaluateForecast().apply(scored[:0])
    with pytest.raises(ColumnError, match="makes column 'mae', and a key is called so"):
        gp.Pipeline("refused", made=gp.EvaluateForecast()(table(scored.rename({"store": "mae"})))).check()
    found = gp.EvaluateForecast().apply(scored)
    found.check()
    for change in ({"by_method": found.by_method[:1]}, {"methods": ("a",)}, {"series": found.series[:1]}, {"keys": ("shop",)}):
        with pytest.raises(ArtefactError, match="Save the evaluation again"):
            replace(found, **change).check()
