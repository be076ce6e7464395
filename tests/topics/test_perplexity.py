"""Perplexity is what can be said in closed form, and prefers the true topics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from gpupipe.core.errors import UsageError
from gpupipe.topics import completion_perplexity, document_topics, split_tokens
from tests.topics.examples import Corpus


def test_even_topics_are_as_hard_as_a_choice_among_all_words(small: Corpus) -> None:
    even = np.full((3, 200), 1 / 200)
    shares = np.full((3000, 3), 1 / 3)
    assert completion_perplexity(small.X, shares, even, np.ones(200)) == pytest.approx(200)


def test_it_is_its_definition(small: Corpus) -> None:
    X, frequencies = small.X[:40], np.asarray(small.X.sum(axis=0))
    predicted = 0.999 * small.shares[:40] @ small.components + 0.001 * (0.99 * frequencies / frequencies.sum() + 0.01 / 200)
    dense = X.toarray()
    expected = np.exp(-(dense * np.log(predicted)).sum() / dense.sum())
    assert completion_perplexity(X, small.shares[:40], small.components, frequencies) == pytest.approx(expected, rel=1e-12)


def test_the_true_topics_are_better_than_blurred_ones(small: Corpus) -> None:
    seen, held = split_tokens(small.X)
    frequencies, values = np.asarray(small.X.sum(axis=0)), []
    for blur in (0.0, 0.3, 0.9):
        topics = (1 - blur) * small.components + blur * small.components.mean(axis=0)
        gamma = document_topics(seen, topics, small.alpha)
        values.append(completion_perplexity(held, gamma / gamma.sum(axis=1, keepdims=True), topics, frequencies))
    assert values == sorted(values)
    assert values[2] > 1.2 * values[0]


def test_a_split_deals_each_word_once_by_its_seed(small: Corpus) -> None:
    seen, held = split_tokens(small.X, 0.3, random_state=1)
    assert (seen + held != small.X).nnz == 0
    assert held.sum() / small.X.sum() == pytest.approx(0.3, abs=0.01)
    assert seen.data.min() >= 1
    again = split_tokens(small.X, 0.3, random_state=1)[1]
    assert (again != held).nnz == 0
    assert (split_tokens(small.X, 0.3, random_state=2)[1] != held).nnz > 0


def test_a_word_that_nobody_has_seen_is_unlikely_but_not_impossible() -> None:
    topics = np.array([[1.0, 0.0]])
    found = completion_perplexity(csr_array(np.array([[0, 1]])), np.ones((1, 1)), topics, np.array([1.0, 0.0]))
    assert found == pytest.approx(1 / (0.001 * 0.01 / 2))


def test_what_cannot_be_told(small: Corpus) -> None:
    with pytest.raises(UsageError, match="must be between 0 and 1, got 1"):
        split_tokens(small.X, 1)
    with pytest.raises(UsageError, match="No word is held back"):
        completion_perplexity(csr_array((3000, 200)), small.shares, small.components, np.ones(200))
    with pytest.raises(UsageError, match=r"Expected shares of 10 documents and 5 topics, got shape \(3000, 5\)"):
        completion_perplexity(small.X[:10], small.shares, small.components, np.ones(200))
