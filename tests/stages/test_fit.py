"""Stages fitted in order: each on what those before it make, as one; those that can share a pass over the rows do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError, WiringError
from gpupipe.engines.polars.engine import CpuEngine
from gpupipe.testing.compare import assert_same_rows

CHANCE = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "id": range(40),
        "x": [None if number % 7 == 0 else float(number % 11) for number in range(40)],
        "z": CHANCE.normal(0, 1, 40),
        "plan": [None if number % 9 == 0 else ["basic", "pro", "max"][number % 3] for number in range(40)],
        "y": CHANCE.integers(0, 2, 40),
    }
)
STAGES = (
    gp.Impute("x", "median"),
    gp.Impute("plan", "most_frequent"),
    gp.WithColumns(w=nw.col("x") * nw.col("z")),
    gp.MinMaxScale(["x", "w"]),
    gp.Standardize("z"),
    gp.OneHot("plan"),
    gp.Standardize(gp.columns("float", but=["x", "w"])),
)


def by_hand(train: gp.Table, *others: gp.Table) -> list[gp.Table]:
    """Return what the stages make, each fitted and applied by itself."""
    tables = [train, *others]
    for stage in STAGES:
        step: Any = stage if isinstance(stage, gp.WithColumns) else stage.fit(tables[0])
        tables = [step(table) for table in tables]
    return tables


def test_as_one_by_one(engine: str) -> None:
    train, test = (gp.FromFrame(frame).node() for frame in (FRAME, FRAME.reverse()[:25]))
    fitted = gp.Fit(train, *STAGES)
    wanted = by_hand(train, test)
    result = gp.Pipeline("p", fitted=fitted, train=fitted(train), test=fitted(test), one=wanted[0], other=wanted[1]).run(engine)
    assert_same_rows(result["train"].to_arrow(), result["one"].to_arrow(), rtol=1e-12, atol=1e-12)
    assert_same_rows(result["test"].to_arrow(), result["other"].to_arrow(), rtol=1e-12, atol=1e-12)
    assert [stage.name for stage in result["fitted"].stages] == [stage.name for stage in gp.Fit(FRAME, *STAGES).stages]


def test_as_scikit_learns_pipelines() -> None:
    numbers = make_pipeline(SimpleImputer(), MinMaxScaler())
    frame = FRAME.with_columns(pl.col("plan").fill_null("none"))
    pandas = frame.to_pandas()
    parts = [("n", numbers, ["x"]), ("s", StandardScaler(), ["z"]), ("c", OneHotEncoder(), ["plan"])]
    theirs = ColumnTransformer(parts).fit_transform(pandas)
    fitted = gp.Fit(frame.select("x", "z", "plan"), gp.Impute("x"), gp.MinMaxScale("x"), gp.Standardize("z"), gp.OneHot("plan"))
    np.testing.assert_allclose(fitted.apply(frame.select("x", "z", "plan")).to_numpy(), theirs, rtol=1e-12, atol=1e-12)


def test_what_does_not_depend_on_one_another_is_measured_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    compute = CpuEngine.compute

    def counted(self: Any, demands: Sequence[Any]) -> list[Any]:
        passes.append(len(demands))
        return compute(self, demands)

    monkeypatch.setattr(CpuEngine, "compute", counted)

    def passes_of(*stages: Any) -> list[int]:
        passes.clear()
        gp.Fit(FRAME, *stages)
        return passes[1:]  # the first holds the rows

    assert passes_of(gp.Impute("x"), gp.Standardize("z"), gp.OneHot("plan")) == [3]
    assert passes_of(gp.Impute("x"), gp.Standardize("x")) == [1, 1]
    assert passes_of(gp.Impute("x"), gp.Standardize("z"), gp.MinMaxScale("x"), gp.OneHot("plan")) == [2, 2]
    assert passes_of(gp.OneHot("plan"), gp.Standardize("z")) == [2]
    assert passes_of(gp.OneHot("plan"), gp.Standardize(gp.columns("number"))) == [1, 1]  # its columns are among those


def test_a_model_at_the_end_is_part_of_it(engine: str, tmp_path: Path) -> None:
    table = gp.FromFrame(FRAME).node()
    learn = gp.Learn(LinearRegression(), target="y", features=["x", "z", "plan_basic", "plan_pro"])
    stages = (gp.Impute("x"), gp.Standardize(["x", "z"]), gp.OneHot("plan"))
    model = gp.Fit(table, *stages, learn)
    result = gp.Pipeline("p", model=model, rows=model.predict(table)).run(engine)
    made = gp.Fit(FRAME, *stages).apply(FRAME).select("x", "z", "plan_basic", "plan_pro").to_numpy()
    theirs = LinearRegression().fit(made, FRAME["y"].to_numpy()).predict(made)
    np.testing.assert_allclose(result["rows"].to_arrow().sort_by("id")["prediction"].to_numpy(), theirs, atol=1e-9)
    loaded = gp.load(gp.save(result["model"], tmp_path / "model"))
    np.testing.assert_allclose(loaded.predict(FRAME), theirs, atol=1e-9)


def test_probabilities_of_a_model_at_the_end() -> None:
    stages = (gp.Impute("x"), gp.Learn(LogisticRegression(), target="y", features=["x", "z"]))
    table = gp.FromFrame(FRAME).node()
    made = gp.Pipeline("p", out=gp.Fit(table, *stages).predict_proba(table)).run()["out"]
    np.testing.assert_allclose(made["probability"].to_numpy(), gp.Fit(FRAME, *stages).predict_proba(FRAME)[:, 1], atol=1e-12)


def test_training_rows_are_encoded_out_of_fold_also_for_what_comes_after() -> None:
    stages = (gp.Impute("plan", "most_frequent"), gp.TargetEncode("plan", target="y", fold_by="id"), gp.Standardize("plan"))
    table = gp.FromFrame(FRAME).node()
    fitted = gp.Fit(table, *stages)
    result = gp.Pipeline("p", out=fitted(table), other=fitted(gp.Filter(nw.col("id") >= 0)(table))).run()
    assert abs(result["out"]["plan"].mean()) < 1e-12  # it is scaled as those rows are encoded
    encoded = gp.Fit(FRAME, *stages[:2]).on_training().apply(FRAME)
    wanted = gp.Standardize("plan").fit_plain(encoded).apply(encoded)["plan"]
    np.testing.assert_allclose(result["out"]["plan"].to_numpy(), wanted, rtol=1e-12)
    assert result["other"]["plan"].n_unique() == 3
    assert result["out"]["plan"].n_unique() > 3


def test_checkpoints_know_it_again(tmp_path: Path) -> None:
    table = gp.FromFrame(FRAME).node()
    pipeline = gp.Pipeline("p", out=gp.Fit(table, *STAGES)(table))
    first, second = (pipeline.run(checkpoints=tmp_path / "kept") for _ in range(2))
    assert_same_rows(first["out"].to_arrow(), second["out"].to_arrow())


def test_bad_input() -> None:
    table = gp.FromFrame(FRAME).node()
    with pytest.raises(UsageError, match=r"^Fit expects a table, then stages that are fitted, .* got GroupBy\.$"):
        gp.Fit(table, gp.Impute("x"), gp.GroupBy("plan", n=nw.len()))
    with pytest.raises(UsageError, match=r"got a node; wire it by itself\.$"):
        gp.Fit(table, table)
    with pytest.raises(UsageError, match=r"^Fit expects at least one stage to be fitted, got none\."):
        gp.Fit(table, gp.Select("x"))
    with pytest.raises(UsageError, match=r"^Fit expects a learner to be its last stage\."):
        gp.Fit(table, gp.Learn(LogisticRegression(), target="y"), gp.Impute("x"))
    with pytest.raises(WiringError, match=r"^Impute is no model and has no 'predict'"):
        gp.Fit(table, gp.Impute("x")).predict(table)
    with pytest.raises(ColumnError, match=r"^There is no column 'plan'\."):
        gp.Pipeline("p", out=gp.Fit(table, gp.OneHot("plan"), gp.CountEncode("plan"))).check()
