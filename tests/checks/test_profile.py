"""Profile: Polars' own statistics of each column, on every engine."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.testing.tasks import check_task

FRAME = pl.DataFrame(
    {
        "x": [1.0, 2.5, None, 4.0, -3.0, 2.5, 1.0, 9.0],
        "n": [1, 2, 3, 4, 5, 6, 7, 8],
        "word": ["b", "a", "b", None, "c", "b", "a", "a"],
        "flag": [True, False, True, None, True, True, False, True],
        "day": [dt.date(2020, 1, day) for day in range(1, 9)],
        "empty": pl.Series([None] * 8, dtype=pl.Float64),
    }
)


def test_numbers_are_polars(engine: str) -> None:
    made = gp.Pipeline("p", made=gp.Profile()(gp.FromFrame(FRAME).node())).run(engine)["made"].to_polars()
    rows = {row["column"]: row for row in made.iter_rows(named=True)}
    for name in ("x", "n"):
        column = FRAME[name]
        assert rows[name]["missing"] == column.null_count()
        assert rows[name]["distinct"] == column.drop_nulls().n_unique()
        expected: list[Any] = [column.mean(), column.std(), column.min(), column.quantile(0.05, "linear"), column.median(), column.max()]
        assert [rows[name][one] for one in ("mean", "std", "min", "q05", "median", "max")] == pytest.approx(expected)
    assert rows["word"]["top"] == "a (3), b (3), c (1)"
    assert (rows["word"]["least"], rows["word"]["greatest"], rows["word"]["mean"]) == ("a", "c", None)
    assert (rows["day"]["least"], rows["day"]["greatest"]) == ("2020-01-01", "2020-01-08")
    assert rows["flag"]["mean"] == pytest.approx(5 / 7)
    assert (rows["empty"]["missing"], rows["empty"]["distinct"], rows["empty"]["mean"]) == (8, 0, None)
    assert rows["x"]["dtype"] == "Float64"


def test_law() -> None:
    check_task(gp.Profile(n_top=2), FRAME.select("x", "n", "word"))


def test_the_report_has_histograms_and_correlations() -> None:
    report = gp.Pipeline("p", made=gp.Profile()(gp.FromFrame(FRAME).node())).run("cpu").report
    (card,) = [one for one in report["cards"] if one["title"] == "Profile"]
    parts = {part["title"]: part for part in card["parts"]}
    both = FRAME.drop_nulls("x")
    assert parts["Correlations"]["rows"][0][2] == pytest.approx(np.corrcoef(both["x"], both["n"])[0, 1])
    assert sum(count for _, count in parts["x: rows from each value on"]["bars"]) == 7


def test_a_table_without_rows(engine: str) -> None:
    made = gp.Pipeline("p", made=gp.Profile()(gp.FromFrame(FRAME.head(0)).node())).run(engine)["made"].to_polars()
    assert made["rows"].to_list() == [0] * 6
    assert made["mean"].null_count() == 6


@pytest.mark.parametrize(
    "values",
    [
        [2.0**62],
        [2.0**62, 2.0**62 + 512],
        [-1.7e308, 1.7e308],
        [2.0**54] * 3,
        [1.0, 1.0 + 2**-52],
        [5e-324, 1e-323],
        [0.0],
        [2.0**53, 2.0**53 + 100],
    ],
)
def test_numbers_that_floats_can_hardly_tell_apart(values: list[float]) -> None:
    rows = gp.FromFrame(pl.DataFrame({"x": values})).node()
    result = gp.Pipeline("p", profile=gp.Profile()(rows)).run("cpu")
    [bars] = [part["bars"] for card in result.report["cards"] for part in card["parts"] if part["kind"] == "bars"]
    assert sum(count for _, count in bars) == len(values)
    assert result["profile"].to_polars()["max"].to_list() == [max(values)]
