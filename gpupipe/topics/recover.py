"""From moments to topics: whitening, the whitened third moment, its components, and back to distributions over words.

All of it is done in the span of the basis that the moments were measured in, for any concentration that the model is to assume.

Source: Anandkumar, Ge, Hsu, Kakade, Telgarsky, JMLR 15 (2014), theorem 3.5 and section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp, log, sqrt
from typing import Any

import numpy as np

from gpupipe.core.errors import StageError, UsageError
from gpupipe.tensors._arrays import array_module
from gpupipe.tensors.moments import paired
from gpupipe.topics.moments import TopicMoments, require_documents
from gpupipe.topics.power import PowerResult, polished, power_method

LEAST_GAP = 1e-3  # an eigenvalue below this share of the largest one is no sign of a topic
_LEAST_ALPHA0, _MOST_ALPHA0, _ALPHA0_STEPS = 1e-3, 1e3, 40
_BLOCK_ELEMENTS, _DEVICE_BLOCK_ELEMENTS = 1 << 18, 1 << 26


@dataclass(frozen=True, eq=False)
class FoundTopics:
    """Topics as moments tell them.

    Parameters
    ----------
    components
        [n_topics, n_words] probabilities of words; from the topic with the largest `alpha` to that with the smallest.
    raw_components
        The same before what is negative was cut off.
    alpha
        [n_topics] the parameters of the Dirichlet distribution of topics in documents.
    alpha0
        The sum of `alpha` that was assumed.
    residual
        The share of the whitened third moment's norm that the topics leave: how far the documents are from the model.
    negative_mass
        The share of `raw_components` that was below zero.
    n_supported
        How many topics the second moment supports; fewer were found than asked for where it is less.
    is_spurious
        [n_topics] whether a component is too weak to be a topic of the model; its `alpha` is then `alpha0`.
    """

    components: Any
    raw_components: Any
    alpha: Any
    alpha0: float
    residual: float
    negative_mass: float
    n_supported: int
    is_spurious: Any


class Whitening:
    """Moments in their basis, to be whitened for any concentration.

    Parameters
    ----------
    moments
        Of all documents.
    n_topics
        How many are looked for.

    Raises
    ------
    UsageError
        There are no documents, or the basis has fewer columns than topics.
    """

    def __init__(self, moments: TopicMoments, n_topics: int) -> None:
        require_documents(moments.n_documents)
        if not 1 <= n_topics <= moments.basis.shape[1]:
            msg = f"{n_topics} topics were asked for, and the basis has {moments.basis.shape[1]} columns. Measure in a wider one."
            raise UsageError(msg)
        self.basis, self.n_topics = moments.basis, n_topics
        words, n = moments.words / moments.n_documents, moments.n_documents
        self.mean = self.basis.T @ words[0]
        #: E[x1 x2'] in the basis: pairs of a word with itself are taken off.
        self.pairs = _even(moments.pairs / n - (self.basis.T * words[1]) @ self.basis)
        self._of_words, self._mixed, self._raw = words, moments.mixed / n, moments.triples / n

    @cached_property
    def triples(self) -> Any:
        """E[x1 x2 x3] in the basis, [n_columns, n_columns, n_columns]: words that a document has twice are taken off."""
        xp, basis = array_module(self.basis), self.basis
        width = basis.shape[1]
        same = self._mixed - (2 / 3) * self._of_words[2][:, None] * basis
        taken = xp.zeros_like(self._raw)
        step = max(16, (_BLOCK_ELEMENTS if xp is np else _DEVICE_BLOCK_ELEMENTS) // taken.shape[1])
        for at in range(0, len(basis), step):
            taken += same[at : at + step].T @ paired(xp.ascontiguousarray(basis[at : at + step].T)).T
        first, second = np.triu_indices(width)
        places = np.empty((width, width), np.int64)
        places[first, second] = places[second, first] = np.arange(len(first))
        raw, taken = ((one[:, xp.asarray(places.reshape(-1))]).reshape(width, width, width) for one in (self._raw, taken))
        return raw - _three(taken)

    def whitened(self, alpha0: float) -> Whitened:
        """Return the moments for a concentration, whitened."""
        xp = array_module(self.basis)
        second = self.pairs - alpha0 / (alpha0 + 1) * xp.outer(self.mean, self.mean)
        values, vectors = xp.linalg.eigh(_even(second))
        values, vectors = values[::-1][: self.n_topics], vectors[:, ::-1][:, : self.n_topics]
        n_supported = int((values > LEAST_GAP * max(float(values[0]), 0.0)).sum())
        n_kept = int((values > 1e-12 * max(float(values[0]), 0.0)).sum())
        if not n_kept:
            msg = "The second moment has no positive eigenvalue: these documents share no words. Take more documents, or longer ones."
            raise StageError(msg)
        roots = xp.sqrt(values[:n_kept])
        inside = vectors[:, :n_kept] / roots
        mean = inside.T @ self.mean
        third = xp.einsum("abc,ai->ibc", self.triples, inside, optimize=True)
        third = xp.matmul(xp.matmul(inside.T, third), inside)
        pairs = inside.T @ self.pairs @ inside
        third = third - alpha0 / (alpha0 + 2) * _three(mean[:, None, None] * pairs)
        third = third + 2 * alpha0**2 / ((alpha0 + 1) * (alpha0 + 2)) * xp.einsum("i,j,k->ijk", mean, mean, mean)
        third = (third + third.transpose(1, 2, 0) + third.transpose(2, 0, 1)) / 3
        return Whitened(alpha0, inside, self.basis @ (vectors[:, :n_kept] * roots), (third + third.transpose(0, 2, 1)) / 2, n_supported)


@dataclass(frozen=True, eq=False)
class Whitened:
    """Moments for a concentration: what whitens in the basis, what leads back to words, and the third moment [k, k, k]."""

    alpha0: float
    inside: Any
    back: Any
    third: Any
    n_supported: int

    def alpha(self, result: PowerResult) -> Any:
        """Return the parameters of topics that the components' weights stand for."""
        a0, weights = self.alpha0, result.weights
        least = 1e-150  # whose square is still above zero
        return 4 * a0 * (a0 + 1) / ((a0 + 2) ** 2 * array_module(weights).maximum(weights, least) ** 2)


def found_topics(moments: TopicMoments, n_topics: int, alpha0: float | str = 1.0, random_state: int | None = 0) -> FoundTopics:
    """Return the topics of the documents that were measured.

    Parameters
    ----------
    n_topics
        How many are looked for.
    alpha0
        The sum of the topics' Dirichlet parameters: small where a document is about one thing, large where it is about everything.
        ``"auto"`` takes the one that the topics found with it add up to.

    Raises
    ------
    UsageError
        There are no documents, too few columns in the basis, or `alpha0` is not above 0.
    StageError
        The second moment supports no topic at all.
    """
    whitening = Whitening(moments, n_topics)
    if alpha0 == "auto":
        whitened, result = _balanced(whitening, random_state)
    else:
        whitened = whitening.whitened(checked_alpha0(alpha0))
        result = power_method(whitened.third, random_state)
    return topics_of(whitened, result)


def checked_alpha0(alpha0: Any) -> float:
    """Return the concentration.

    Raises
    ------
    UsageError
        It is neither a number above 0 nor "auto".
    """
    if isinstance(alpha0, bool | str) or not isinstance(alpha0, int | float | np.number) or not 0 < alpha0 < np.inf:
        msg = f"alpha0 must be a number above 0, or 'auto', got {alpha0!r}."
        raise UsageError(msg)
    return float(alpha0)


def topics_of(whitened: Whitened, result: PowerResult) -> FoundTopics:
    """Return the topics that the components of a whitened third moment stand for."""
    xp, a0 = array_module(whitened.back), whitened.alpha0
    alpha = xp.minimum(whitened.alpha(result)[::-1], a0)  # the smallest weight is the largest topic, and none is more than the whole
    raw = xp.ascontiguousarray(((a0 + 2) / 2 * result.weights * (whitened.back @ result.vectors)).T[::-1])
    cut = xp.maximum(raw, 0.0)
    least = 2 * sqrt(a0 + 1) / (a0 + 2)  # the smallest weight that the model allows, that of the only topic
    sums, total = cut.sum(axis=1, keepdims=True), float(xp.abs(raw).sum())
    return FoundTopics(
        components=xp.where(sums > 0, cut / xp.where(sums > 0, sums, 1.0), 1 / raw.shape[1]),
        raw_components=raw,
        alpha=alpha,
        alpha0=a0,
        residual=result.residual,
        negative_mass=float((cut - raw).sum()) / total if total else 0.0,
        n_supported=whitened.n_supported,
        is_spurious=result.weights[::-1] < least / 2,
    )


def _balanced(whitening: Whitening, random_state: int | None) -> tuple[Whitened, PowerResult]:
    """Return the whitened moments, and their components, for the concentration that the topics' parameters add up to.

    The sum of parameters over the concentration falls as that grows, so the crossing is found by bisection of the logarithm. Only the first
    decomposition starts from nothing: each further one starts from the topics of the one before.
    """
    xp, low, high = array_module(whitening.basis), log(_LEAST_ALPHA0), log(_MOST_ALPHA0)
    whitened = whitening.whitened(1.0)
    result = power_method(whitened.third, random_state)
    for _ in range(_ALPHA0_STEPS):
        if float(whitened.alpha(result).sum()) > whitened.alpha0:
            low = log(whitened.alpha0)
        else:
            high = log(whitened.alpha0)
        if high - low < 1e-3:
            break
        before = whitened.back @ result.vectors
        whitened = whitening.whitened(exp((low + high) / 2))
        starts = xp.linalg.svd(whitened.inside.T @ (whitening.basis.T @ before), full_matrices=False)
        is_square = len(whitened.third) == before.shape[1]  # the concentration may cost a topic its eigenvalue
        result = polished(whitened.third, starts[0] @ starts[2]) if is_square else power_method(whitened.third, random_state)
    return whitened, result


def _even(matrix: Any) -> Any:
    return (matrix + matrix.T) / 2


def _three(tensor: Any) -> Any:
    """Return the sum over the three places of the first index of a tensor that is symmetric in the other two."""
    return tensor + tensor.transpose(1, 0, 2) + tensor.transpose(1, 2, 0)
