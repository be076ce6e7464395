"""Topics come back from exact moments to rounding, and the concentration from where it meets what was assumed."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy.sparse import csr_array

from gpupipe.core.errors import StageError, UsageError
from gpupipe.topics import FoundTopics, TopicMoments, find_basis, found_topics, start_basis
from gpupipe.topics.power import power_method
from gpupipe.topics.recover import Whitened, Whitening, topics_of
from tests.topics.examples import Array, drawn, total_variation

ALPHA = np.array([0.5, 0.3, 0.15, 0.05])
N_WORDS = 7


def dirichlet_moments(alpha: Array) -> tuple[Array, Array, Array]:
    """Return E[t], E[t t'] and E[t t' t''] of Dirichlet shares, from the formula of its mixed moments."""
    total, size = alpha.sum(), len(alpha)
    second, third = np.zeros((size,) * 2), np.zeros((size,) * 3)
    for i in range(size):
        for j in range(size):
            second[i, j] = alpha[i] * (alpha[j] + (i == j)) / (total * (total + 1))
            for k in range(size):
                third[i, j, k] = second[i, j] * (alpha[k] + (i == k) + (j == k)) / (total + 2)
    return alpha / total, second, third


def population(topics: Array, alpha: Array) -> TopicMoments:
    """Return moments that are exactly those of the model, as if measured in the basis of all words."""
    mean, second, third = dirichlet_moments(alpha)
    words = np.zeros((3, topics.shape[1]))
    words[0] = mean @ topics
    triples = np.einsum("ijk,ia,jb,kc->abc", third, topics, topics, topics)
    first, other = np.triu_indices(topics.shape[1])
    return TopicMoments(
        basis=np.eye(topics.shape[1]),
        n_documents=1,
        n_tokens=1.0,
        words=words,
        pairs=topics.T @ second @ topics,
        triples=triples[:, first, other],
        mixed=np.zeros((topics.shape[1],) * 2),
        trace=1.0,
    )


@pytest.fixture
def topics() -> Array:
    return np.random.default_rng(5).dirichlet(np.full(N_WORDS, 0.5), 4)


def test_exact_moments_give_topics_and_parameters_to_rounding(topics: Array) -> None:
    found = found_topics(population(topics, ALPHA), 4, ALPHA.sum())
    assert np.abs(found.components - topics).max() < 1e-10
    assert np.abs(found.raw_components - topics).max() < 1e-10
    assert np.abs(found.alpha - ALPHA).max() < 1e-10
    assert found.residual < 1e-10
    assert found.negative_mass < 1e-10
    assert found.n_supported == 4
    assert not found.is_spurious.any()


def test_whitened_vectors_are_orthonormal_with_the_weights_of_theory(topics: Array) -> None:
    a0 = ALPHA.sum()
    whitened = Whitening(population(topics, ALPHA), 4).whitened(a0)
    vectors = np.sqrt(ALPHA / (a0 * (a0 + 1))) * (whitened.inside.T @ topics.T)
    assert np.allclose(vectors.T @ vectors, np.eye(4), atol=1e-12)
    weights = 2 / (a0 + 2) * np.sqrt(a0 * (a0 + 1) / ALPHA)
    assert np.allclose(whitened.third, np.einsum("r,ir,jr,kr->ijk", weights, vectors, vectors, vectors), atol=1e-11)
    assert np.allclose(whitened.inside.T @ whitened.back, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("alpha0", [0.3, 1.0, 4.0])
def test_exact_moments_tell_the_concentration(topics: Array, alpha0: float) -> None:
    alpha = ALPHA * alpha0
    found = found_topics(population(topics, alpha), 4, "auto")
    assert found.alpha0 == pytest.approx(alpha0, rel=2e-3)
    assert np.allclose(found.alpha, alpha, rtol=5e-3)
    assert np.abs(found.components - topics).max() < 2e-3


@pytest.mark.parametrize("alpha0", [0.5, 1.0, 3.0])
def test_documents_tell_the_concentration(alpha0: float) -> None:
    corpus = drawn(20, 1000, 10_000, 80, alpha0=alpha0, seed=3)
    moments = TopicMoments.of(corpus.X, find_basis([corpus.X], 30))
    assert found_topics(moments, 20, "auto").alpha0 == pytest.approx(alpha0, rel=0.1)
    assert found_topics(moments, 20, alpha0).alpha.sum() == pytest.approx(alpha0, rel=0.05)


def test_proportions_hardly_depend_on_what_is_assumed() -> None:
    alpha = np.random.default_rng(0).dirichlet(np.full(20, 3.0))
    corpus = drawn(20, 1000, 10_000, 80, alpha=alpha, seed=4)
    moments = TopicMoments.of(corpus.X, find_basis([corpus.X], 30))
    for alpha0 in (0.3, 1.0, 3.0):
        found = found_topics(moments, 20, alpha0)
        partners = total_variation(found.components, corpus.components)[2]
        shares = (found.alpha / found.alpha.sum())[partners]
        assert np.median(np.abs(shares / alpha - 1)) < 0.05


def test_topics_come_from_the_largest_to_the_smallest(topics: Array) -> None:
    order = [2, 0, 3, 1]
    found = found_topics(population(topics[order], ALPHA[order]), 4, ALPHA.sum())
    assert np.abs(found.components - topics).max() < 1e-10
    assert (np.diff(found.alpha) < 0).all()


def test_more_topics_than_there_are_are_not_found(topics: Array) -> None:
    found = found_topics(population(topics, ALPHA), 6, ALPHA.sum())
    assert found.n_supported == 4
    assert len(found.components) == 4
    assert np.abs(found.components - topics).max() < 1e-10


def test_one_topic() -> None:
    topics = np.array([[0.5, 0.3, 0.2]])
    found = found_topics(population(topics, np.array([0.7])), 1, 0.7)
    assert np.allclose(found.components, topics)
    assert np.allclose(found.alpha, [0.7])


def test_components_that_are_too_weak_are_marked_and_bounded() -> None:
    found = topics_of_weights(np.array([3.0, 0.5, 0.4, 0.0]))
    least = 2 * sqrt(2) / 3  # of the only topic, with alpha0 = 1
    assert [bool(weight < least / 2) for weight in (0.0, 0.4, 0.5, 3.0)] == found.is_spurious.tolist() == [True, True, False, False]
    assert np.allclose(found.alpha, [1.0, 1.0, 1.0, 8 / 81])
    assert np.allclose(found.components.sum(axis=1), 1)
    assert np.isfinite(found.components).all()


def topics_of_weights(weights: Array) -> FoundTopics:
    """Return the topics of whitened moments whose components have these weights."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    third = np.einsum("r,ir,jr,kr->ijk", weights, turn, turn, turn)
    whitened = Whitened(1.0, np.eye(4), np.linalg.qr(np.random.default_rng(1).normal(size=(N_WORDS, 4)))[0], third, 4)
    return topics_of(whitened, power_method(third))


def test_what_cannot_be_found(topics: Array) -> None:
    moments = population(topics, ALPHA)
    for alpha0 in (0, -1.0, np.nan, np.inf, "automatic", True):
        with pytest.raises(UsageError, match="alpha0 must be a number above 0, or 'auto', got"):
            found_topics(moments, 4, alpha0)
    with pytest.raises(UsageError, match="8 topics were asked for, and the basis has 7 columns"):
        found_topics(moments, 8)
    apart = csr_array(np.eye(4, dtype=int) * 3)
    none = TopicMoments.of(csr_array((2, 5)), start_basis(5, 2))
    with pytest.raises(UsageError, match="No document is long enough"):
        found_topics(none, 2)
    assert found_topics(TopicMoments.of(apart, start_basis(4, 4)), 4, 1e-9).n_supported == 4
    with pytest.raises(StageError, match="no positive eigenvalue"):
        found_topics(TopicMoments.of(csr_array(np.ones((3, 4), int)), np.array([[0.5, -0.5, 0.5, -0.5]]).T), 1)
