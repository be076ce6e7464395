from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import TargetEncoder

import gpupipe as gp
from gpupipe.core.errors import DtypeError, StageError, UsageError
from gpupipe.stages.target_encode import TargetEncode, with_fold


def rows_of(n_rows: int, n_categories: int, seed: int = 0) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    codes = chance.integers(0, n_categories, n_rows)
    return pl.DataFrame({"id": range(n_rows), "c": [f"c{code}" for code in codes], "y": chance.normal(codes % 3, 1, n_rows)})


@pytest.mark.parametrize("smooth", ["auto", 0.0, 7.5])
def test_on_other_tables_as_scikit_learn_does(smooth: Any) -> None:
    train, test = rows_of(200, 8), rows_of(50, 10, seed=1)
    theirs = TargetEncoder(smooth=smooth, target_type="continuous").fit(train.select("c").to_numpy(), train["y"].to_numpy())
    made = TargetEncode("c", target="y", smooth=smooth).fit_plain(train).apply(test)["c"]
    np.testing.assert_allclose(made, theirs.transform(test.select("c").to_numpy())[:, 0], rtol=1e-12)


def test_on_training_rows_each_fold_is_encoded_by_the_others() -> None:
    frame = rows_of(200, 8)
    stage = TargetEncode("c", target="y", folds=3, fold_by="id")
    made = stage.fit_plain(frame).on_training().apply(frame)["c"].to_numpy()
    folds = gp.Pipeline("p", out=_Fold()(gp.FromFrame(frame).node())).run()["out"]["fold"].to_numpy()
    assert set(folds) == {0, 1, 2}
    for fold in range(3):
        inside = folds == fold
        rest = frame.filter(pl.Series(~inside))
        theirs = TargetEncoder(target_type="continuous").fit(rest.select("c").to_numpy(), rest["y"].to_numpy())
        np.testing.assert_allclose(made[inside], theirs.transform(frame.select("c").to_numpy())[inside, 0], rtol=1e-12)


class _Fold(gp.Select):
    """Shows the folds, which are nobody else's business."""

    def __init__(self) -> None:
        super().__init__("id")

    def run(self, verbs: Any, *frames: Any) -> Any:
        return with_fold(verbs, frames[0], ("id",), 3, 0).rename({"\x1ffold": "fold"})

    def expressions(self) -> Any:
        return ()


def test_the_table_that_it_is_fitted_to_is_known_in_a_pipeline(engine: str) -> None:
    frame = rows_of(60, 5)
    train, test = gp.FromFrame(frame).node(), gp.FromFrame(rows_of(20, 6, seed=1)).node()
    fitted = TargetEncode("c", target="y").fit(train)
    other = gp.WithColumns(y=0.0)(train)  # another table: it gets what all rows say
    result = gp.Pipeline("p", train=fitted(train), again=fitted.on_training(train), test=fitted(test), other=fitted(other)).run(engine)
    plain = TargetEncode("c", target="y").fit_plain(frame)
    sort = lambda made: made.to_arrow().sort_by("id")["c"].to_pylist()  # noqa: E731
    np.testing.assert_allclose(sort(result["train"]), plain.on_training().apply(frame)["c"], rtol=1e-12)
    np.testing.assert_allclose(sort(result["again"]), sort(result["train"]), rtol=1e-12)
    np.testing.assert_allclose(sort(result["test"]), plain.apply(rows_of(20, 6, seed=1))["c"], rtol=1e-12)
    np.testing.assert_allclose(sort(result["other"]), plain.apply(frame)["c"], rtol=1e-12)


def test_noise_tells_nothing_about_its_own_target() -> None:
    """Categories of two rows each are noise: encoded by all rows they tell each its own target, encoded out of fold they do not."""
    chance = np.random.default_rng(0)
    words, noise = chance.integers(0, 1000, 2000), chance.integers(0, 2, 2000)
    frame = pl.DataFrame({"id": range(2000), "c": [f"c{code}" for code in words], "y": noise})
    fitted = TargetEncode("c", target="y").fit_plain(frame)
    leaking, honest = (roc_auc_score(frame["y"], stage.apply(frame)["c"]) for stage in (fitted, fitted.on_training()))
    assert leaking > 0.85
    assert abs(honest - 0.5) < 0.1


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^TargetEncode expects columns other than its target, got 'y' in both\.$"):
        TargetEncode(["c", "y"], target="y")
    with pytest.raises(UsageError, match=r"^TargetEncode expects smooth 'auto' or a number >= 0, and folds >= 2, got -1 and 5\.$"):
        TargetEncode("c", target="y", smooth=-1)
    with pytest.raises(DtypeError, match=r"^TargetEncode's target expects numbers, got String in column 'y'\."):
        TargetEncode("c", target="y").fit_plain(pl.DataFrame({"c": ["a"], "y": ["b"]}))
    with pytest.raises(StageError, match=r"^TargetEncode expects a target of finite numbers, got infinity or NaN in 'y'\."):
        TargetEncode("c", target="y").fit_plain(pl.DataFrame({"c": ["a"], "y": [float("inf")]}))
