"""The pipeline of digits, with somebody at the page who knows them, and one who does not answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import gpupipe as gp
from gpupipe.active.scheme import CLASS
from gpupipe.definition import load_definition

FIRST = 68  # the smallest key that is drawn at first, on every engine
FILE = Path(__file__).resolve().parents[2] / "pipelines" / "label_digits.py"


@pytest.fixture(scope="module")
def digits() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def answer(digits: ModuleType, store: gp.LabelStore) -> None:
    """Answer what waits, rightly."""
    pool = digits.digits()[0]
    true = dict(zip(pool["id"].to_pylist(), pool["digit"].to_pylist(), strict=True))
    waiting = store.waiting().to_pylist()
    store.append(
        [
            {
                "example_id": one["example_id"],
                "question": CLASS,
                "answer": true[one["example_id"]],
                "annotator": "ann",
                "round": one["round"],
            }
            for one in waiting
        ]
    )


def test_the_first_round_asks_at_random_and_waits_for_answers(digits: ModuleType, tmp_path: Path, engine: str) -> None:
    place = str(tmp_path / "labels")
    first = digits.pipeline(place).run(engine)["asked"]
    assert first == {"round": 0, "questions": 20, "waiting": 20, "cost": 20.0}
    assert digits.pipeline(place).run(engine)["asked"] == first  # nobody has answered: nothing more is asked
    assert min(gp.LabelStore(place).questions()["example_id"].to_pylist()) == FIRST


def test_the_next_rounds_learn_from_answers(digits: ModuleType, tmp_path: Path) -> None:
    place = str(tmp_path / "labels")
    digits.pipeline(place).run("cpu")
    store = gp.LabelStore(place)
    answer(digits, store)
    second = digits.pipeline(place).run("cpu")
    assert second["asked"] == {"round": 1, "questions": 20, "waiting": 20, "cost": 20.0}
    answer(digits, store)
    third = digits.pipeline(place).run("cpu")
    assert third["scores"]["accuracy"] > max(0.7, second["scores"]["accuracy"])
    asked = store.questions()
    assert asked["guess"].null_count == 20  # the first ones, of which no model knew anything
    keys = asked["example_id"].to_pylist()
    assert len(set(keys)) == len(keys) == 60
    assert not set(keys) & set(store.held_out().to_pylist())
    assert store.examples()["image"].to_pylist()[0].startswith(b"\x89PNG")
