"""The pipeline of intents: a round asks, answers come, the next one learns from them and asks about sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gpupipe as gp
from gpupipe.active.stopping import read_rule
from gpupipe.definition import load_definition
from gpupipe.rounds.arm import Arm, Simulation

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "intents.py"


@pytest.fixture(scope="module")
def arm(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Arm:
    """Return an arm on a tenth of the texts, which has stopped."""
    folder = tmp_path_factory.mktemp("intents")
    given = (f"data={shared_data / 'text/clinc150'}", "n_texts=1000", "n_features=32", "first=300", "budget=200")
    made = Arm(Simulation(load_definition(str(FILE)), given, folder, "intent", (read_rule("rounds=2"),), "cpu"), "ALPF-EIG", 0)
    assert made.run()["stopped"] == "rounds=2: 2 were answered"
    return made


def test_it_learns_and_asks_about_sets(arm: Arm) -> None:
    store = gp.LabelStore(arm.folder / "labels")
    questions = [json.loads(text) for text in store.questions()["question"].to_pylist()]
    assert [one["kind"] for one in questions[:300]] == ["class"] * 300
    assert {one["kind"] for one in questions[300:]} == {"set"} and len(questions) == 700
    assert any(len(one["classes"]) > 1 for one in questions[300:])
    metrics = [point["metric"] for point in arm._course()["curve"]]
    assert metrics[0] is None and min(metrics[1:]) > 0.1  # of 150 intents, by chance 0.007
    assert store.held_out() and not {*store.held_out().to_pylist()} & {*store.questions()["example_id"].to_pylist()}


def test_it_says_what_it_is() -> None:
    assert len(FILE.read_text().splitlines()) < 120
