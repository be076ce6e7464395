"""The Theta method against statsmodels' and on the M3 competition's series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from statsmodels.tsa.forecasting.theta import ThetaModel

from gpupipe.forecasts import Naive, Theta, smape


def test_as_statsmodels(monthly: np.ndarray, quiet: Callable[..., Any]) -> None:
    chance = np.random.default_rng(0)
    rows = np.concatenate((monthly[:2], monthly[2:3] - monthly[2].mean(), 10 + np.cumsum(chance.normal(size=(2, 49)), axis=1)))
    model = quiet(Theta(12), rows)
    ahead = model.forecast(15).mean
    for place, row in enumerate(rows):
        peer = ThetaModel(row, period=12, method="auto").fit()
        assert model.slope_[place] == pytest.approx(peer.params["b0"])
        assert model.alpha_[place] == pytest.approx(peer.params["alpha"], abs=2e-3)
        np.testing.assert_allclose(ahead[place], peer.forecast(15), atol=2e-3 * np.abs(row).mean())
    assert model.seasonal_.tolist() == [True, True, True, False, False]


def test_better_than_naive_on_m3(shared_data: Path, quiet: Callable[..., Any]) -> None:
    table = pl.read_parquet(shared_data / "series/m3_train.parquet")
    names = table.columns
    assert len(names) == 5
    yearly = [frame for _, frame in table.filter(pl.col(names[1]).cast(pl.String).str.contains("(?i)year")).group_by(names[0])]
    columns = [frame.get_column(names[-1]).to_numpy() for frame in yearly[:200]]
    rows = np.full((len(columns), max(map(len, columns))), np.nan)
    for row, values in zip(rows, columns, strict=True):
        row[-len(values) :] = values
    errors = {type(one): smape(rows[:, -6:], quiet(one, rows[:, :-6]).forecast(6).mean, axis=None) for one in (Theta(), Naive())}
    assert errors[Theta] < errors[Naive] < 30
