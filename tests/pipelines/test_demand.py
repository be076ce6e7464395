"""The pipeline of hourly demand, on made-up meters and on the M4 competition's series."""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "demand.py"


@pytest.fixture(scope="module")
def demand() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_made_up_meters_are_forecast(demand: ModuleType, engine: str, tmp_path: Path) -> None:
    result = demand.pipeline(n_meters=4, n_days=21, windows=1, out=str(tmp_path / "ahead.parquet")).run(engine)
    scores = {row[0]: row for row in result["methods"].rows()}
    assert set(scores) == set(demand.METHODS)
    values = result["evaluation"].values
    assert values["same hour last week"]["rmse"] < values["same hour yesterday"]["rmse"]  # the window is a weekend
    ahead = result["ahead"]
    assert len(ahead) == 4 * 48
    broken = ahead.filter(ahead["series"] == "M000")
    assert set(broken["status"].to_list()) == {"constant or too short"}
    assert set(broken["forecast"].to_list()) == {42.0}
    assert "lower_80" in gp.ReadParquet(str(tmp_path / "ahead.parquet")).schema()
    assert len(result.report["cards"]) == 2


def test_the_same_meters_are_made_up_again(demand: ModuleType) -> None:
    assert demand.made_up(3, 3).equals(demand.made_up(3, 3))
    assert not demand.made_up(3, 3).equals(demand.made_up(3, 3, seed=1))


def test_the_file_is_short_enough_to_teach() -> None:
    assert len(FILE.read_text().splitlines()) <= 120


def test_m4_naive_forecasts_are_those_of_a_loop(demand: ModuleType, shared_data: Path) -> None:
    """Accuracies of the seasonal naive on the last two days of all 414 series, worked out line by line as the competition's rules say."""
    path = shared_data / "series" / "m4_hourly_train.csv.gz"
    table = demand.long_form(str(path))
    backtest = gp.Backtest({"day": demand.SeasonalNaive(24)}, 48, season_length=24, by="series", time="hour", target="used", level=())
    found = gp.EvaluateForecast(["mase", "smape"])(backtest(gp.FromArrow(table).node()))
    values = gp.Pipeline("m4", found=found).run("cpu")["found"].values["day"]
    mase, smape = [], []
    with gzip.open(path, "rt") as lines:
        for row in list(csv.reader(lines))[1:]:
            series = np.array([float(field) for field in row[1:] if field not in ("", "NA")])
            history, actual = series[:-48], series[-48:]
            ahead = np.tile(history[-24:], 2)
            smape.append(np.mean(200 * np.abs(actual - ahead) / (np.abs(actual) + np.abs(ahead))))
            mase.append(np.mean(np.abs(actual - ahead)) / np.mean(np.abs(history[24:] - history[:-24])))
    assert len(mase) == 414
    assert values["mase"] == pytest.approx(np.mean(mase), rel=1e-12)
    assert values["smape"] == pytest.approx(np.mean(smape), rel=1e-12)


def test_m4_as_published(demand: ModuleType, shared_data: Path) -> None:
    """sMAPE and MASE of the competition's naive methods on its hourly test set, from its paper."""
    path = shared_data / "series" / "m4_hourly_test.csv.gz"
    if not path.exists():
        pytest.skip("there is no series/m4_hourly_test.csv.gz among the shared data: the competition's test set is not kept there")
    train, test = (pl.DataFrame(demand.long_form(str(file))) for file in (shared_data / "series" / "m4_hourly_train.csv.gz", path))
    ends = train.group_by("series").agg(end=pl.col("hour").max())
    later = test.join(ends, on="series").with_columns(hour=pl.col("hour") + pl.col("end")).drop("end")
    fitted = gp.Forecast(demand.Theta(1), by="series", time="hour", target="used").apply(train)
    values = gp.EvaluateForecast(["smape", "mase"]).apply(fitted.errors(level=None, season_length=24).apply(later)).values
    assert values["SeasonalNaive"]["smape"] == pytest.approx(13.912, abs=5e-4)
    assert values["SeasonalNaive"]["mase"] == pytest.approx(1.193, abs=5e-4)


@pytest.mark.slow
def test_m4_is_forecast(demand: ModuleType, shared_data: Path) -> None:
    """Of the hourly series, every method that follows the day is better than the last day; none is worse than twice."""
    made = demand.pipeline(series=str(shared_data / "series" / "m4_hourly_train.csv.gz"), windows=1).run("cpu")
    values = made["evaluation"].values
    assert values["seasonal arima"]["mase"] < values["same hour yesterday"]["mase"]
    assert pl.DataFrame(made["ahead"].to_arrow())["forecast"].null_count() == 0
