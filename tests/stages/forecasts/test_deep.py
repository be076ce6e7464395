"""A network among the forecasters of a pipeline: on every engine, beside others in a backtest, saved and in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch", reason="the extra deep is not installed")

import gpupipe as gp
from gpupipe.forecasts import DeepForecaster, HoltWinters
from gpupipe.testing.tasks import check_task
from tests.stages.forecasts.sales import backtest_sales, forecast_sales

HOURS = np.arange(60)
ROWS = pl.DataFrame(
    {
        "store": ["a"] * 60 + ["b"] * 60,
        "day": np.tile(HOURS, 2),
        "sales": np.concatenate([10 + 3 * np.sin(HOURS / 2), 50 - 9 * np.cos(HOURS / 2)]),
    }
)
DEEP = DeepForecaster(8, 4, hidden_size=4, epochs=3, device="cpu", batch_size=16, validation=0.2)


def test_law(engine: str) -> None:
    """A network of all series is not fitted block by block, so a cluster says the same."""
    made = check_task(lambda rows: forecast_sales(DEEP).fit(rows).forecast(horizon=6), ROWS, engines=("cpu", engine), rtol=1e-4)
    assert made.columns == ["store", "day", "step", "forecast", "lower_80", "upper_80", "lower_95", "upper_95", "status"]
    assert len(made) == 12 and made["status"].to_list() == ["ok"] * 12


def test_saved_and_in_the_report(tmp_path: Path) -> None:
    fitted = forecast_sales(DEEP).fit(gp.FromFrame(ROWS).node())
    result = gp.Pipeline("deep", fitted=fitted, ahead=fitted.forecast(horizon=3)).run("cpu")
    again = gp.load(gp.save(result["fitted"], tmp_path / "kept"))
    assert again.forecast(3).apply().rows() == result["ahead"].rows()
    parts: list[Any] = next(card["parts"] for card in result.report["cards"] if card["title"].startswith("DeepForecaster"))
    assert "Loss by epoch" in [part["title"] for part in parts]


def test_beside_others_in_a_backtest() -> None:
    methods = {"network": DEEP, "holt-winters": HoltWinters(13)}
    made = backtest_sales(methods, horizon=4, windows=2, level=(80,)).apply(ROWS)
    table = pl.from_arrow(made.to_arrow())
    assert isinstance(table, pl.DataFrame)
    assert set(table["method"]) == {"network", "holt-winters", "SeasonalNaive"} and len(table) == 2 * 2 * 3 * 4
    assert table.filter(pl.col("method") == "network")["lower_80"].is_not_null().all()
