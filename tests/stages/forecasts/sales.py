"""The stages over the tables of these tests, whose series are stores' daily sales."""

from __future__ import annotations

from functools import partial

import gpupipe as gp

forecast_sales = partial(gp.Forecast, by="store", time="day", target="sales")
backtest_sales = partial(gp.Backtest, by="store", time="day", target="sales")
