"""Latent Dirichlet allocation by the method of moments, polished by variational EM, as an estimator."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from functools import reduce
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._estimator import Estimator
from gpupipe.topics.coherence import coherence
from gpupipe.topics.counts import Counts, as_counts
from gpupipe.topics.documents import DocumentSums, document_topics, measure_documents, start_gamma
from gpupipe.topics.moments import SPARE_COLUMNS, TopicMoments, find_basis
from gpupipe.topics.online import OnlineTopics
from gpupipe.topics.perplexity import completion_perplexity, split_tokens
from gpupipe.topics.recover import checked_alpha0, found_topics
from gpupipe.topics.top_words import top_words

BASIS_DOCUMENTS = 10_000  # that `partial_fit` keeps until it finds the basis for good
SWEEP_ITERATIONS = 10
_DOCUMENTS_A_PAIR = 5  # of topics: what is estimated is a matrix and a cube of the topics' number
_MOST_MOVED, _LEAST_JUDGED = 0.1, 1000  # of the trace outside the basis, more than at first; over that many documents


class TopicWarning(UserWarning):
    """The documents support fewer topics than were asked for, or are few, or words came that the topics have no room for."""


class _Fitted(Estimator):
    """What a fit leaves; annotated here, where no annotation makes a parameter."""

    components_: Any
    raw_components_: Any
    alpha_: Any
    alpha0_: float
    residual_: float
    negative_mass_: float
    n_supported_: int
    is_spurious_: Any
    n_iter_: int
    n_features_in_: int
    moments_: TopicMoments
    _waiting: list[Counts]
    _outside: float
    _online: OnlineTopics


@dataclass
class TensorLDA(_Fitted):
    """Topics of documents: the moments of pairs and triples of words give them, and a few sweeps of variational EM polish them.

    It follows scikit-learn's LatentDirichletAllocation, and needs none of it. What was found: `components_` [n_topics, n_words], which are
    probabilities; `alpha_` [n_topics], from large to small unless it was learned; `alpha0_`, the concentration that was assumed;
    `residual_`, `negative_mass_` and `raw_components_`, which tell how far the documents are from the model (see `FoundTopics`);
    `n_supported_`; `is_spurious_`; `moments_`; `n_iter_`, the sweeps that were done.

    Parameters
    ----------
    n_components
        How many topics. Too many do less harm than too few. Where the documents support fewer, fewer are found, with a warning.
    alpha0
        The sum of the Dirichlet parameters of topics in documents; rather too large than too small. ``"auto"`` finds it, which needs
        documents that follow the model: on texts it is mostly too large.
    n_vb
        How many sweeps of variational EM polish the topics of the moments. On texts 5 make the topics useful; on data of the model
        0 are good, and much faster.
    min_length
        The fewest words of a document whose moments count, 3 or more. Shorter ones have topics all the same.
    learn_alpha
        Bring `alpha_` up to date with each sweep.
    eta
        What is added to each word's expected count in a sweep.
    random_state
        The seed; the same one gives the same topics. None draws one.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> rng = np.random.default_rng(0)
    >>> topics = np.array([[0.5, 0.5, 0, 0, 0], [0, 0, 0.2, 0.4, 0.4]])
    >>> X = csr_array(rng.multinomial(40, rng.dirichlet([0.5, 0.5], 500) @ topics))
    >>> TensorLDA(2).fit(X).components_.round(1).tolist()
    [[0.5, 0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.2, 0.4, 0.4]]
    """

    n_components: int
    alpha0: float | str = 1.0
    n_vb: int = 5
    min_length: int = 3
    learn_alpha: bool = False
    eta: float = 0.01
    random_state: int | None = 0

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the topics of documents, and return the estimator.

        Parameters
        ----------
        X
            Counts of words, a sparse matrix of SciPy's or CuPy's, [n_documents, n_words].
        y
            Not used.

        Raises
        ------
        UsageError
            These are no counts, a parameter is wrong, or no document is long enough.
        StageError
            The documents share no words at all.
        """
        self._check()
        counts = as_counts(X)
        self._waiting = []
        self._begin([counts])._settle()
        return self._warn()

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Return the shares of topics in the documents that they are found in."""
        return self.fit(X).transform(X)

    def fit_moments(self, moments: TopicMoments, X: Any = None) -> Self:
        """Find the topics of documents whose moments were measured elsewhere and merged, and return the estimator.

        Parameters
        ----------
        moments
            Of all documents, in a basis of more columns than topics.
        X
            Counts of documents to polish the topics with; without them, they are those of the moments.

        Raises
        ------
        UsageError
            A parameter is wrong, or there are no documents, or they have other words.
        """
        self._check()
        parts = [] if X is None else [as_counts(X, len(moments.basis))]
        self._waiting = []
        self._find(moments)._polish(parts)._settle()
        return self._warn()

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Add documents to those before, and return the estimator; the vocabulary is fixed by the first ones.

        Up to 10,000 documents are kept, and topics are found as by `fit`. From then on only sums are kept. Moments add up, and without
        sweeps the topics are always those of all documents so far. With sweeps, each further batch is an online step for the topics.
        Should texts come that the moments have no room for, they begin anew with a warning.

        Raises
        ------
        UsageError
            These are no counts, or of other words than before.
        """
        self._check()
        is_new = "moments_" not in vars(self)
        counts = as_counts(X, None if is_new else self.n_features_in_)
        if is_new or self._waiting:
            return self._wait([*([] if is_new else self._waiting), counts])._warn()
        added = TopicMoments.of(counts, self.moments_.basis, self.min_length)
        if added.n_documents >= _LEAST_JUDGED and added.outside() > self._outside + _MOST_MOVED:
            msg = (
                f"{added.outside():.0%} of what the words of these documents share lie outside the topics' basis, {self._outside:.0%} did "
                f"at first: topics are found anew, without the {self.moments_.n_documents} documents before. Fit all of them to keep those."
            )
            warnings.warn(msg, TopicWarning, stacklevel=2)
            return self._wait([counts])._warn()
        self.moments_ = self.moments_.merge(added)
        if not self.n_vb:
            return self._find(self.moments_)._warn()
        self._online = self._online.step(counts, self.alpha_, self.eta)
        self.components_ = self._online.components(self.eta)
        return self

    def transform(self, X: Any) -> Any:
        """Return the shares of topics in documents, [n_documents, n_topics]; each row adds up to 1.

        A document of no words has the shares of `alpha_`.

        Raises
        ------
        UsageError
            Nothing was fitted, or these are no counts of the same words.
        """
        gamma = document_topics(X, self._fitted("components_"), self.alpha_)
        return gamma / gamma.sum(axis=1, keepdims=True)

    def perplexity(self, X: Any, held: Any = None) -> float:
        """Return how many words, equally likely, it is as hard to choose from as to predict a held back word: the lower the better.

        Parameters
        ----------
        X
            Counts of documents.
        held
            Counts of further words of the same documents, that are predicted; half of the words of X, dealt by the seed, by default. To
            compare models, give all the same.

        Raises
        ------
        UsageError
            Nothing was fitted, these are no counts of the same words, or no word is held back.
        """
        components = self._fitted("components_")
        seen, held = split_tokens(X, random_state=self.random_state) if held is None else (X, held)
        return completion_perplexity(held, self.transform(seen), components, self.moments_.words[0])

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean logarithm of the probability of a held back word: minus that of `perplexity`."""
        return -float(np.log(self.perplexity(X)))

    def coherence(self, X: Any, n_words: int = 10) -> Any:
        """Return the NPMI of each topic's most probable words over documents; see `gpupipe.topics.coherence`."""
        return coherence(X, self._fitted("components_"), n_words)

    def top_words(self, n_words: int = 10) -> Any:
        """Return the numbers of each topic's most probable words, [n_topics, n_words]."""
        return top_words(self._fitted("components_"), n_words)

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn asks of an estimator in its pipelines and searches; who asks has loaded it."""
        utils = sys.modules["sklearn.utils"]
        takes = utils.InputTags(two_d_array=False, sparse=True, positive_only=True)
        return utils.Tags(
            estimator_type=None, target_tags=utils.TargetTags(required=False), transformer_tags=utils.TransformerTags(), input_tags=takes
        )

    def _check(self) -> None:
        for name, least in (("n_components", 1), ("n_vb", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                msg = f"{name} must be a whole number from {least} on, got {value!r}."
                raise UsageError(msg)
        if self.alpha0 != "auto":
            checked_alpha0(self.alpha0)
        if not self.eta > 0:
            msg = f"eta must be above 0, got {self.eta!r}: a word that a topic has never seen would be impossible in it."
            raise UsageError(msg)

    def _warn(self) -> Self:
        """Warn where the documents do not support the topics, or are few."""
        k, n_documents = self.n_components, self.moments_.n_documents
        if self.n_supported_ < k:
            msg = (
                f"The documents support {self.n_supported_} topics, {k} were asked for, {len(self.alpha_)} were found. "
                "Ask for fewer, or take more documents."
            )
            warnings.warn(msg, TopicWarning, stacklevel=3)
        elif n_documents < (enough := _DOCUMENTS_A_PAIR * k * (k + 1) // 2):
            msg = (
                f"{n_documents} documents of {self.min_length} words or more are few for the moments of {k} topics; {enough} would do. "
                "Trust the topics no more than their residual_ and coherence say, or ask for fewer."
            )
            warnings.warn(msg, TopicWarning, stacklevel=3)
        return self

    def _begin(self, parts: list[Counts]) -> Self:
        """Find the topics of documents from nothing."""
        basis = find_basis(parts, self._width(parts[0].n_words), self.min_length, self.random_state)
        measured = [TopicMoments.of(part, basis, self.min_length) for part in parts]
        return self._find(reduce(TopicMoments.merge, measured))._polish(parts)

    def _width(self, n_words: int) -> int:
        """Return how many columns the basis of so many words has."""
        if self.n_components > n_words:
            msg = f"{self.n_components} topics were asked for, and there are {n_words} words. Ask for fewer."
            raise UsageError(msg)
        return min(self.n_components + SPARE_COLUMNS, n_words)

    def _wait(self, parts: list[Counts]) -> Self:
        """Find the topics of all documents so far, which are kept unless they are enough."""
        self._waiting = parts
        self._begin(parts)
        return self._settle() if sum(part.n_documents for part in parts) >= BASIS_DOCUMENTS else self

    def _settle(self) -> Self:
        """Let go of the documents; from now on only sums are kept."""
        self._waiting = []
        self._outside = self.moments_.outside()
        self._online = OnlineTopics.start(self.components_, self.alpha_, self.moments_.n_tokens)
        return self

    def _find(self, moments: TopicMoments) -> Self:
        """Find the topics of moments."""
        found = found_topics(moments, self.n_components, self.alpha0, self.random_state)
        self.moments_, self.n_features_in_ = moments, len(moments.basis)
        self.components_, self.alpha_, self.alpha0_ = found.components, found.alpha, found.alpha0
        self.raw_components_, self.is_spurious_ = found.raw_components, found.is_spurious
        self.residual_, self.negative_mass_ = found.residual, found.negative_mass
        self.n_supported_, self.n_iter_ = found.n_supported, 0
        return self

    def _polish(self, parts: list[Counts]) -> Self:
        """Do the sweeps of variational EM over documents, whose parameters are kept from sweep to sweep."""
        gammas = [start_gamma(part, self.alpha_) for part in parts]
        for _ in range(self.n_vb if parts else 0):
            measured = [
                measure_documents(part, self.components_, self.alpha_, gamma, n_iter=SWEEP_ITERATIONS)
                for part, gamma in zip(parts, gammas, strict=True)
            ]
            self._sweep(reduce(DocumentSums.merge, measured))
        return self

    def _sweep(self, sums: DocumentSums) -> Self:
        """Bring the topics forward by what a sweep over all documents measured."""
        self.components_ = sums.components(self.eta)
        if self.learn_alpha:
            self.alpha_ = sums.alpha(self.alpha_)
        self.n_iter_ += 1
        return self
