"""What the tests of forecasts share: monthly sales of a few stores, with gaps, unequal lengths and stores that cannot be fitted."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

MONTHS = [date(2018 + place // 12, place % 12 + 1, 1) for place in range(72)]


def sales(n_months: int = 60, seed: int = 0) -> pl.DataFrame:
    """Return sales of three stores by month: one whole, one with gaps, one that begins later."""
    chance, rows = np.random.default_rng(seed), []
    for place, store in enumerate(["north", "south", "west"]):
        for month in range(10 * (place == 2), n_months):
            if place == 1 and month in (7, 30, 31):
                continue
            season = 8 * np.sin(month * np.pi / 6)
            rows.append((store, MONTHS[month], 50 + 10 * place + 0.2 * month + season + chance.normal()))
    return pl.DataFrame(rows, schema=["store", "day", "sales"], orient="row")


@pytest.fixture
def rows() -> pl.DataFrame:
    """Return the sales of five years."""
    return sales()


@pytest.fixture
def bad() -> pl.DataFrame:
    """Return stores that cannot be fitted, or not as asked."""
    made = []
    for store, values in {
        "constant": [3.0] * 24,
        "infinite": [1.0, float("inf"), *range(22)],
        "missing": [None] * 5,
        "short": [1.0, 5.0],
        "single": [4.0],
        "below a cycle": [float(place % 5) for place in range(14)],
    }.items():
        made += [(store, MONTHS[place], value) for place, value in enumerate(values)]
    return pl.DataFrame(made, schema={"store": pl.String, "day": pl.Date, "sales": pl.Float64}, orient="row")
