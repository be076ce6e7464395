from pathlib import Path

import pytest

from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore.create(tmp_path / "labels", ["cat", "dog", "oak"])


def say(store: LabelStore, example: str, answer: str | None, annotator: str = "ann", number: int | None = 0, **more: object) -> str:
    told = {"example_id": example, "question": CLASS, "answer": answer, "annotator": annotator, "round": number, **more}
    return store.append([told])[0]


def waits(store: LabelStore, annotator: str | None = None) -> list[str]:
    return store.waiting(annotator)["example_id"].to_pylist()


def test_until_answered_and_again_once_withdrawn(store: LabelStore) -> None:
    store.ask({"example_id": ["b", "a"]}, round=0)
    assert waits(store) == waits(store, "ann") == ["b", "a"]
    name = say(store, "b", "cat")
    assert waits(store) == waits(store, "ann") == ["a"]
    say(store, "b", None, replaces=name)
    assert waits(store) == waits(store, "ann") == ["b", "a"]


def test_one_that_is_skipped_waits_for_others(store: LabelStore) -> None:
    store.ask({"example_id": ["a"]}, round=0, annotators=2)
    say(store, "a", None)
    assert (waits(store), waits(store, "ann"), waits(store, "bob")) == (["a"], [], ["a"])
    say(store, "a", None, "bob")
    assert waits(store) == []  # both have said that they cannot tell


def test_several_annotators_and_a_tie(store: LabelStore) -> None:
    store.ask({"example_id": ["a"]}, round=0, annotators=2)
    say(store, "a", "cat")
    assert (waits(store, "ann"), waits(store, "bob")) == ([], ["a"])
    say(store, "a", "dog", "bob")
    assert (waits(store), waits(store, "cid")) == ([], ["a"])  # who is there may break the tie
    say(store, "a", "dog", "cid")
    assert waits(store, "dan") == []


def test_what_other_answers_settle_is_not_asked(store: LabelStore) -> None:
    animal, plant = store.scheme.set_question(["cat", "dog"]), store.scheme.set_question(["oak"])
    store.ask({"example_id": ["a", "a", "a"], "question": [animal, plant, CLASS]}, round=0)
    store.append({"example_id": ["a"], "question": [animal], "answer": ["yes"], "annotator": ["ann"]})
    assert store.waiting()["question"].to_pylist() == [CLASS]


def test_asked_again_in_a_later_round(store: LabelStore) -> None:
    store.ask({"example_id": ["a"]}, round=0, annotators=2)
    say(store, "a", "cat")
    say(store, "a", "dog", "bob")
    store.ask({"example_id": ["a"]}, round=1)
    assert (waits(store), waits(store, "ann")) == (["a"], ["a"])
    say(store, "a", "dog", number=1)  # ann thinks again
    assert (waits(store), store.labels()["label"].to_pylist()) == ([], ["dog"])


def test_an_answer_of_no_round_is_one_to_all(store: LabelStore) -> None:
    store.ask({"example_id": ["a"]}, round=3, annotators=2)
    say(store, "a", "cat", number=None)
    assert waits(store, "ann") == []


def test_spans(tmp_path: Path) -> None:
    store = LabelStore.create(tmp_path / "names", ["PER"], kind="spans")
    store.add_examples({"example_id": ["a", "b"], "words": [["x"], ["y"]]})
    store.ask({"example_id": ["a", "b"]}, round=0)
    store.append({"example_id": ["a"], "question": ['{"kind":"spans"}'], "answer": ["[]"], "annotator": ["ann"]})
    assert waits(store) == ["b"]
