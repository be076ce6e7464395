"""Rolling windows by Polars against the array kernel that defines them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from gpupipe.core.arrow import plain_table
from gpupipe.core.verbs import Rolled, Window
from gpupipe.engines._verbs import roll_table
from gpupipe.engines.polars.rolling import roll_frame

CHANCE = np.random.default_rng(5)
FUNCTIONS = ("min", "max", "sum", "mean", "count")


def frame(n_rows: int, keys: str) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "small": CHANCE.integers(0, 5, n_rows),
        "huge": CHANCE.choice([-(2**62), 0, 2**62], n_rows),
        "text": CHANCE.choice(["a", "b", "c"], n_rows),
        "t": CHANCE.integers(-20, 20, n_rows),
        "x": CHANCE.normal(size=n_rows).round(2),
        "i": CHANCE.integers(-9, 9, n_rows).astype(np.int32),
    }
    made = pl.DataFrame(columns).with_columns(
        pl.when(pl.Series(CHANCE.random(n_rows) > 0.1)).then(pl.col(name)) for name in ("x", "i", "text")
    )
    return made.with_columns(t=pl.when(pl.Series(CHANCE.random(n_rows) > 0.05)).then(pl.col("t")), k=pl.col(keys))


@pytest.mark.parametrize("keys", ["small", "huge", "text"])
@pytest.mark.parametrize(("start", "stop"), [(0, 12), (0, 1), (-5, 1), (-3, 4), (2, 5), (-5, -2)])
def test_windows_are_those_of_the_kernel(keys: str, start: int, stop: int) -> None:
    rows = frame(300, keys)
    aggregates = tuple(Rolled(f"{name}_{column}", column, cast(Any, name)) for name in FUNCTIONS for column in ("x", "i"))
    window = Window(("k",), "t", start, stop, aggregates)
    made, expected = roll_frame(rows, window), pl.from_arrow(roll_table(plain_table(rows.to_arrow()), window))
    assert isinstance(expected, pl.DataFrame)
    for name in made.columns:
        left, right = made[name].cast(pl.Float64), expected[name].cast(pl.Float64)
        assert left.is_null().to_list() == right.is_null().to_list(), name
        np.testing.assert_allclose(left.fill_null(0).to_numpy(), right.fill_null(0).to_numpy(), atol=1e-9, err_msg=name)


def test_no_rows_give_no_rows() -> None:
    rows = frame(5, "small").head(0)
    made = roll_frame(rows, Window(("k",), "t", 0, 2, (Rolled("low", "x", "min"),)))
    assert made.schema == {"low": pl.Float64} and made.height == 0
