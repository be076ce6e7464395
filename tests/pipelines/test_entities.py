"""The pipeline that learns named entities by rounds, with answers of a simulation."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra deep is not installed")

import gpupipe as gp
from gpupipe.active.stopping import read_rule
from gpupipe.core.ends import Reading
from gpupipe.definition import load_definition
from gpupipe.rounds.arm import Arm, Simulation

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "entities.py"


def test_rounds_by_words(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    data = str(shared_data / "ner/btc_e.conll.gz")
    given = (f"data={data}", "kinds=LOC,ORG,PER", "budget=300", "steps=20", "filters=12")
    made = Simulation(load_definition(str(FILE)), given, tmp_path, "tags", (read_rule("budget=600"),), "cpu", metric="f1")
    course = Arm(made, "mnlp", 0).run()
    assert [point["metric"] is None for point in course["curve"]] == [True, False, False]
    assert course["stopped"].startswith("budget=600: ")

    # A round goes on from the tagger of the one before: of its words more have been learnt from, and the optimiser has made both's steps.
    assert course["fitted"] == "fitted/round-000002"
    first, second = (gp.load(tmp_path / "mnlp-0" / f"fitted/round-{number:06d}") for number in (1, 2))
    steps = [float(one.state[[name.endswith("step") for name in one.state_names].index(True)]) for one in (first, second)]
    assert steps[0] >= 20 and steps[1] >= steps[0] + 20
    assert set(np.flatnonzero(first.learnt)) < set(np.flatnonzero(second.learnt))
    assert first.words["word"].to_list() == second.words["word"].to_list()

    store = gp.LabelStore(tmp_path / "mnlp-0" / "labels")
    truth = gp.ReadConll(data, form="IOB2").batches(Reading(("id", "tags", "n_words"))).read_all().to_pylist()
    tags = {row["id"]: row["tags"] for row in truth}
    told = store.labels().to_pylist()
    assert told and all(row["label"] == tags[row["example_id"]] for row in told)
    words = sum(len(row["label"]) for row in told)
    assert 600 <= words == course["curve"][2]["cost"] < 600 + 2 * max(row["n_words"] for row in truth)
    asked = [set(one.questions["example_id"].to_pylist()) for one in store.rounds()]
    assert len(asked) == 3 and len(set.union(*asked)) == sum(map(len, asked))

    assert Arm(replace(made, folder=tmp_path / "all"), "random", 0).full() is not None
    assert gp.LabelStore(tmp_path / "all" / "random-0" / "labels").labels().num_rows > 100
