"""Drift: scipy's two-sample statistic, and the stability index by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.special
import scipy.stats

import gpupipe as gp
from gpupipe.checks.drift import ks_probability
from gpupipe.core.errors import ColumnError, DtypeError, StageError
from gpupipe.testing.tasks import check_task

CHANCE = np.random.default_rng(0)
BEFORE = pl.DataFrame(
    {"same": CHANCE.normal(size=500), "moved": CHANCE.normal(size=500), "word": ["a"] * 250 + ["b"] * 250, "n": CHANCE.poisson(3, 500)}
)
AFTER = pl.DataFrame(
    {"same": CHANCE.normal(size=400), "moved": CHANCE.normal(1, 1, 400), "word": ["a"] * 100 + ["b"] * 300, "n": CHANCE.poisson(3, 400)}
)
AFTER = AFTER.with_columns(same=pl.when(pl.int_range(400) < 40).then(None).otherwise(pl.col("same")))


def test_statistics_are_scipys(engine: str) -> None:
    tables = (gp.FromFrame(BEFORE).node(), gp.FromFrame(AFTER).node())
    made = gp.Pipeline("p", made=gp.Drift()(*tables)).run(engine)["made"].to_polars()
    rows = {row["column"]: row for row in made.iter_rows(named=True)}
    for name in ("same", "moved", "n"):
        known = scipy.stats.ks_2samp(BEFORE[name].to_numpy(), AFTER[name].drop_nulls().to_numpy(), method="asymp")
        assert rows[name]["ks"] == pytest.approx(known.statistic, abs=1e-12)
        assert rows[name]["ks_p_value"] == pytest.approx(known.pvalue, rel=0.1, abs=1e-12)
    assert rows["word"]["psi"] == pytest.approx((0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5))
    assert rows["word"]["ks"] is None
    assert (rows["same"]["missing_before"], rows["same"]["missing_after"]) == (0, 0.1)
    assert made["column"].to_list()[0] == "moved"
    assert rows["same"]["psi"] < 0.1
    assert rows["moved"]["psi"] > 0.25


@pytest.mark.parametrize("distance", [0.0, 0.01, 0.03, 0.1, 0.3, 0.9])
def test_probabilities_are_kolmogorovs(distance: float) -> None:
    assert ks_probability(distance, 300, 200) == pytest.approx(scipy.special.kolmogorov(distance * np.sqrt(120)), abs=1e-10)


def test_law() -> None:
    check_task(gp.Drift(), BEFORE.head(60), AFTER.head(50))


def test_a_new_value_is_a_great_change() -> None:
    before, after = pl.DataFrame({"c": ["a", "b"] * 10}), pl.DataFrame({"c": ["a", "z"] * 10})
    assert gp.Drift("c").apply(before, after)["psi"].to_list()[0] > 1
    assert gp.Drift("c").apply(before, before)["psi"].to_list() == [0.0]


def test_what_is_refused() -> None:
    with pytest.raises(ColumnError, match="Did you mean 'word'"):
        gp.Drift("wordd").apply(BEFORE, AFTER)
    with pytest.raises(DtypeError, match="columns of one kind in both tables, got String and Int64 in 'word'"):
        gp.Drift().apply(BEFORE, AFTER.with_columns(word=pl.lit(1).cast(pl.Int64)))
    with pytest.raises(StageError, match="rows in both tables, got 500 and 0"):
        gp.Drift().apply(BEFORE, AFTER.head(0))
