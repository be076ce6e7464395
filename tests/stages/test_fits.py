"""The laws of stages that are fitted to single columns: parts merge, engines agree, any cut gives the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.columns import Columns
from gpupipe.core.errors import PlanError, StageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_fit_stage, check_row_stage


def rows_of(n_rows: int, seed: int = 0) -> pl.DataFrame:
    """Return rows with everything that a fit may meet: ties, missing values, one value alone, and none at all."""
    chance = np.random.default_rng(seed)
    missing = lambda values: [None if drawn < 0.1 else value for drawn, value in zip(chance.random(n_rows), values, strict=True)]  # noqa: E731
    return pl.DataFrame(
        {
            "id": np.arange(n_rows),
            "x": missing(chance.normal(3, 2, n_rows).tolist()),
            "skewed": missing(chance.lognormal(0, 1, n_rows).tolist()),
            "n": pl.Series(missing(chance.integers(-3, 4, n_rows).tolist()), dtype=pl.Int16),
            "plan": missing(chance.choice(["basic", "pro", "pro plus", "é"], n_rows).tolist()),
            "city": missing(chance.choice(list("abcdefgh"), n_rows).tolist()),
            "flag": missing(chance.choice([True, False], n_rows).tolist()),
            "one": pl.Series([7] * n_rows, dtype=pl.Int32),
            "none": pl.Series([None] * n_rows, dtype=pl.Float64),
            "y": chance.integers(0, 2, n_rows),
        }
    )


NUMBERS = ["x", "n", "one", "none"]
WORDS = ["plan", "n", "flag"]
FITS = [
    gp.MinMaxScale(NUMBERS, low=-1, high=2, clip=True),
    gp.Standardize(NUMBERS),
    gp.Impute(NUMBERS, indicator=True),
    gp.Impute(WORDS, "most_frequent"),
    gp.Impute("plan", value="unknown", indicator=True),
    gp.EncodeCategory(WORDS, first=4, missing=1, unknown=2, buckets=2, order="count", max_size=2),
    gp.EncodeCategory(["plan", "city"], joint=True, min_count=20, unknown=-1),
    gp.CountEncode(WORDS, share=True),
    gp.OneHot(WORDS, min_count=20, rare=True, missing=True, drop_first=True),
    gp.OneHot(gp.columns("text"), max_categories=2),
    gp.TargetEncode(["plan", "n"], target="y", folds=3),
    gp.TargetEncode(["plan", "flag"], target="x", folds=3, smooth=10.0, fold_by="id"),
    gp.DropConstant(),
    gp.DropLowCardinality(["plan", "city", "one"], least=5),
    gp.ReduceDtype(),
    gp.ReduceDtype(gp.columns(["integer", "float"]), floats=True),
    gp.TfIdf(document="id", word="city", count="one", sublinear=True),
]
PASSES = [
    gp.RobustScale(NUMBERS),
    gp.QuantileTransform(["x", "n", "none"], n_quantiles=20, exact=True),
    gp.QuantileTransform("x", n_quantiles=20, output="normal", exact=True),
    gp.ClipOutliers(NUMBERS, low=0.1, high=0.9, widen=0.5),
    gp.Discretize(NUMBERS, n_bins=4),
    gp.Discretize(NUMBERS, n_bins=4, by="width"),
    gp.Impute(NUMBERS, "median", indicator=True),
    gp.PowerTransform(["x", "n", "one", "none"]),
    gp.PowerTransform("skewed", method="box-cox", standardize=False),
]


@pytest.mark.parametrize("stage", FITS, ids=lambda stage: stage.name)
def test_law(stage: Any) -> None:
    fitted = check_fit_stage(stage, rows_of(120), cuts=(50, 50, 90))
    check_row_stage(fitted.on_training(), rows_of(120), rtol=1e-12)


@pytest.mark.parametrize("stage", PASSES, ids=lambda stage: stage.name)
def test_law_of_the_row_stage(stage: Any) -> None:
    check_row_stage(stage.fit_plain(rows_of(120)), rows_of(90, seed=1), rtol=1e-12)


@pytest.mark.parametrize("stage", [*FITS, *PASSES], ids=lambda stage: stage.name)
def test_saved_and_loaded_it_is_the_same(stage: Any, tmp_path: Any) -> None:
    frame = rows_of(120)
    fitted = stage.fit_plain(frame)
    loaded = gp.load(gp.save(fitted, tmp_path / "stage"))
    assert loaded == fitted
    assert loaded.apply(frame).equals(fitted.apply(frame))


# One of each way in which something is measured.
CHOSEN = [*FITS[2:4], FITS[5], FITS[8], *FITS[10:13], FITS[16], PASSES[3], PASSES[6], PASSES[8]]
MANY = {f"{number}-{stage.name}": stage for number, stage in enumerate(CHOSEN)}


def test_on_every_engine_in_a_pipeline(engine: str) -> None:
    """One pipeline of several, so that a cluster is asked once."""
    train, test = rows_of(120), rows_of(60, seed=1)
    nodes = [gp.FromFrame(frame).node() for frame in (train, test)]
    made = gp.Pipeline("fits", {name: stage.fit(nodes[0])(nodes[1]) for name, stage in MANY.items()}).run(engine)
    for name, stage in MANY.items():
        wanted = stage.fit_plain(train).apply(test)
        assert_same_rows(made[name].to_arrow(), wanted, rtol=1e-9, atol=1e-12)


def test_fitted_to_nothing_it_does_no_harm() -> None:
    frame = rows_of(5)
    for stage in (*FITS, *PASSES):
        assert len(stage.fit_plain(frame[:0]).apply(frame)) == 5


OF_NAMED = [stage for stage in (*FITS, *PASSES) if not isinstance(stage.columns, Columns)]
ODD = [gp.MinMaxScale("x"), gp.RobustScale("x"), gp.Impute("x"), gp.Impute("x", "median"), gp.PowerTransform("x")]


@pytest.mark.parametrize("stage", OF_NAMED, ids=lambda stage: stage.name)
def test_wrong_columns_are_told_in_the_plan(stage: Any) -> None:
    frame = rows_of(5)
    table = gp.FromFrame(frame.rename({name: f"{name}_" for name in frame.columns})).node()
    with pytest.raises(PlanError, match=r"^There is no column '\w+'\."):
        gp.Pipeline("p", out=stage.fit(table)).check()
    times = gp.FromFrame(frame.with_columns(pl.lit(None, dtype=pl.Date).alias(name) for name in frame.columns)).node()
    if getattr(stage, "value", None) is None:
        with pytest.raises(PlanError, match=rf"{stage.name}.*expects"):
            gp.Pipeline("p", out=stage.fit(times)).check()


@pytest.mark.parametrize("stage", ODD, ids=lambda stage: stage.name)
@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_infinity_and_nan_have_no_statistics(stage: Any, odd: float) -> None:
    message = rf"^{stage.name} expects finite numbers in column 'x', got infinity or NaN in 1 rows\. Filter them first, by nw\.col\('x'\)"
    with pytest.raises(StageError, match=message):
        stage.fit_plain(pl.DataFrame({"x": [1.0, odd, 2.0]}))
