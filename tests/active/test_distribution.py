from pathlib import Path

import numpy as np
import pytest

from gpupipe.active.consensus import dawid_skene
from gpupipe.active.distribution import label_distribution
from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import UsageError


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    made = LabelStore.create(tmp_path / "labels", ["cat", "dog", "oak"])
    made.ask({"example_id": ["b", "a", "c"]}, round=0, annotators=3)
    return made


def vote(store: LabelStore, example: str, said: list[str]) -> None:
    store.append([{"example_id": example, "question": CLASS, "answer": one, "annotator": f"p{at}"} for at, one in enumerate(said)])


def test_shares_without_what_other_answers_exclude(store: LabelStore) -> None:
    vote(store, "b", ["cat", "cat", "dog", "oak"])
    vote(store, "a", ["oak", "oak"])
    question = store.scheme.set_question(["cat", "dog"])
    store.append({"example_id": ["b", "a"], "question": [question] * 2, "answer": ["yes", "yes"], "annotator": ["p9", "p9"]})
    ids, made = label_distribution(store, "shares")
    assert ids.to_pylist() == ["a", "b"]
    np.testing.assert_allclose(made, [[0, 0, 1], [2 / 3, 1 / 3, 0]])  # of a, nothing would be left: its votes alone count


def test_by_the_model(store: LabelStore) -> None:
    vote(store, "a", ["cat", "cat", "dog"])
    vote(store, "b", ["dog", "dog", "dog"])
    vote(store, "c", ["cat", "cat", "cat"])
    model = dawid_skene([0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2] * 3, [0, 0, 1, 1, 1, 1, 0, 0, 0], 3, 3, 3)
    np.testing.assert_allclose(label_distribution(store)[1], model.posterior)


def test_refused(store: LabelStore) -> None:
    with pytest.raises(UsageError, match="got none. Ask which class"):
        label_distribution(store)
    with pytest.raises(UsageError, match="'shares', got 'most'"):
        label_distribution(store, "most")  # type: ignore[arg-type]
