"""Topics of documents are those of scikit-learn's variational inference and of the equations written as loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import digamma, gammaln, polygamma
from sklearn.decomposition import LatentDirichletAllocation

from gpupipe.core.errors import UsageError
from gpupipe.topics import _gamma_functions as ours
from gpupipe.topics import document_topics, measure_documents
from gpupipe.topics.documents import DocumentSums
from tests.topics.examples import Array, Corpus, drawn


@pytest.fixture
def held(small: Corpus) -> Corpus:
    return Corpus(small.X[:120], small.components, small.shares[:120], small.alpha)


def by_loops(X: Array, components: Array, alpha: Array, n_iter: int) -> tuple[Array, Array]:
    """Return the parameters and the expected counts of words, document by document and word by word."""
    gammas, expected = [], np.zeros_like(components)
    for row in X:
        gamma = alpha + row.sum() / len(alpha)
        for _ in range(n_iter):
            shares = np.exp(digamma(gamma))
            gamma = alpha.copy()
            for word in np.flatnonzero(row):
                responsible = shares * components[:, word]
                gamma = gamma + row[word] * responsible / responsible.sum()
        shares = np.exp(digamma(gamma))
        for word in np.flatnonzero(row):
            responsible = shares * components[:, word]
            expected[:, word] += row[word] * responsible / responsible.sum()
        gammas.append(gamma)
    return np.stack(gammas), expected


def test_they_are_those_of_the_equations(held: Corpus) -> None:
    components = np.maximum(held.components, 1e-5)  # above the floor that is kept
    components /= components.sum(axis=1, keepdims=True)
    gamma, expected = by_loops(held.X.toarray()[:20], components, held.alpha, 8)
    X = csr_array(held.X[:20])
    assert np.allclose(document_topics(X, components, held.alpha, n_iter=8, tol=0), gamma, rtol=1e-10)
    sums = measure_documents(X, components, held.alpha, n_iter=8, tol=0)
    assert np.allclose(sums.words, expected, rtol=1e-9, atol=1e-12)
    assert np.allclose(sums.logarithms, (digamma(gamma) - digamma(gamma.sum(axis=1, keepdims=True))).sum(axis=0), atol=1e-9)
    assert sums.n_documents == 20


def test_they_are_those_of_scikit_learn(held: Corpus) -> None:
    components = np.maximum(held.components, 1e-6)
    components /= components.sum(axis=1, keepdims=True)
    theirs = LatentDirichletAllocation(5, doc_topic_prior=0.2, max_doc_update_iter=5000, mean_change_tol=1e-12, max_iter=1, random_state=0)
    theirs.fit(held.X)
    theirs.components_ = components * 1e10  # so many counts that exp(E[log]) is the topic itself
    theirs.exp_dirichlet_component_ = np.exp(digamma(theirs.components_) - digamma(theirs.components_.sum(axis=1, keepdims=True)))
    gamma = document_topics(held.X, components, np.full(5, 0.2), n_iter=5000, tol=1e-12)
    assert np.allclose(gamma / gamma.sum(axis=1, keepdims=True), theirs.transform(held.X), atol=1e-6)


def test_a_document_depends_on_itself_alone_to_the_bit(held: Corpus) -> None:
    whole = document_topics(held.X, held.components, held.alpha)
    for cut in (1, 37, 90):
        parts = [document_topics(part, held.components, held.alpha) for part in (held.X[:cut], held.X[cut:])]
        assert np.array_equal(np.concatenate(parts), whole)
    order = np.random.default_rng(0).permutation(120)
    assert np.array_equal(document_topics(held.X[order], held.components, held.alpha), whole[order])


def test_sums_of_parts_are_those_of_the_whole(held: Corpus) -> None:
    whole = measure_documents(held.X, held.components, held.alpha)
    parts = [measure_documents(part, held.components, held.alpha) for part in (held.X[:50], held.X[50:])]
    merged = parts[0].merge(parts[1])
    assert merged.n_documents == whole.n_documents
    assert np.allclose(merged.words, whole.words, rtol=1e-12, atol=1e-12)
    assert np.allclose(merged.logarithms, whole.logarithms, rtol=1e-12)
    assert merged.words.sum() == pytest.approx(held.X.sum())


def test_shares_are_near_those_that_the_documents_were_drawn_with() -> None:
    corpus = drawn(5, 200, 50, 2000)
    gamma = document_topics(corpus.X, corpus.components, corpus.alpha)
    assert np.abs(gamma / gamma.sum(axis=1, keepdims=True) - corpus.shares).max() < 0.06


def test_short_and_empty_documents_and_unknown_words() -> None:
    components = np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    X = csr_array(np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 3]]))
    gamma = document_topics(X, components, np.array([0.1, 0.2]))
    assert np.allclose(gamma[0], [1.1, 0.2], atol=1e-4)
    assert np.allclose(gamma[1], [0.1, 0.2])
    assert gamma[2].sum() == pytest.approx(3.3)  # a word of no topic is shared out
    assert np.isfinite(gamma).all()


def test_many_topics_and_tiny_parameters_do_not_underflow() -> None:
    n_topics = 3000  # of one word each gets so little that exp(digamma) of all of them is zero
    chance = np.random.default_rng(0)
    X = csr_array(np.array([[1, 0, 0, 0], [1, 1, 0, 2]]))
    alpha = np.full(n_topics, 1e-6)
    gamma = document_topics(X, chance.dirichlet(np.ones(4), n_topics), alpha)
    assert np.isfinite(gamma).all()
    assert np.allclose(gamma.sum(axis=1), X.sum(axis=1) + alpha.sum())


def test_alpha_is_the_likeliest() -> None:
    true = np.array([0.8, 0.3, 0.1])
    logs = np.log(np.maximum(np.random.default_rng(0).dirichlet(true, 5000), 1e-300))
    mean = logs.mean(axis=0)

    def unlikely(log_alpha: Array) -> float:
        alpha = np.exp(log_alpha)
        return float(gammaln(alpha).sum() - gammaln(alpha.sum()) - (alpha - 1) @ mean)

    best = np.exp(minimize(unlikely, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000}).x)
    found = DocumentSums(5000, None, logs.sum(axis=0)).alpha(np.full(3, 0.5))
    assert np.allclose(found, best, rtol=1e-5)
    assert np.allclose(found, true, rtol=0.1)


def test_no_documents_leave_alpha() -> None:
    start = np.array([0.5, 0.2])
    assert np.array_equal(DocumentSums(0, None, np.zeros(2)).alpha(start), start)


def test_gamma_functions_are_scipys() -> None:
    x = np.concatenate([np.logspace(-8, 0, 500), np.linspace(1, 20, 500), np.logspace(1, 60, 500)])
    assert np.allclose(ours.digamma(x), digamma(x), rtol=1e-13, atol=1e-13)
    assert np.allclose(ours.trigamma(x), polygamma(1, x), rtol=1e-13)


@pytest.mark.parametrize("alpha", [np.ones(3), np.array([1.0, 0.0]), np.array([1.0, -1.0])])
def test_parameters_that_do_not_fit(alpha: Array) -> None:
    with pytest.raises(UsageError, match=r"Expected topics \[n_topics, n_words\] and an alpha above 0 for each"):
        document_topics(csr_array(np.ones((1, 4))), np.full((2, 4), 0.25), alpha)
