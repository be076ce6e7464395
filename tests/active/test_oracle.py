"""The oracle of a simulation."""

from __future__ import annotations

import pyarrow as pa
import pytest

from gpupipe.active.oracle import ColumnOracle
from gpupipe.active.scheme import CLASS, SPANS, Scheme
from gpupipe.core.errors import StageError, UsageError

SCHEME = Scheme(("ant", "cat", "dog"))
TRUTH = {f"e{number}": ("ant", "cat", "dog")[number % 3] for number in range(3000)}


def asked(question: str) -> pa.Table:
    keys = list(TRUTH)
    return pa.table({"example_id": keys, "question": [question] * len(keys), "cost": [2.0] * len(keys), "round": [4] * len(keys)})


def test_answers_are_the_column() -> None:
    assert ColumnOracle(TRUTH, SCHEME)(asked(CLASS))["answer"].to_pylist() == list(TRUTH.values())
    told = ColumnOracle(TRUTH, SCHEME, seconds=1.5)(asked(SCHEME.set_question(["cat", "dog"], "mammal")))
    assert told["answer"].to_pylist() == ["no" if label == "ant" else "yes" for label in TRUTH.values()]
    assert set(told["seconds"].to_pylist()) == {3.0} and set(told["round"].to_pylist()) == {4}


@pytest.mark.parametrize("question", [CLASS, SCHEME.set_question(["cat"])])
def test_a_share_is_wrong_and_always_the_same(question: str) -> None:
    right = ColumnOracle(TRUTH, SCHEME)(asked(question))["answer"].to_pylist()
    made = ColumnOracle(TRUTH, SCHEME, 0.1)(asked(question))
    wrong = [one != other for one, other in zip(made["answer"].to_pylist(), right, strict=True)]
    assert 0.08 < sum(wrong) / 3000 < 0.12
    turned = asked(question).take(pa.array(range(2999, -1, -1)))
    assert ColumnOracle(TRUTH, SCHEME, 0.1)(turned)["answer"].to_pylist() == made["answer"].to_pylist()[::-1]
    assert set(made["answer"].to_pylist()) <= ({"ant", "cat", "dog"} if question == CLASS else {"yes", "no"})


def test_spans_are_those_of_the_tags() -> None:
    scheme = Scheme(("LOC", "PER"), "spans")
    questions = pa.table({"example_id": ["a", "b"], "question": [SPANS] * 2, "cost": [3.0, 1.0], "round": [0, 0]})
    told = ColumnOracle({"a": ["B-PER", "E-PER", "O"], "b": ["I-LOC"]}, scheme)(questions)["answer"].to_pylist()
    assert [scheme.answer(SPANS, one, 3) for one in told] == ['[[0,2,"PER"]]', '[[0,1,"LOC"]]']
    with pytest.raises(StageError, match="a list of tags, as gp.ReadConll gives it, got 'PER'"):
        ColumnOracle({"a": "PER", "b": "LOC"}, scheme)(questions)


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(UsageError, match="error rate in"):
        ColumnOracle({}, SCHEME, 1.0)
    with pytest.raises(UsageError, match="about spans"):
        ColumnOracle({}, Scheme(("PER",), "spans"), 0.1)
    with pytest.raises(StageError, match="none for 'e0', 'e1'"):
        ColumnOracle({}, SCHEME)(asked(CLASS))
