"""Calibrate and Threshold: scikit-learn's answers, from counts that merge."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import confusion_matrix

import gpupipe as gp
from gpupipe.core.errors import ColumnError, StageError, UsageError
from gpupipe.testing.laws import check_fit_stage

CHANCE = np.random.default_rng(0)
SCORE = np.round(CHANCE.uniform(size=400), 2)
TRUTH = (CHANCE.uniform(size=400) < SCORE**2).astype(int)
FRAME = pl.DataFrame({"probability": SCORE, "y": TRUTH, "word": np.array(["no", "yes"])[TRUTH]})
OTHERS = np.linspace(-0.2, 1.2, 57)


def fitted(method: Any, target: str = "y") -> Any:
    return gp.Calibrate(target=target, method=method).fit_plain(FRAME)


def made_of(method: Any, target: str = "y") -> list[float]:
    values: list[float] = fitted(method, target).apply(pl.DataFrame({"probability": OTHERS}))["probability"].to_list()
    return values


@pytest.mark.parametrize("target", ["y", "word"])
def test_isotonic_is_scikit_learns(target: str) -> None:
    known = IsotonicRegression(out_of_bounds="clip").fit(SCORE, TRUTH)
    assert made_of("isotonic", target) == pytest.approx(known.predict(OTHERS).tolist(), abs=1e-12)
    assert len(fitted("isotonic").x) == len(known.X_thresholds_)


def test_sigmoid_is_scikit_learns() -> None:
    known = _SigmoidCalibration().fit(SCORE, TRUTH)
    assert made_of("sigmoid") == pytest.approx(known.predict(OTHERS).tolist(), abs=1e-5)


@pytest.mark.parametrize("stage", [gp.Calibrate(target="y"), gp.Calibrate(target="y", method="sigmoid"), gp.Threshold(target="y")])
def test_law(stage: Any) -> None:
    check_fit_stage(stage, FRAME.select("probability", "y").head(50).to_arrow(), rtol=1e-9)


def test_missing_probabilities_stay_so(engine: str) -> None:
    table = gp.FromArrow(pa.table({"probability": [0.5, None], "k": [1, 2]})).node()
    for method in ("isotonic", "sigmoid"):
        calibrated = gp.Calibrate(target="y", method=method).fit(gp.FromFrame(FRAME).node())  # type: ignore[arg-type]
        made = gp.Pipeline("p", made=calibrated(table)).run(engine)["made"].sort("k")
        assert made.columns == ["probability", "k"]
        assert made["probability"].is_null().to_list() == [False, True]


@pytest.mark.parametrize(("positive", "negative"), [(1, 1), (1, 5), (10, 1), (1, 1000), (1000, 1)])
def test_a_threshold_costs_least(positive: float, negative: float) -> None:
    decided = gp.Threshold(target="word", false_positive=positive, false_negative=negative).fit_plain(FRAME)
    costs = {}
    for threshold in [*np.unique(SCORE), np.inf]:
        ((_, wrong_yes), (wrong_no, _)) = confusion_matrix(TRUTH, threshold <= SCORE)
        costs[threshold] = positive * wrong_yes + negative * wrong_no
    assert decided.cost == min(costs.values())
    assert decided.threshold == pytest.approx(max(each for each, cost in costs.items() if cost == decided.cost), rel=1e-9) or (
        costs[np.inf] == decided.cost and decided.threshold > SCORE.max()
    )
    said = decided.apply(FRAME)["prediction"]
    assert (said == "yes").to_list() == (decided.threshold <= SCORE).tolist()


def test_a_threshold_in_a_pipeline(engine: str) -> None:
    rows = gp.FromFrame(FRAME).node()
    decided = gp.Threshold(target="word", false_negative=3).fit(rows)
    accuracy = gp.Evaluate("accuracy", target="word")(decided(rows))
    made = gp.Pipeline("p", decided=decided, accuracy=accuracy).run(engine)
    said = np.where(made["decided"].threshold <= SCORE, "yes", "no")
    assert made["accuracy"]["accuracy"] == pytest.approx((said == FRAME["word"].to_numpy()).mean())


def test_what_is_refused(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="'isotonic' or 'sigmoid', got 'platt'"):
        gp.Calibrate(target="y", method="platt")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="costs above 0"):
        gp.Threshold(target="y", false_positive=0)
    with pytest.raises(StageError, match="needs two classes among the rows, got 1: '0'"):
        gp.Calibrate(target="y").fit_plain(FRAME.filter(pl.col("y") == 0))
    with pytest.raises(StageError, match="missing ones"):
        gp.Threshold(target="y").fit_plain(FRAME.with_columns(y=pl.when(pl.col("y") > 0).then(1)))
    with pytest.raises(ColumnError):
        gp.Calibrate(target="y").fit_plain(FRAME.rename({"probability": "p"}))
    for stage in (fitted("isotonic"), gp.Threshold(target="word").fit_plain(FRAME)):
        assert gp.load(gp.save(stage, tmp_path / "stage")) == stage
