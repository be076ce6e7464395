"""Scores weighed by density: the array library's with all rows as the sample, on every engine and for any cut."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.active import scorers
from gpupipe.core.errors import UsageError
from gpupipe.testing.laws import check_fit_stage

CHANCE = np.random.default_rng(0)
POOL = pl.DataFrame({"x": CHANCE.normal(1, 1, 40), "y": CHANCE.normal(size=40), "score": CHANCE.random(40)})


def test_law_and_numbers() -> None:
    check_fit_stage(gp.WeighDensity(["x", "y"], beta=2.0), POOL.to_arrow())
    rows = POOL.select("x", "y").to_numpy()
    expected = scorers.density(POOL["score"].to_numpy(), rows, rows, 2.0)
    cosines = rows @ rows.T / np.outer(*[np.linalg.norm(rows, axis=1)] * 2)
    np.testing.assert_allclose(expected, POOL["score"].to_numpy() * np.maximum(cosines.mean(axis=1), 0) ** 2)  # the equation
    made = gp.WeighDensity(["x", "y"], beta=2.0).fit_plain(POOL).apply(POOL)
    np.testing.assert_allclose(made["score"].to_numpy(), expected, rtol=1e-9)


def test_rows_without_a_number_have_no_score_and_count_for_nobody() -> None:
    lacking = pl.concat([POOL, pl.DataFrame({"x": [None], "y": [1.0], "score": [0.5]}, schema=POOL.schema)])
    made = gp.WeighDensity(["x", "y"]).fit_plain(lacking).apply(lacking)["score"]
    assert made[-1] is None
    np.testing.assert_allclose(made[:-1].to_numpy(), gp.WeighDensity(["x", "y"]).fit_plain(POOL).apply(POOL)["score"].to_numpy(), rtol=1e-9)


def test_scores_below_0_are_refused() -> None:
    with pytest.raises(UsageError, match=r"scores from 0 on, got some below\. Use least_confidence"):
        gp.WeighDensity(["x", "y"]).fit_plain(POOL).apply(POOL.with_columns(-pl.col("score")))
    with pytest.raises(UsageError, match="beta from 0 on"):
        gp.WeighDensity("x", beta=-1)
