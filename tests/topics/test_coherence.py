"""NPMI is its definition over all pairs, in one pass over parts."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import csr_array

from gpupipe.core.errors import UsageError
from gpupipe.topics import WordPairs, coherence, top_words
from tests.topics.examples import Corpus


def test_it_is_its_definition(small: Corpus) -> None:
    there = small.X.toarray() > 0
    found = coherence(small.X, small.components, 8)
    for topic, row in enumerate(small.components):
        values = []
        for one, other in combinations(np.argsort(-row)[:8], 2):
            both = (there[:, one] & there[:, other]).mean()
            chance = there[:, one].mean() * there[:, other].mean()
            values.append(np.log(both / chance) / -np.log(both) if both else -1.0)
        assert found[topic] == pytest.approx(np.mean(values), abs=1e-12)


def test_parts_merge(small: Corpus) -> None:
    words = top_words(small.components, 5)
    whole = WordPairs.of(small.X, words)
    merged = WordPairs.of(small.X[:700], words).merge(WordPairs.of(small.X[700:], words))
    assert np.array_equal(merged.npmi(), whole.npmi())
    with pytest.raises(UsageError, match="Only counts of the same words merge"):
        whole.merge(WordPairs.of(small.X, words[:, ::-1]))


def test_the_ends_of_the_scale() -> None:
    X = csr_array(np.array([[1, 1, 0, 1, 0], [1, 1, 0, 1, 0], [0, 0, 1, 1, 0], [0, 0, 2, 1, 0]]))
    pairs = WordPairs.of(X, np.array([[0, 1], [0, 2], [0, 3], [3, 3], [0, 4], [4, 4]]))
    assert pairs.npmi().tolist() == [1.0, -1.0, 0.0, 0.0, -1.0, -1.0]


def test_one_word_has_no_coherence(small: Corpus) -> None:
    with pytest.raises(UsageError, match="n_words of 2 or more, got 1"):
        coherence(small.X, small.components, 1)
