"""Tensors as long tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

DAY = np.datetime64("2020-01-01", "D")


@pytest.fixture
def long_table() -> Callable[..., pl.DataFrame]:
    """Return what makes a table of an array: texts, days and whole numbers as labels; cells that are NaN have no row."""

    def made(array: Any, value: str = "x") -> pl.DataFrame:
        places = np.nonzero(~np.isnan(array))
        kinds = [lambda at: [f"s{place:03d}" for place in at], lambda at: DAY + at, lambda at: at, lambda at: at]
        labels = {name: kind(at) for name, kind, at in zip(["sensor", "day", "hour", "lane"], kinds, places, strict=False)}
        return pl.DataFrame({**labels, value: array[places]})

    return made
