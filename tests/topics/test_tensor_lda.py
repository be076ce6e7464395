"""The estimator finds the topics that documents were drawn from, on any sharding, in little memory; beside scikit-learn's, on one split."""

from __future__ import annotations

import gzip
import pickle
import tracemalloc
import warnings
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from gpupipe.core.errors import UsageError
from gpupipe.topics import (
    TensorLDA,
    TopicMoments,
    TopicWarning,
    completion_perplexity,
    document_topics,
    find_basis,
    sparse_counts,
    split_tokens,
)
from gpupipe.topics import tensor_lda as module
from tests.topics.examples import Corpus, drawn, total_variation


def test_all_topics_of_corpus_a_are_found(corpus_a: Corpus) -> None:
    model = TensorLDA(20, n_vb=0).fit(corpus_a.X)
    distance, n_found, _ = total_variation(model.components_, corpus_a.components)
    assert n_found == 20
    assert distance < 0.07
    assert model.residual_ < 0.024
    assert model.alpha_.sum() == pytest.approx(1, rel=0.05)
    assert TensorLDA(20, "auto", n_vb=0).fit(corpus_a.X).alpha0_ == pytest.approx(1, rel=0.1)


def test_sweeps_bring_them_nearer(corpus_a: Corpus) -> None:
    model = TensorLDA(20, n_vb=2).fit(corpus_a.X[:4000])
    distance = total_variation(model.components_, corpus_a.components)[0]
    alone = total_variation(TensorLDA(20, n_vb=0).fit(corpus_a.X[:4000]).components_, corpus_a.components)[0]
    assert distance < 0.07 < alone
    assert model.n_iter_ == 2


def test_a_concentration_guessed_too_high_or_too_low_finds_them_all_the_same(corpus_a: Corpus) -> None:
    for alpha0 in (0.05, 10.0):
        model = TensorLDA(20, alpha0, n_vb=0).fit(corpus_a.X)
        assert total_variation(model.components_, corpus_a.components)[1] == 20


def test_too_many_topics_keep_the_true_ones(corpus_a: Corpus) -> None:
    model = TensorLDA(25, n_vb=0).fit(corpus_a.X)
    assert total_variation(model.components_, corpus_a.components)[1] == 20


def test_nearer_to_the_truth_than_scikit_learn_on_the_same_documents() -> None:
    corpus = drawn(10, 500, 3000, 60, seed=5)
    train, test = corpus.X[:2500], corpus.X[2500:]
    theirs = LatentDirichletAllocation(10, max_iter=10, learning_method="batch", random_state=0).fit(train)
    found = {"ours": TensorLDA(10).fit(train).components_, "theirs": theirs.components_ / theirs.components_.sum(axis=1, keepdims=True)}
    distances = {name: total_variation(topics, corpus.components)[0] for name, topics in found.items()}
    assert distances["ours"] < 0.7 * distances["theirs"]
    seen, held = split_tokens(test)
    frequencies, perplexities = np.asarray(train.sum(axis=0)), {}
    for name, topics in found.items():
        gamma = document_topics(seen, topics, corpus.alpha)
        perplexities[name] = completion_perplexity(held, gamma / gamma.sum(axis=1, keepdims=True), topics, frequencies)
    assert perplexities["ours"] < perplexities["theirs"]


def test_real_texts_are_as_coherent_as_scikit_learns_and_better_predicted(newsgroups: Any) -> None:
    chance = np.random.default_rng(0).permutation(newsgroups.shape[0])
    train, test = newsgroups[chance[2000:]], newsgroups[chance[:2000]]
    ours = TensorLDA(20).fit(train)
    theirs = LatentDirichletAllocation(20, max_iter=5, learning_method="online", random_state=0).fit(train)
    seen, held = split_tokens(test)
    topics = theirs.components_ / theirs.components_.sum(axis=1, keepdims=True)
    gamma = document_topics(seen, topics, np.full(20, 1 / 20))
    perplexity = completion_perplexity(held, gamma / gamma.sum(axis=1, keepdims=True), topics, np.asarray(train.sum(axis=0)))
    assert ours.perplexity(seen, held) < 0.91 * perplexity
    theirs_coherence = module.coherence(train, topics).mean()
    assert ours.coherence(train).mean() > theirs_coherence - 0.01


def test_few_documents_are_told(shared_data: Path) -> None:
    path = shared_data / "text" / "reuters" / "reuters.ldac.gz"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} among the real samples")
    with gzip.open(path, "rt") as text:
        lines = [line.split()[1:] for line in text]
    documents, cells = zip(*((number, cell.split(":")) for number, line in enumerate(lines) for cell in line), strict=True)
    words, counts = np.array(cells, int).T
    reuters = sparse_counts(np.array(documents), words, counts, (395, 4258))
    with pytest.warns(TopicWarning, match="395 documents of 3 words or more are few for the moments of 20 topics; 1050 would do"):
        model = TensorLDA(20).fit(reuters)
    assert model.coherence(reuters).mean() > 0.15


def test_topics_without_support_are_not_found() -> None:
    with pytest.warns(TopicWarning, match="The documents support 2 topics, 3 were asked for, 2 were found"):
        model = TensorLDA(3, alpha0=1e-9, n_vb=0).fit(csr_array(np.tile([[3, 0, 0], [0, 3, 0]], (40, 1))))
    assert np.allclose(model.components_[np.argsort(-model.components_[:, 0])], [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("cuts", [[1500], [10, 2000], list(range(200, 3000, 200))])
def test_any_sharding_gives_the_same_topics(small: Corpus, cuts: list[int]) -> None:
    bounds = [0, *cuts, 3000]
    parts = [small.X[start:stop] for start, stop in pairwise(bounds)]
    whole = TensorLDA(5, "auto", n_vb=0).fit(small.X)
    basis = find_basis(parts, 15)
    moments = reduce(TopicMoments.merge, (TopicMoments.of(part, basis) for part in reversed(parts)))
    found = TensorLDA(5, "auto", n_vb=0).fit_moments(moments)
    assert np.abs(found.components_ - whole.components_).max() < 1e-8
    assert np.abs(found.alpha_ - whole.alpha_).max() < 1e-8
    polished = TensorLDA(5).fit_moments(moments, small.X)
    assert np.abs(polished.components_ - TensorLDA(5).fit(small.X).components_).max() < 1e-8


def test_batches_add_up_to_a_fit(small: Corpus) -> None:
    model = TensorLDA(5, n_vb=2)
    for at in range(0, 3000, 500):
        model.partial_fit(small.X[at : at + 500])
    whole = TensorLDA(5, n_vb=2).fit(small.X)
    assert np.abs(model.components_ - whole.components_).max() < 1e-8


def test_after_enough_documents_only_sums_are_kept(small: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BASIS_DOCUMENTS", 1000)
    for n_vb in (0, 3):
        model = TensorLDA(5, n_vb=n_vb)
        for at in range(0, 3000, 250):
            model.partial_fit(small.X[at : at + 250])
        assert model._waiting == []
        assert model.moments_.n_documents == 3000
        assert total_variation(model.components_, small.components)[0] < 0.06
    first = TensorLDA(5, n_vb=0).fit(small.X[:1000])
    moments = first.moments_.merge(TopicMoments.of(small.X[1000:], first.moments_.basis))
    whole = TensorLDA(5, n_vb=0).fit_moments(moments)
    some = TensorLDA(5, n_vb=0)
    for at in range(0, 3000, 250):
        some.partial_fit(small.X[at : at + 250])
    assert np.abs(some.components_ - whole.components_).max() < 1e-8


def test_other_texts_begin_anew_with_a_warning(small: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BASIS_DOCUMENTS", 1000)
    other = drawn(5, 200, 2000, 50, seed=9)
    model = TensorLDA(5, n_vb=0, alpha0=1.0).fit(small.X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(small.X[:1500])
    with pytest.warns(TopicWarning, match="lie outside the topics' basis.*without the 4500 documents before"):
        model.partial_fit(other.X)
    assert total_variation(model.components_, other.components)[1] == 5
    assert model.moments_.n_documents == 2000


def test_shares_of_documents_add_up_and_are_near_the_true_ones(small: Corpus) -> None:
    model = TensorLDA(5)
    shares = model.fit_transform(small.X)
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.array_equal(model.transform(small.X), shares)
    partners = total_variation(model.components_, small.components)[2]
    assert np.corrcoef(shares[:, partners].ravel(), small.shares.ravel())[0, 1] > 0.97


def test_short_documents_have_topics_too(small: Corpus) -> None:
    model = TensorLDA(5, n_vb=0).fit(small.X)
    word = int(model.top_words(1)[2, 0])
    X = csr_array((np.array([2.0]), np.array([word]), np.array([0, 1, 1])), shape=(2, 200))
    shares = model.transform(X)
    assert shares[0].argmax() == 2
    assert np.allclose(shares[1], model.alpha_ / model.alpha_.sum())


def test_perplexity_and_score(small: Corpus) -> None:
    model = TensorLDA(5, n_vb=0).fit(small.X[:2000])
    seen, held = split_tokens(small.X[2000:])
    assert model.perplexity(small.X[2000:]) == model.perplexity(seen, held)
    assert model.score(small.X[2000:]) == pytest.approx(-np.log(model.perplexity(seen, held)))
    worse = TensorLDA(1, n_vb=0).fit(small.X[:2000])
    assert worse.perplexity(seen, held) > 1.2 * model.perplexity(seen, held)


def test_learned_parameters_are_nearer_to_the_true_ones(small: Corpus) -> None:
    model = TensorLDA(5, alpha0=4.0, learn_alpha=True, n_vb=8).fit(small.X)
    assert model.alpha0_ == 4.0
    assert model.alpha_.sum() == pytest.approx(1, rel=0.35)


def test_a_seed_gives_the_same_bits_and_the_input_is_left_alone(small: Corpus) -> None:
    X = small.X.copy()
    first, again = TensorLDA(5, n_vb=1).fit(X), TensorLDA(5, n_vb=1).fit(X)
    assert np.array_equal(first.components_, again.components_)
    assert (X != small.X).nnz == 0


def test_it_is_an_estimator(small: Corpus) -> None:
    model = TensorLDA(5, "auto", n_vb=1, random_state=3)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(n_components=4).n_components == 4
    with pytest.raises(UsageError, match="TensorLDA has no parameter 'n_topics'"):
        model.set_params(n_topics=4)
    fitted = model.fit(small.X)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(loaded.transform(small.X[:9]), fitted.transform(small.X[:9]))
    assert loaded.partial_fit(small.X[:100]).moments_.n_documents == 3100


def test_scikit_learns_pipelines_and_searches_take_it(small: Corpus) -> None:
    texts = ["sun moon star sun moon"] * 30 + ["bread milk salt milk bread"] * 30
    model = make_pipeline(CountVectorizer(), TensorLDA(2), LogisticRegression()).fit(texts, [0] * 30 + [1] * 30)
    assert model.score(["moon sun", "salt bread"], [0, 1]) == 1
    search = GridSearchCV(TensorLDA(5, n_vb=0), {"n_components": [1, 2, 5]}, cv=2).fit(small.X)
    assert search.best_params_ == {"n_components": 5}


def test_nothing_of_documents_by_words_or_words_by_words_is_dense() -> None:
    n_documents, n_words, n_topics = 20_000, 30_000, 5
    chance = np.random.default_rng(0)
    size = 12 * n_documents
    words = (chance.pareto(0.6, size) * 5).astype(np.int64) % n_words
    X = csr_array((np.ones(size), (np.repeat(np.arange(n_documents), 12), words)), shape=(n_documents, n_words))
    X.sum_duplicates()
    width = n_topics + module.SPARE_COLUMNS
    largest = 8 * max(n_documents * width, n_words * width, width**3)  # of the arrays that the method needs
    model = TensorLDA(n_topics, n_vb=2)
    tracemalloc.start()
    model.fit(X)
    model.transform(X)
    model.coherence(X)
    model.perplexity(X)
    model.partial_fit(X[:2000])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * largest
    assert 12 * largest < 0.01 * 8 * n_words * min(n_words, n_documents)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"n_components": 0}, "n_components must be a whole number from 1 on, got 0"),
        ({"n_components": 2.0}, "n_components must be a whole number from 1 on, got 2.0"),
        ({"n_components": 201}, "201 topics were asked for, and there are 200 words"),
        ({"n_vb": -1}, "n_vb must be a whole number from 0 on, got -1"),
        ({"alpha0": 0}, "alpha0 must be a number above 0, or 'auto', got 0"),
        ({"alpha0": "aut"}, "alpha0 must be a number above 0, or 'auto', got 'aut'"),
        ({"min_length": 2}, "min_length must be a whole number from 3 on, got 2"),
        ({"min_length": 51}, "No document is long enough"),
        ({"eta": 0}, "eta must be above 0, got 0"),
    ],
)
def test_parameters_that_cannot_be(small: Corpus, params: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TensorLDA(**{"n_components": 5, **params}).fit(small.X)


def test_documents_that_cannot_be(small: Corpus) -> None:
    with pytest.raises(UsageError, match="Expected whole numbers, got 0.5"):
        TensorLDA(2).fit(small.X * 0.5)
    with pytest.raises(UsageError, match="Expected counts of 0 and more, got -1"):
        TensorLDA(2).fit(csr_array(np.array([[-1, 2]])))
    with pytest.raises(UsageError, match="No document is long enough"):
        TensorLDA(2).fit(csr_array(np.array([[1, 1], [2, 0]])))
    with pytest.raises(UsageError, match="TensorLDA is not fitted yet"):
        TensorLDA(2).transform(small.X)
    model = TensorLDA(2, n_vb=0).fit(small.X)
    with pytest.raises(UsageError, match="Expected counts of 200 words, got 3"):
        model.transform(csr_array((1, 3)))
    with pytest.raises(UsageError, match="Expected counts of 200 words, got 3"):
        model.partial_fit(csr_array((1, 3)))
