"""Folds and strata: every row is tested once, on every engine alike."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from sklearn.model_selection import PredefinedSplit, TimeSeriesSplit

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_key_stage, check_row_stage

NUMBER = pl.int_range(600, eager=True)
FRAME = pl.DataFrame(
    {"id": NUMBER, "k": NUMBER // 5, "day": NUMBER % 30, "y": ["rare" if number % 40 == 0 else "often" for number in NUMBER]}
)
FOLDS = {
    "rows": gp.Folds(4),
    "key": gp.Folds(4, by="k", seed=3),
    "strata": gp.Folds(4, stratify="y"),
    "y and k": gp.Folds(2, stratify=["y", "k"]),
}


@pytest.mark.parametrize("name", FOLDS)
def test_every_row_is_tested_once_and_trained_on_in_the_others(name: str) -> None:
    pairs = FOLDS[name].apply(FRAME)
    assert len(pairs) == len(FOLDS[name])
    assert_same_rows(pl.concat([test for _, test in pairs]), FRAME)
    for train, test in pairs:
        assert_same_rows(pl.concat([train, test]), FRAME)


def test_rows_of_a_key_are_in_one_fold() -> None:
    for train, test in FOLDS["key"].apply(FRAME):
        assert not set(train["k"]) & set(test["k"])


def test_strata_have_the_same_share_in_every_fold() -> None:
    counts = [dict(test["y"].value_counts().rows()) for _, test in FOLDS["strata"].apply(FRAME)]
    assert sorted(one["rare"] for one in counts) == [3, 4, 4, 4]
    assert {one["often"] for one in counts} <= {146, 147}


def test_folds_of_a_part_of_a_split_are_as_equal_as_others() -> None:
    for split in (gp.Split((0.5, 0.5)), gp.Split((0.5, 0.5), by="k"), gp.Split((0.5, 0.5), stratify="y")):
        for folds in (gp.Folds(3), gp.Folds(3, by="k"), gp.Folds(3, stratify="y")):
            assert min(len(test) for _, test in folds.apply(split.apply(FRAME)[0])) > 60


def test_a_stratified_split_has_exact_shares() -> None:
    train, valid, test = gp.Split((0.6, 0.2, 0.2), stratify="y").apply(FRAME)
    assert [dict(part["y"].value_counts().rows()) for part in (train, valid, test)] == [
        {"rare": 9, "often": 351},
        {"rare": 3, "often": 117},
        {"rare": 3, "often": 117},
    ]
    assert_same_rows(pl.concat([train, valid, test]), FRAME)


def test_missing_values_are_a_stratum_of_their_own(engine: str) -> None:
    frame = FRAME.with_columns(y=pl.when(pl.col("id") % 3 == 0).then(None).otherwise(pl.col("y")))
    parts = gp.Split((0.5, 0.5), stratify="y")(gp.FromFrame(frame).node())
    made = gp.Pipeline("p", first=parts[0], second=parts[1]).run(engine)
    counts = [made[name]["y"].null_count() for name in ("first", "second")]
    assert counts == [100, 100]
    assert_same_rows(pl.concat([made[name].to_polars() for name in ("first", "second")]), frame)


def test_laws() -> None:
    table = FRAME.head(60).to_arrow()
    for pair in (
        FOLDS["rows"].pairs[1],
        FOLDS["key"].pairs[3],
        gp.Folds(2, column="day").pairs[1],
        gp.Folds(order="day", at=[3, 9]).pairs[0],
    ):
        for stage in pair:
            check_row_stage(stage, table)  # type: ignore[arg-type]
    for stage in (*FOLDS["strata"].pairs[0], *gp.Split((0.5, 0.5), stratify="y").parts):
        check_key_stage(stage, table)  # type: ignore[arg-type]


def test_engines_deal_alike(engine: str) -> None:
    table = gp.FromFrame(FRAME).node()
    tests = {f"{name}{number}": test for name in ("rows", "strata") for number, (_, test) in enumerate(FOLDS[name](table))}
    made = gp.Pipeline("p", tests).run(engine)
    for name in ("rows", "strata"):
        for number, (_, expected) in enumerate(FOLDS[name].apply(FRAME)):
            assert sorted(made[f"{name}{number}"]["id"].to_list()) == sorted(expected["id"].to_list())


def test_folds_of_a_column_are_scikit_learns_predefined_ones() -> None:
    made = [test["id"].to_list() for _, test in gp.Folds(30, column="day").apply(FRAME)]
    assert made == [test.tolist() for _, test in PredefinedSplit(FRAME["day"].to_numpy()).split()]


def test_folds_in_time_are_scikit_learns_series_split() -> None:
    frame = pl.DataFrame({"t": range(20)})
    made = [(train["t"].to_list(), test["t"].to_list()) for train, test in gp.Folds(order="t", at=[5, 10, 15]).apply(frame)]
    assert made == [(train.tolist(), test.tolist()) for train, test in TimeSeriesSplit(3).split(frame)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "n_folds, 2 or more"),
        ({"n_folds": 1}, "got n_folds=1"),
        ({"n_folds": 3, "by": "k", "stratify": "y"}, "at most one of .*, got by, stratify"),
        ({"n_folds": 3, "order": "t", "at": [1]}, "n_folds, 2 or more, or order"),
        ({"order": "t"}, "at most one of"),
        ({"order": "t", "at": [2, 1]}, "ascending, got"),
    ],
)
def test_wrong_calls(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gp.Folds(**options)


def test_a_column_that_is_not_there_is_found_in_the_plan() -> None:
    table = gp.FromFrame(FRAME).node()
    for folds in (gp.Folds(2, by="kk"), gp.Folds(2, stratify="yy"), gp.Folds(2, column="fold")):
        with pytest.raises(ColumnError):
            gp.Pipeline("p", out=folds(table)[0][1]).check()
    with pytest.raises(UsageError, match="stratify with fractions alone"):
        gp.Split((0.5, 0.5), by="k", stratify="y")
