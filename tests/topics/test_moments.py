"""Moments are those of ordered tuples of a document's words, by enumeration, and of parts as of the whole."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from gpupipe.core.errors import UsageError
from gpupipe.topics import TopicMoments, TopicSketch, find_basis, start_basis
from gpupipe.topics.recover import Whitening
from tests.topics.examples import Array, Corpus

N_WORDS = 7


def documents(n: int, seed: int = 0) -> list[Array]:
    """Return documents of 3 to 8 words as lists of words."""
    chance = np.random.default_rng(seed)
    return [chance.integers(0, N_WORDS, chance.integers(3, 9)) for _ in range(n)]


def counts_of(texts: list[Array]) -> Any:
    return csr_array(np.stack([np.bincount(text, minlength=N_WORDS) for text in texts]))


def enumerated(texts: list[Array], order: int) -> Array:
    """Return the mean over documents of the mean over ordered tuples of different places of e_w1 x ... x e_wn."""
    total = np.zeros((N_WORDS,) * order)
    for text in texts:
        tuples = list(permutations(text, order))
        for one in tuples:
            total[one] += 1 / len(tuples)
    return total / len(texts)


@pytest.mark.parametrize("texts", [[np.array([0, 0, 0, 2, 2, 5, 6])], documents(30)], ids=["one of 7 words", "30"])
def test_they_are_the_means_over_ordered_tuples(texts: list[Array]) -> None:
    turned = Whitening(TopicMoments.of(counts_of(texts), basis := start_basis(N_WORDS, 5)), 1)
    first, second, third = (enumerated(texts, order) for order in (1, 2, 3))
    assert np.allclose(turned.mean, basis.T @ first, atol=1e-14)
    assert np.allclose(turned.pairs, basis.T @ second @ basis, atol=1e-14)
    assert np.allclose(turned.triples, np.einsum("abc,ai,bj,ck->ijk", third, basis, basis, basis), atol=1e-14)


def test_a_sketch_is_the_matrix_of_pairs_times_the_basis() -> None:
    texts, basis = documents(30), start_basis(N_WORDS, 3)
    sketch = TopicSketch.of(counts_of(texts), basis)
    assert np.allclose(sketch.product / 30, enumerated(texts, 2) @ basis, atol=1e-15)
    assert np.allclose(sketch.next_basis().T @ sketch.next_basis(), np.eye(3), atol=1e-14)


def test_documents_of_fewer_than_3_words_do_not_count() -> None:
    texts, short = documents(30), np.zeros((3, N_WORDS), int)
    short[0, 2], short[1, :2] = 2, 1
    whole = csr_array(np.concatenate([short, counts_of(texts).toarray()]))
    basis = start_basis(N_WORDS, 4)
    found, expected = TopicMoments.of(whole, basis), TopicMoments.of(counts_of(texts), basis)
    assert found.n_documents == 30
    assert found.n_tokens == sum(map(len, texts))
    for name in ("words", "pairs", "triples", "mixed"):
        assert np.allclose(getattr(found, name), getattr(expected, name), atol=1e-14), name
    assert found.trace == pytest.approx(expected.trace, rel=1e-13)


def test_longer_ones_can_be_asked_for() -> None:
    texts = documents(40)
    long = [text for text in texts if len(text) >= 6]
    basis = start_basis(N_WORDS, 4)
    found, expected = TopicMoments.of(counts_of(texts), basis, min_length=6), TopicMoments.of(counts_of(long), basis)
    assert found.n_documents == len(long) > 5
    assert np.allclose(found.triples, expected.triples, atol=1e-14)


def test_the_trace_is_that_of_pairs_and_what_is_outside_the_rest() -> None:
    texts = documents(50)
    second = enumerated(texts, 2)
    for width in (N_WORDS, 3):
        basis = start_basis(N_WORDS, width)
        sums = TopicMoments.of(counts_of(texts), basis)
        assert sums.trace / 50 == pytest.approx(np.trace(second), rel=1e-12)
        assert sums.outside() == pytest.approx(1 - np.trace(basis.T @ second @ basis) / np.trace(second), abs=1e-12)


@pytest.mark.parametrize("cuts", [[1500], [1, 2, 3], list(range(100, 3000, 100)), [2999]])
def test_any_sharding_gives_the_same_sums_and_basis(small: Corpus, cuts: list[int]) -> None:
    bounds = [0, *cuts, 3000]
    parts = [small.X[start:stop] for start, stop in pairwise(bounds)]
    basis, cut_basis = find_basis([small.X], 15), find_basis(parts, 15)
    assert np.abs(basis - cut_basis).max() < 1e-11
    whole = TopicMoments.of(small.X, basis)
    merged = reduce(TopicMoments.merge, (TopicMoments.of(part, basis) for part in parts))
    assert merged.n_documents == whole.n_documents
    for name in ("words", "pairs", "triples", "mixed"):
        assert np.allclose(getattr(merged, name), getattr(whole, name), rtol=1e-11, atol=1e-11), name


def test_a_part_without_long_documents_adds_nothing(small: Corpus) -> None:
    basis, short = start_basis(200, 4), csr_array((3, 200))
    sums = TopicMoments.of(small.X, basis)
    merged = sums.merge(TopicMoments.of(short, basis))
    assert merged.n_documents == sums.n_documents
    assert np.array_equal(merged.triples, sums.triples)


def test_the_basis_holds_the_topics(small: Corpus) -> None:
    basis = find_basis([small.X], 15)
    left = small.components - (small.components @ basis) @ basis.T
    assert np.linalg.norm(left) / np.linalg.norm(small.components) < 0.1
    assert abs(TopicMoments.of(small.X, basis).outside()) < 0.05


def test_the_input_is_left_alone(small: Corpus) -> None:
    X = small.X.copy()
    TopicMoments.of(X, find_basis([X], 10))
    assert (X != small.X).nnz == 0


def test_what_cannot_be_measured() -> None:
    X = counts_of(documents(5))
    with pytest.raises(UsageError, match="with 7 words it has 1 to 7"):
        find_basis([X], 8)
    with pytest.raises(UsageError, match="No document is long enough"):
        find_basis([csr_array(np.eye(7, dtype=int))], 2)
    with pytest.raises(UsageError, match="Only sums in one basis merge"):
        TopicMoments.of(X, start_basis(7, 3)).merge(TopicMoments.of(X, start_basis(7, 3, random_state=1)))
    with pytest.raises(UsageError, match="Only sums in one basis merge"):
        TopicSketch.of(X, start_basis(7, 3)).merge(TopicSketch.of(X, start_basis(7, 2)))
    with pytest.raises(UsageError, match="min_length must be a whole number from 3 on, got 2"):
        TopicMoments.of(X, start_basis(7, 3), min_length=2)
    with pytest.raises(UsageError, match="Expected counts of 6 words, got 7"):
        TopicMoments.of(X, start_basis(6, 3))
