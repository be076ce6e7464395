from pathlib import Path
from typing import Any

import pytest

from gpupipe.active.page.desk import Desk, keys_of
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import UsageError

PNG = b"\x89PNG\r\n\x1a\n..."


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    store = LabelStore.create(tmp_path / "labels", ["cat", "dog", "oak"])
    store.add_examples(
        {"example_id": list("abc"), "text": ["meow", "woof", None], "image": [None, PNG, b"?"], "row": [None, None, {"x": 0.1}]}
    )
    store.ask({"example_id": list("abc"), "guess": ["cat", None, None], "cost": [1, 2, 3]}, round=0, budget=10, model="m1")
    return Desk(store, "ann")


def named(desk: Desk) -> dict[str, str]:
    questions = desk.store.questions()
    return dict(zip(questions["example_id"].to_pylist(), questions["question_id"].to_pylist(), strict=True))


def answer(desk: Desk, example: str, said: Any, second: int = 0, **more: Any) -> dict[str, Any]:
    at = f"2024-01-01T00:00:{second:02}.500Z"
    return {"key": f"k{second}", "question_id": named(desk)[example], "annotator": "ann", "answer": said, "answered_at": at, **more}


def test_questions_with_what_is_shown_and_without_the_guess(desk: Desk) -> None:
    told = desk.questions("ann", "tab", 5)
    assert [one["example"] for one in told["questions"]] == [
        {"text": "meow"}, {"text": "woof", "image": "data:image/png;base64,iVBORw0KGgouLi4="}, {"image": None, "row": [["x", "0.1"]]}
    ]  # fmt: skip
    assert [one["has_guess"] for one in told["questions"]] == [True, False, False]
    assert "cat" not in str(told)
    assert desk.guess(named(desk)["a"]) == "cat"
    assert desk.guess("nothing") is None
    assert told["progress"] == {"round": 0, "done": 0, "of": 3, "spent": 0.0, "budget": 10}


def test_answers_are_kept_with_what_is_known_of_the_question(desk: Desk) -> None:
    assert [one["status"] for one in desk.take([answer(desk, "a", "dog", seconds=2.5)])] == ["kept"]
    [row] = desk.store.answers().to_pylist()
    assert (row["answer"], row["round"], row["model"], row["seconds"], row["annotator"]) == ("dog", 0, "m1", 2.5, "ann")
    assert row["asked_at"] is not None
    assert [one["example_id"] for one in desk.questions("ann", "tab", 5)["questions"]] == ["b", "c"]
    assert desk.progress("ann") == {"round": 0, "done": 1, "of": 3, "spent": 1.0, "budget": 10}


def test_the_same_answer_again_is_one_and_another_of_another_tab_is_none(desk: Desk) -> None:
    for _ in range(3):
        assert desk.take([answer(desk, "a", "dog")])[0]["status"] == "kept"
    assert desk.take([answer(desk, "a", "cat", 1)]) == [{"key": "k1", "status": "elsewhere"}]
    assert desk.take([{**answer(desk, "a", "cat", 1), "annotator": "bob"}])[0]["status"] == "kept"
    assert desk.store.answers().num_rows == 2


def test_what_is_taken_back_is_asked_again(desk: Desk) -> None:
    undone = {**answer(desk, "a", "dog"), "undone_at": "2024-01-01T00:00:30Z"}
    desk.take([answer(desk, "a", "dog")])
    for _ in range(2):
        assert desk.take([undone])[0]["status"] == "kept"
    assert desk.store.answers()["answer"].to_pylist() == ["dog", None]
    assert "a" in [one["example_id"] for one in desk.questions("ann", "tab", 5)["questions"]]
    assert desk.take([answer(desk, "a", "cat", 40)])[0]["status"] == "kept"
    assert desk.store.labels()["label"].to_pylist() == ["cat"]
    desk.take([undone])  # it was late
    assert desk.store.labels()["label"].to_pylist() == ["cat"]


def test_what_was_taken_back_before_it_was_sent(desk: Desk) -> None:
    desk.take([{**answer(desk, "a", None), "undone_at": "2024-01-01T00:00:30Z"}, answer(desk, "a", "oak", 50)])
    assert desk.store.labels()["label"].to_pylist() == ["oak"]


def test_skipped_is_not_asked_again(desk: Desk) -> None:
    assert desk.take([answer(desk, "a", None)])[0]["status"] == "kept"
    assert [one["example_id"] for one in desk.questions("ann", "tab", 5)["questions"]] == ["b", "c"]
    assert desk.take([answer(desk, "a", "cat", 3)])[0]["status"] == "elsewhere"


def test_two_tabs_begin_at_different_questions(desk: Desk) -> None:
    first = [one["example_id"] for one in desk.questions("ann", "one", 1)["questions"]]
    second = [one["example_id"] for one in desk.questions("ann", "two", 3)["questions"]]
    assert (first, second) == (["a"], ["b", "c", "a"])
    assert [one["example_id"] for one in desk.questions("bob", "three", 1)["questions"]] == ["a"]
    assert [one["example_id"] for one in desk.questions("ann", "one", 2, [named(desk)["a"]])["questions"]] == ["b", "c"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answer": "cow"}, "among the classes"),
        ({"question_id": "?"}, "of this store"),
        ({"answered_at": None}, "the moment of the answer"),
        ({"annotator": " "}, "name of an annotator"),
        ({"seconds": "long"}, "seconds"),
        ({"undone_at": "never"}, "moment"),
    ],
)
def test_a_broken_answer_is_refused_and_the_others_are_kept(desk: Desk, change: dict[str, Any], reason: str) -> None:
    told = desk.take([{**answer(desk, "a", "cat", 1), **change}, answer(desk, "b", "dog", 2)])
    assert [one["status"] for one in told] == ["refused", "kept"]
    assert reason in told[0]["reason"]


def test_somebody_has_a_name(desk: Desk) -> None:
    with pytest.raises(UsageError, match="name of an annotator"):
        desk.questions("", "tab", 5)


def test_keys() -> None:
    assert keys_of(["a", "A"]) == ["1", "2"]
    assert keys_of(["x", "y"]) == ["x", "y"]
    assert keys_of([str(one) for one in range(40)])[34:37] == ["z", None, None]
