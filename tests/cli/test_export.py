"""``gpupipe export``: a saved model as an ONNX file, checked on rows of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import polars as pl
from xgboost import XGBClassifier

import gpupipe as gp

ROWS = pl.DataFrame({"a": [float(i % 7) for i in range(60)], "b": [i / 9 for i in range(60)], "y": ["no", "yes"] * 30})


def test_the_command_writes_what_it_has_checked(in_process: Callable[..., Any], tmp_path: Path) -> None:
    model = gp.Learn(XGBClassifier(n_estimators=5), target="y", features=["a", "b"]).fit_plain(ROWS)
    gp.save(model, tmp_path / "model")
    ROWS.write_csv(tmp_path / "rows.csv")
    ended = in_process("export", "model", "rows.csv", "model.onnx", "--json")
    assert (ended.code, json.loads(ended.out)["outputs"]) == (0, ["prediction", "probability"])
    runtime = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    answers = runtime.run(["prediction"], {name: ROWS[name].to_numpy() for name in ("a", "b")})
    assert answers[0].tolist() == model.predict(ROWS).tolist()
    again = in_process("export", "model", "rows.csv", "model.onnx")
    assert again.code == 1
    assert "exists already" in again.err
    ROWS.drop("a").write_csv(tmp_path / "other.csv")
    wrong = in_process("export", "model", "other.csv", "model.onnx", "--overwrite")
    assert wrong.code == 2
    assert "There is no column 'a'" in wrong.err
