"""What rounds ask of a pipeline."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.definition import load_definition
from gpupipe.rounds.parts import asking_node, metric_of, predictions_of, require_parameters, truth_of


def test_the_truth_is_that_of_the_pool(tmp_path: Path) -> None:
    store = gp.LabelStore.create(tmp_path / "store", ["x", "y"])
    rows = pl.DataFrame({"id": ["a", "b", "c", "d"], "truth": ["x", "y", "x", "y"], "score": [1.0, 2.0, 3.0, 4.0]})
    table = gp.FromFrame(rows).node()
    train, test = gp.Split(by="id", fractions=(0.5, 0.5))(table)
    chosen = gp.Choose(1)(gp.Drop(["truth"])(train), gp.ReadLabels(tmp_path / "store").node(), test)
    pipeline = gp.Pipeline("p", asked=gp.AskQuestions(tmp_path / "store")(chosen))
    kept = gp.Pipeline("s", made=train).run("cpu")["made"]
    assert truth_of(pipeline, "truth", "cpu") == dict(zip(kept["id"].to_list(), kept["truth"].to_list(), strict=True))
    assert not store.rounds()  # to look is not to ask


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    table = gp.FromFrame(pl.DataFrame({"id": ["a"]})).node()
    with pytest.raises(UsageError, match="one output of pipeline 'p' that asks"):
        asking_node(gp.Pipeline("p", made=table))
    (tmp_path / "flow.py").write_text("def pipeline(store: str, seed: int = 0): ...")
    with pytest.raises(UsageError, match=r"there is no 'strategy'\. They say where its labels are kept"):
        require_parameters(load_definition(str(tmp_path / "flow.py")))
    sample = gp.Pipeline("p", made=table).run("cpu")["made"]
    with pytest.raises(UsageError, match="a key and 'prediction', got 'id'"):
        predictions_of({"sample": sample})
    with pytest.raises(UsageError, match="Did you mean 'accuracy'"):
        metric_of({"scores": {"accuracy": 1.0}}, "acuracy")
    assert predictions_of({}) is None and metric_of({"asked": {"waiting": 1}}, None) is None
