import numpy as np
import polars as pl
import pytest

from gpupipe.active.scheme import CLASS, SPANS, Scheme
from gpupipe.core.errors import UsageError


@pytest.mark.parametrize("classes", [(), ("a", "a"), ("a", ""), ("a", 1), (1, True), (None,), ("a", " ")])
def test_classes_that_are_none(classes: tuple[object, ...]) -> None:
    with pytest.raises(UsageError, match="Expected classes that are all texts or all whole numbers, each once"):
        Scheme(classes)  # type: ignore[arg-type]


def test_spans_have_types_with_names() -> None:
    with pytest.raises(UsageError, match="Name them"):
        Scheme((1, 2), "spans")
    with pytest.raises(UsageError, match="kind 'class' or 'spans'"):
        Scheme(("a", "b"), "boxes")  # type: ignore[arg-type]


def test_one_question_has_one_text() -> None:
    scheme = Scheme(("a", "b", "c"))
    one = scheme.question('{ "name": "x", "kind": "set", "classes": ["c", "a", "c"] }')
    assert one == scheme.question({"kind": "set", "classes": ["a", "c"], "name": "x"}) == '{"classes":["a","c"],"kind":"set","name":"x"}'
    assert scheme.mask(one).tolist() == [True, False, True]
    assert scheme.question({"kind": "class"}) == CLASS
    assert Scheme(("a",), "spans").question({"kind": "spans"}) == SPANS
    assert Scheme((3, 5)).set_question([5]) == '{"classes":[5],"kind":"set"}'


@pytest.mark.parametrize(
    "question",
    ["", "no", "[1]", SPANS, '{"kind":"set"}', '{"kind":"set","classes":["a","b"]}', '{"kind":"set","classes":["a"],"name":""}', 7],
)
def test_questions_that_are_none(question: object) -> None:
    with pytest.raises(UsageError, match="Expected"):
        Scheme(("a", "b")).question(question)  # type: ignore[arg-type]


def test_answers_as_they_are_kept() -> None:
    numbers = Scheme((3, 5))
    assert [numbers.answer(CLASS, one) for one in (3, "3", np.int64(5), None)] == ["3", "3", "5", None]
    for wrong in (True, 4, "3.0"):
        with pytest.raises(UsageError, match="among the classes '3', '5'"):
            numbers.answer(CLASS, wrong)


def test_keys_of_any_kind_of_column() -> None:
    scheme = Scheme(("a", "b"), key="integer")
    for column in ([1, 2], np.array([1, 2], dtype=np.int32), pl.Series([1, 2])):
        assert scheme.ids(column).to_pylist() == [1, 2]
    for wrong in (["1"], [1.5], [True]):
        with pytest.raises(UsageError, match="keys of examples of kind integer"):
            scheme.ids(wrong)
    with pytest.raises(UsageError, match="missing or empty"):
        scheme.ids([1, None])
