"""The words that a topic is told by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpupipe.core.errors import UsageError
from gpupipe.topics import top_words, topic_words

COMPONENTS = np.array([[0.1, 0.4, 0.1, 0.4], [0.7, 0.1, 0.2, 0.0]])


def test_the_likeliest_come_first_and_equal_ones_in_order() -> None:
    assert top_words(COMPONENTS, 3).tolist() == [[1, 3, 0], [0, 2, 1]]


def test_by_name() -> None:
    assert topic_words(COMPONENTS, ["a", "b", "c", "d"], 2) == [["b", "d"], ["a", "c"]]
    assert topic_words(COMPONENTS, np.array(["a", "b", "c", "d"], dtype=object), 1) == [["b"], ["a"]]  # type: ignore[arg-type]


@pytest.mark.parametrize("n_words", [0, 5, 2.0, True])
def test_numbers_of_words_that_cannot_be(n_words: Any) -> None:
    with pytest.raises(UsageError, match="Expected a number of words from 1 to 4, got"):
        top_words(COMPONENTS, n_words)


def test_another_vocabulary() -> None:
    with pytest.raises(UsageError, match="Expected a vocabulary of the topics' 4 words, got 2"):
        topic_words(COMPONENTS, ["a", "b"])
