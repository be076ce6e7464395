from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.active.spans import convert_tags, entity_scores, spans_of_tags, tags_of
from gpupipe.core.errors import UsageError


def test_tags_of_what_a_store_keeps() -> None:
    assert tags_of("[]", 2) == ["O", "O"]
    assert tags_of('[[0,1,"A"],[1,3,"A"]]', 3) == ["B-A", "B-A", "I-A"]
    with pytest.raises(UsageError, match="'IOBES', got 'BILOU'"):
        tags_of("[]", 1, "BILOU")  # type: ignore[arg-type]


# The same two entities, side by side and of one type, and a third: as Tjong Kim Sang and Veenstra (1999) tell the forms apart.
BY_HAND = {
    "IOB1": ["I-A", "I-A", "B-A", "O", "I-B"],
    "IOB2": ["B-A", "I-A", "B-A", "O", "B-B"],
    "IOBES": ["B-A", "E-A", "S-A", "O", "S-B"],
}


@pytest.mark.parametrize("given_", list(BY_HAND.values()))
@pytest.mark.parametrize("form", list(BY_HAND))
def test_each_form_becomes_each_other(given_: list[str], form: Any) -> None:
    assert convert_tags(given_, form) == BY_HAND[form]
    assert spans_of_tags(given_) == [[0, 2, "A"], [2, 3, "A"], [4, 5, "B"]]


def test_what_io_cannot_tell_apart_is_one() -> None:
    assert convert_tags(BY_HAND["IOB2"], "IO") == ["I-A", "I-A", "I-A", "O", "I-B"]
    assert spans_of_tags(["I-A", "I-A", "I-A", "O", "I-B"]) == [[0, 3, "A"], [4, 5, "B"]]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.sampled_from("AB"))), st.sampled_from(["IOB1", "IOB2", "IOBES"]))
def test_spans_come_back(parts: list[tuple[int, int, str]], form: Any) -> None:
    spans, at = [], 0
    for length, gap, kind in parts:
        spans.append([at + gap, at + gap + length, kind])
        at += gap + length
    assert spans_of_tags(tags_of(spans, at + 1, form)) == spans


# What seqeval 1.2.2 makes of tags, legal or not: `get_entities(tags)`, with the last word inclusive there.
SEQEVAL = [
    (["I-A", "B-A", "E-A", "I-A"], [[0, 1, "A"], [1, 3, "A"], [3, 4, "A"]]),
    (["E-A", "E-A", "S-A", "I-A"], [[0, 1, "A"], [1, 2, "A"], [2, 3, "A"], [3, 4, "A"]]),
    (["B-A", "I-B", "E-B", "O", "E-A"], [[0, 1, "A"], [1, 3, "B"], [4, 5, "A"]]),
    (["B-A", "S-A", "E-A", "B-B", "B-B"], [[0, 1, "A"], [1, 2, "A"], [2, 3, "A"], [3, 4, "B"], [4, 5, "B"]]),
]


@pytest.mark.parametrize(("tags", "spans"), SEQEVAL)
def test_illegal_tags_are_read_as_seqeval_does(tags: list[str], spans: list[list[Any]]) -> None:
    assert spans_of_tags(tags) == spans


def test_scores_by_hand() -> None:
    truth = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"], ["O"]]
    made = entity_scores(truth, [["B-PER", "I-PER", "O", "B-ORG"], ["O", "B-ORG"], ["S-MISC"]])
    assert (made["n_true"], made["n_predicted"], made["n_right"]) == (3, 4, 1)
    assert (made["precision"], made["recall"], made["f1"]) == (0.25, 1 / 3, 2 / 7)
    assert {kind: one["f1"] for kind, one in made["by_type"].items()} == {"LOC": 0.0, "MISC": 0.0, "ORG": 0.0, "PER": 1.0}
    assert entity_scores([["O"]], [["O"]])["f1"] == 0.0
    with pytest.raises(UsageError, match="got 1 for 2 words in sentence 0"):
        entity_scores([["O", "O"]], [["O"]])
    with pytest.raises(UsageError, match="got 'PER'"):
        entity_scores([["PER"]], [["O"]])
