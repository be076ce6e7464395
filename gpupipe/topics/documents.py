"""Topics of documents by variational inference, whose sums over documents are what a sweep of variational EM needs.

A document's answer depends on the document alone, to the bit, however documents are dealt: each stops by itself when it has converged.

Source: Blei, Ng, Jordan, "Latent Dirichlet allocation", JMLR 3 (2003), section 5; Minka, "Estimating a Dirichlet distribution" (2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module
from gpupipe.topics._gamma_functions import digamma, trigamma
from gpupipe.topics.counts import Counts, as_counts

FLOOR, MOST_FLOORS = 1e-6, 1e-2  # of a word's probability in a topic, and of all floors: a word of no topic could not be explained
_BLOCK_ELEMENTS, _DEVICE_BLOCK_ELEMENTS = 1 << 17, 1 << 26  # counts times topics in a block: on the host it stays in the cache
_NEWTON_STEPS = 20


@dataclass(frozen=True, eq=False)
class DocumentSums:
    """Sums over documents that a step of variational EM needs; those of parts merge into those of the whole.

    Parameters
    ----------
    n_documents
        How many have words.
    words
        [n_topics, n_words] how many words are expected of each topic.
    logarithms
        [n_topics] the expected logarithms of the topics' shares.
    """

    n_documents: int
    words: Any
    logarithms: Any

    def merge(self, other: DocumentSums) -> DocumentSums:
        """Return the sums of the documents of both."""
        return DocumentSums(self.n_documents + other.n_documents, self.words + other.words, self.logarithms + other.logarithms)

    def components(self, eta: float) -> Any:
        """Return the topics, [n_topics, n_words], with `eta` words added to each word of each topic."""
        words = self.words + eta
        return words / words.sum(axis=1, keepdims=True)

    def alpha(self, start: Any) -> Any:
        """Return the parameters of the Dirichlet distribution under which the topics' shares are likeliest, by Newton's method.

        They are kept above a thousandth of where it starts.
        """
        xp, n = array_module(start), self.n_documents
        alpha, mean = start, self.logarithms / max(n, 1)
        for _ in range(_NEWTON_STEPS if n else 0):
            total = alpha.sum(keepdims=True)
            gradient = digamma(total) - digamma(alpha) + mean
            # The Hessian is a diagonal and a constant, so its inverse is known: Minka's equations 15 to 18.
            diagonal = -trigamma(alpha)
            shared = (gradient / diagonal).sum() / (1 / trigamma(total)[0] + (1 / diagonal).sum())
            step = (gradient - shared) / diagonal
            alpha = xp.maximum(alpha - step, xp.maximum(alpha / 10, 1e-3 * start))
            if float((xp.abs(step) / alpha).max()) < 1e-6:
                break
        return alpha


def document_topics(X: Any, components: Any, alpha: Any, *, n_iter: int = 100, tol: float = 1e-3) -> Any:
    """Return the variational parameters of the topics in each document, [n_documents, n_topics]; over their sum they are the shares.

    Parameters
    ----------
    X
        Counts, a sparse matrix.
    components
        [n_topics, n_words] probabilities.
    alpha
        [n_topics] the parameters of the Dirichlet distribution of shares; a document of no words has no others.
    n_iter
        How many iterations at most.
    tol
        A document is done when its parameters change by less than this, on average.

    Raises
    ------
    UsageError
        These are no counts, or not of the components' words, or there is not one `alpha` a topic.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> components = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    >>> document_topics(csr_array(np.array([[3, 1, 0], [0, 0, 2]])), components, np.array([0.1, 0.1])).round(2)
    array([[4.1, 0.1],
           [0.1, 2.1]])
    """
    counts, words = checked(X, components, alpha)
    gamma = start_gamma(counts, alpha)
    infer(counts, words, alpha, gamma, n_iter=n_iter, tol=tol, sums=False)
    return gamma


def measure_documents(X: Any, components: Any, alpha: Any, gamma: Any = None, *, n_iter: int = 100, tol: float = 1e-3) -> DocumentSums:
    """Return the sums over documents of what topics explain their words; see `document_topics`.

    Parameters
    ----------
    gamma
        [n_documents, n_topics] parameters to start from, which are brought forward in place.
    """
    counts, words = checked(X, components, alpha)
    sums = infer(counts, words, alpha, start_gamma(counts, alpha) if gamma is None else gamma, n_iter=n_iter, tol=tol)
    assert sums is not None
    return DocumentSums(sums.n_documents, sums.words * words.T, sums.logarithms)


def start_gamma(counts: Counts, alpha: Any) -> Any:
    """Return the parameters of documents whose words are dealt evenly to the topics."""
    return alpha + counts.lengths[:, None] / len(alpha)


def checked(X: Any, components: Any, alpha: Any) -> tuple[Counts, Any]:
    """Return the counts, and the topics' probabilities as [n_words, n_topics], none of them zero.

    Raises
    ------
    UsageError
        They do not fit.
    """
    xp = array_module(components)
    if components.ndim != 2 or alpha.shape != (len(components),) or not bool((alpha > 0).all()):
        msg = f"Expected topics [n_topics, n_words] and an alpha above 0 for each, got shapes {components.shape} and {alpha.shape}."
        raise UsageError(msg)
    counts = as_counts(X, components.shape[1])
    words = xp.maximum(xp.ascontiguousarray(components.T), min(FLOOR, MOST_FLOORS / components.shape[1]))
    return counts, words / words.sum(axis=0)


def infer(counts: Counts, words: Any, alpha: Any, gamma: Any, *, n_iter: int, tol: float, sums: bool = True) -> DocumentSums | None:
    """Bring `gamma` forward in place, a block of documents at a time, and return the sums; the words' are not yet times the topics."""
    xp = counts.xp
    n_topics = len(alpha)
    size = (_BLOCK_ELEMENTS if xp is np else _DEVICE_BLOCK_ELEMENTS) // n_topics
    expected, logarithms, n_documents, start = xp.zeros_like(words), xp.zeros(n_topics), 0, 0
    for block in counts.blocks(max(size, 1)):
        held = gamma[start : start + block.n_documents]
        start += block.n_documents
        _iterate(block, words, alpha, held, n_iter, tol)
        if sums:
            shares = _expected(held)
            expected += _Explained(block, words).by(shares).T @ shares
            is_there = block.lengths > 0
            logarithms += (digamma(held) - digamma(held.sum(axis=1, keepdims=True)))[is_there].sum(axis=0)
            n_documents += int(is_there.sum())
    return DocumentSums(n_documents, expected.T, logarithms) if sums else None


def _iterate(block: Counts, words: Any, alpha: Any, gamma: Any, n_iter: int, tol: float) -> None:
    """Iterate the documents of a block in place until each is done; whenever half of them are, only the others go on."""
    xp = block.xp
    explained = _Explained(block, words)
    left, current, is_done = xp.arange(block.n_documents), gamma.copy(), xp.zeros(block.n_documents, bool)
    for _ in range(n_iter):
        shares = _expected(current)
        updated = alpha + shares * (explained.by(shares) @ words)
        has_stopped = xp.abs(updated - current).mean(axis=1) < tol
        current = xp.where(is_done[:, None], current, updated)  # what is done stays, or it would depend on its neighbours
        is_done |= has_stopped
        n_done = int(is_done.sum())
        if n_done == len(left):
            break
        if 2 * n_done >= len(left):
            gamma[left] = current
            rest = xp.flatnonzero(~is_done)
            left, current, is_done = left[rest], current[rest], is_done[rest]
            block = Counts(block.matrix[rest], block.lengths[rest])
            explained = _Explained(block, words)
    gamma[left] = current


def _expected(gamma: Any) -> Any:
    """Return exp(E[log share]) of each document's topics, but for a factor of the document's, so that none is lost to underflow."""
    logarithms = digamma(gamma)
    logarithms -= logarithms.max(axis=1, keepdims=True)
    return array_module(gamma).exp(logarithms)


class _Explained:
    """Counts over what the topics' shares give their words: at each place of the matrix, c / sum of shares times probabilities."""

    def __init__(self, block: Counts, words: Any) -> None:
        self._rows, self._of_words = block.rows(), words[block.matrix.indices]
        self._counts, self._matrix = block.matrix.data, block.with_values(block.matrix.data.copy())

    def by(self, shares: Any) -> Any:
        """Return the matrix for the shares, [n_documents, n_topics]; it is good until the next call."""
        xp = array_module(shares)
        self._matrix.data[:] = self._counts / xp.einsum("nk,nk->n", self._of_words, xp.take(shares, self._rows, axis=0))
        return self._matrix
