from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.active.belief import believe, distinct, live
from gpupipe.active.rows import checked_answers
from gpupipe.active.scheme import CLASS, Scheme

SCHEME = Scheme(("a", "b", "c", "d"))
QUESTIONS = (SCHEME.set_question("ab"), SCHEME.set_question("bc"), SCHEME.set_question("d"))
START = datetime(2024, 1, 1, tzinfo=UTC)

said = st.one_of(
    st.tuples(st.just(CLASS), st.sampled_from("abcd")),
    st.tuples(st.sampled_from(QUESTIONS), st.sampled_from(["yes", "no"])),
)
row = st.tuples(st.sampled_from(["x", "y", "z"]), said, st.sampled_from(["ann", "bob", "cid"]), st.integers(0, 5))


def table(rows: list[Any]) -> pa.Table:
    made = [
        {
            "example_id": example,
            "question": question,
            "answer": answer,
            "annotator": annotator,
            "answered_at": START + timedelta(hours=hour),
        }
        for example, (question, answer), annotator, hour in rows
    ]
    return checked_answers(made, SCHEME, lambda _: None)


def by_hand(rows: list[dict[str, Any]], example: str) -> tuple[set[str], int]:
    """Tell what the module's text says, one answer after the other."""
    votes: dict[str, dict[str, str]] = {}
    possible, n_conflicts = set("abcd"), 0
    for one in rows:
        if one["example_id"] != example:
            continue
        votes.setdefault(one["question"], {})[one["annotator"]] = one["answer"]
        possible = set("abcd")
        for question, given_ in votes.items():
            given_answers = list(given_.values())
            counts = sorted((given_answers.count(answer), answer) for answer in set(given_answers))
            if len(counts) > 1 and counts[-1][0] == counts[-2][0]:
                continue
            winner = counts[-1][1]
            if question == CLASS:
                possible &= {winner}
            else:
                named = {one for one in "abcd" if f'"{one}"' in question.split("]")[0]}
                possible &= named if winner == "yes" else set("abcd") - named
        if not possible:
            votes, possible, n_conflicts = {}, set("abcd"), n_conflicts + 1
    return possible, n_conflicts


@given(st.lists(row, max_size=25), st.randoms(use_true_random=False))
def test_beliefs_are_what_the_rules_say_for_any_order(rows: list[Any], chance: Any) -> None:
    made = table(rows)
    counted = live(made)
    known, listed = believe(counted, SCHEME, pa.array(["x", "y", "z", "never"], pa.large_string()))
    in_order = counted.to_pylist()
    for at, example in enumerate("xyz"):
        possible, n_conflicts = by_hand(in_order, example)
        assert {one for one, is_possible in zip("abcd", known.possible[at], strict=True) if is_possible} == possible
        assert known.conflicts[at] == n_conflicts == sum(found == at for found, _ in listed)
    assert known.states[3] == "nothing"
    mixed = made.take(pa.array(chance.sample(range(len(rows)), len(rows)), pa.int64()))
    assert live(mixed) == counted


@pytest.mark.parametrize("n_copies", [1, 3])
def test_each_answer_once(n_copies: int) -> None:
    made = table([("x", (CLASS, "a"), "ann", 1), ("x", (CLASS, "b"), "bob", 0)])
    assert distinct(pa.concat_tables([made] * n_copies))["answer"].to_pylist() == ["b", "a"]


def test_of_no_answers_nothing_is_known() -> None:
    known, listed = believe(live(table([])), SCHEME, pa.array(["x"], pa.large_string()))
    assert (known.possible.tolist(), known.touched.tolist(), known.labels.tolist(), listed) == ([[True] * 4], [False], [-1], [])


def test_many_answers_about_many_examples() -> None:
    chance = np.random.default_rng(0)
    true = chance.integers(4, size=200)
    rows = []
    for question in QUESTIONS:
        mask = SCHEME.mask(question)
        rows += [(str(at), (question, "yes" if mask[label] else "no"), "ann", 0) for at, label in enumerate(true)]
    known, _ = believe(live(table(rows)), SCHEME, pa.array([str(at) for at in range(200)], pa.large_string()))
    assert known.labels.tolist() == true.tolist()  # three questions tell four classes apart
