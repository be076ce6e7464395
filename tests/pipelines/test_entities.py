"""The pipeline that learns named entities by rounds, with answers that a simulation gives."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

pytest.importorskip("torch", reason="the extra deep is not installed")

import gpupipe as gp
from gpupipe.active.spans import spans_of_tags
from gpupipe.core.ends import Reading
from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "entities.py"


def test_two_rounds(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    pipeline = load_definition(str(FILE)).function
    data = str(shared_data / "ner/btc_e.conll.gz")
    options: dict[str, Any] = {"store": str(tmp_path / "labels"), "data": data, "kinds": "LOC,ORG,PER"}
    options |= {"budget": 300, "steps": 20, "filters": 12}
    first = pipeline(**options).run("cpu")
    assert first["asked"]["cost"] >= 300 and first["asked"]["waiting"] == first["asked"]["questions"]

    store = gp.LabelStore(options["store"])
    truth = gp.ReadConll(data).batches(Reading(("id", "tags"))).read_all()
    tags = dict(zip(truth["id"].to_pylist(), truth["tags"].to_pylist(), strict=True))
    waiting = store.waiting()
    spans = [json.dumps(spans_of_tags(tags[key])) for key in waiting["example_id"].to_pylist()]
    told = {"example_id": waiting["example_id"], "question": waiting["question"], "answer": spans, "annotator": ["ann"] * len(spans)}
    store.append(pa.table(told))

    second = pipeline(**options).run("cpu")
    assert {"f1", "precision", "recall"} <= set(second["scores"])
    facts = next(stage["facts"] for stage in second.report["stages"] if stage["name"] == "TagSequences")
    assert facts["sentences"] == len(spans) and facts["words"] == first["asked"]["cost"]
    assert second["asked"]["round"] == 1 and not set(store.waiting()["example_id"].to_pylist()) & set(waiting["example_id"].to_pylist())
