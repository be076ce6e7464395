"""XGBoost in batches, in memory and outside of it, on a CPU with NumPy's arrays: the models are those of XGBoost's own fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from xgboost import XGBClassifier, XGBRegressor

from gpupipe.engines._estimators import xgboost_callbacks
from gpupipe.engines.cudf import boosting
from gpupipe.engines.cudf.boosting import DeviceBatches, Outside, RowBatches, can_be_outside, fit_in_batches, n_cached_bytes, rows_at_once

RANDOM = np.random.default_rng(5)
N_ROWS, N_TRAIN, AT_ONCE = 3000, 2000, 300  # 7 batches, the last one smaller
NAMES = ("a", "b", "c", "d", "e")
FEATURES = RANDOM.random((N_ROWS, 5)).astype(np.float32)
FEATURES[RANDOM.random(FEATURES.shape) < 0.1] = np.nan
NUMBER = np.nansum(FEATURES, axis=1) + RANDOM.normal(size=N_ROWS) * 0.3
LABEL = (NUMBER > 2.2).astype(int)
MANY = np.digitize(NUMBER, [1.8, 2.6])
WEIGHT = RANDOM.random(N_ROWS)
TRAIN, HELD = slice(0, N_TRAIN), slice(N_TRAIN, N_ROWS)
STOPPING = {"n_estimators": 200, "early_stopping_rounds": 3, "n_jobs": 1}
ESTIMATORS = {
    "two classes": (XGBClassifier(eval_metric=["auc", "logloss"], max_bin=64, **STOPPING), LABEL),
    "three classes": (XGBClassifier(max_depth=3, **STOPPING), MANY),
    "numbers": (XGBRegressor(subsample=0.8, colsample_bytree=0.6, feature_weights=[1, 1, 1, 5, 5], random_state=3, **STOPPING), NUMBER),
}


def rows(target: Any, part: slice, weight: Any = WEIGHT, at_once: int = AT_ONCE) -> RowBatches:
    """Return some of the rows."""
    features = FEATURES[part]
    return RowBatches(NAMES, lambda start, stop: features[start:stop], target[part], None if weight is None else weight[part], at_once)


def by_xgboost(estimator: Any, target: Any) -> Any:
    """Return the estimator as XGBoost itself fits it, of a pandas frame."""
    frame = pd.DataFrame(FEATURES, columns=NAMES)
    fresh = type(estimator)(**estimator.get_params())
    options = {"sample_weight_eval_set": [WEIGHT[HELD]], "sample_weight": WEIGHT[TRAIN], "verbose": False}
    return fresh.fit(frame[TRAIN], target[TRAIN], eval_set=[(frame[HELD], target[HELD])], **options)


def answers(fitted: Any) -> Any:
    """Return what a model says of all rows."""
    frame = pd.DataFrame(FEATURES, columns=NAMES)
    return fitted.predict_proba(frame) if isinstance(fitted, XGBClassifier) else fitted.predict(frame)


def in_memory_and_outside(estimator: Any, target: Any, folder: Path) -> tuple[Any, Any]:
    """Return the estimator fitted both ways."""
    given = (rows(target, TRAIN), rows(target, HELD))
    fresh = [type(estimator)(**estimator.get_params()) for _ in range(2)]
    return fit_in_batches(fresh[0], *given), fit_in_batches(fresh[1], *given, Outside(folder, None))


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_batches_in_memory_and_outside_give_one_model(name: str, tmp_path: Path) -> None:
    estimator, target = ESTIMATORS[name]
    within, outside = in_memory_and_outside(estimator, target, tmp_path)
    np.testing.assert_allclose(answers(outside), answers(within), atol=1e-6)
    assert outside.best_iteration == within.best_iteration < 199, "it stopped early, at the same round"
    assert outside.evals_result().keys() == within.evals_result().keys() == {"validation_0"}
    for metric, values in within.evals_result()["validation_0"].items():
        assert outside.evals_result()["validation_0"][metric] == pytest.approx(values, abs=1e-6)


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_attributes_are_those_of_an_ordinary_fit(name: str, tmp_path: Path) -> None:
    estimator, target = ESTIMATORS[name]
    expected = by_xgboost(estimator, target)
    for made in in_memory_and_outside(estimator, target, tmp_path):
        assert vars(made).keys() == vars(expected).keys()
        assert made.feature_names_in_.tolist() == expected.feature_names_in_.tolist() == list(NAMES)
        assert made.objective == expected.objective
        assert made.get_xgb_params().keys() == expected.get_xgb_params().keys()
        if isinstance(made, XGBClassifier):
            assert (made.n_classes_, made.classes_.tolist()) == (expected.n_classes_, expected.classes_.tolist())
    whole = fit_in_batches(
        type(estimator)(**estimator.get_params()), rows(target, TRAIN, at_once=N_ROWS), rows(target, HELD, at_once=N_ROWS)
    )
    np.testing.assert_allclose(answers(whole), answers(expected), atol=1e-6)
    assert whole.best_iteration == expected.best_iteration


def test_weights_count(tmp_path: Path) -> None:
    only_low = (NUMBER < 2.0).astype(float)
    for outside in (None, Outside(tmp_path, None)):
        made = fit_in_batches(XGBRegressor(n_estimators=20), rows(NUMBER, TRAIN, only_low), None, outside)
        assert answers(made).max() < 2.3
        plain = fit_in_batches(XGBRegressor(n_estimators=20), rows(NUMBER, TRAIN, None), None, outside)
        assert answers(plain).max() > 2.8


def test_the_number_that_stands_for_missing(tmp_path: Path) -> None:
    coded = np.where(np.isnan(FEATURES), np.float32(-999), FEATURES)
    by_nan = fit_in_batches(XGBRegressor(n_estimators=20), rows(NUMBER, TRAIN), None)
    given = replace(rows(NUMBER, TRAIN), features=lambda start, stop: coded[TRAIN][start:stop])
    for outside in (None, Outside(tmp_path, None)):
        made = fit_in_batches(XGBRegressor(n_estimators=20, missing=-999.0), given, None, outside)
        np.testing.assert_allclose(made.predict(coded), by_nan.predict(FEATURES), atol=1e-6)


def test_each_round_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    estimator = XGBRegressor(n_estimators=15)
    xgboost_callbacks(estimator, lambda number, _, figures: told.append(number) if "validation_0 rmse" in figures else None)
    fit_in_batches(estimator, rows(NUMBER, TRAIN), rows(NUMBER, HELD), Outside(tmp_path, None))
    assert told == list(range(1, 16))


def test_what_xgboost_keeps_outside_is_in_the_folder_and_goes_with_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    estimator = XGBRegressor(n_estimators=2)
    xgboost_callbacks(estimator, lambda *_: seen.extend(path.name for path in tmp_path.iterdir()))
    monkeypatch.chdir(tmp_path.parent)
    fit_in_batches(estimator, rows(NUMBER, TRAIN), rows(NUMBER, HELD), Outside(tmp_path, None))
    assert {name.partition("-")[0] for name in seen} >= {"train"}
    assert not list(tmp_path.iterdir())


def test_approximate_trees_take_the_rows_at_once() -> None:
    made = fit_in_batches(XGBRegressor(tree_method="approx", n_estimators=10), rows(NUMBER, TRAIN), None)
    expected = XGBRegressor(tree_method="approx", n_estimators=10).fit(FEATURES[TRAIN], NUMBER[TRAIN], sample_weight=WEIGHT[TRAIN])
    np.testing.assert_allclose(answers(made), expected.predict(FEATURES), atol=1e-6)
    assert not can_be_outside(made)


def test_no_rows_to_evaluate_on() -> None:
    with pytest.warns(UserWarning, match="Empty dataset"):
        made = fit_in_batches(XGBRegressor(n_estimators=2), rows(NUMBER, TRAIN), rows(NUMBER, slice(0, 0)))
    assert made.evals_result() == {"validation_0": {"rmse": [0.0, 0.0]}}


def test_what_xgboost_refuses_is_told_and_leaves_the_estimator_as_it_was() -> None:
    estimator = XGBClassifier()
    with pytest.raises(ValueError, match="Invalid classes inferred"):
        fit_in_batches(estimator, rows(LABEL + 1, TRAIN), None)
    assert "_create_dmatrix" not in vars(estimator)
    with pytest.raises(xgboost.core.XGBoostError, match="max_depth"):
        fit_in_batches(XGBRegressor(max_depth=-3), rows(NUMBER, TRAIN), None)


def test_what_making_a_batch_raises_comes_out(tmp_path: Path) -> None:
    def short(start: int, stop: int) -> Any:
        if start:
            raise MemoryError("failed to allocate 4096 bytes")
        return FEATURES[start:stop]

    for outside in (None, Outside(tmp_path, None)):
        with pytest.raises(MemoryError, match="4096"):
            fit_in_batches(XGBRegressor(), replace(rows(NUMBER, TRAIN), features=short), None, outside)


def test_batches_cover_the_rows_once_and_begin_again() -> None:
    batches, seen = DeviceBatches(rows(NUMBER, TRAIN)), []

    def taken(**given: Any) -> None:
        seen.append((len(given["data"]), len(given["label"]), len(given["weight"])))

    for _ in range(2):
        batches.reset()
        while batches.next(taken):
            pass
    assert seen == [(300,) * 3, (300,) * 3, (300,) * 3, (300,) * 3, (300,) * 3, (300,) * 3, (200,) * 3] * 2


def test_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert n_cached_bytes(10, 4, None) == n_cached_bytes(10, 4, 256) == 45, "9 bits each"
    monkeypatch.setattr(boosting, "BATCH_BYTES", 100)
    assert (rows_at_once(5), rows_at_once(1000)) == (5, 1)
