"""Perplexity by document completion: half of a document's words tell its topics, and the other half is predicted.

Unlike a variational bound it compares models of any kind, as long as documents are cut in the same way and inferred by the same code.

Source: Wallach, Murray, Salakhutdinov, Mimno, "Evaluation methods for topic models", ICML 2009, section 5.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module
from gpupipe.topics.counts import as_counts

UNIGRAM_SHARE, EVEN_SHARE = 1e-3, 1e-2  # of the words' own frequencies in what is predicted; of these, what all words get alike


def split_tokens(X: Any, share: float = 0.5, random_state: int | None = 0) -> tuple[Any, Any]:
    """Return the counts of the words that stay and of those held back: each single word is held back with probability `share`.

    Parameters
    ----------
    X
        Counts, a sparse matrix [n_documents, n_words].
    random_state
        The seed; drawn on the host, so that it means the same everywhere.

    Raises
    ------
    UsageError
        These are no counts, or the share is not between 0 and 1.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> X = csr_array(np.array([[4, 0, 2], [1, 3, 0]]))
    >>> seen, held = split_tokens(X)
    >>> (seen + held).toarray().astype(int).tolist()
    [[4, 0, 2], [1, 3, 0]]
    """
    if not 0 < share < 1:
        msg = f"The share of words held back must be between 0 and 1, got {share}."
        raise UsageError(msg)
    counts = as_counts(X)
    xp, values = counts.xp, counts.matrix.data
    host = values if xp is np else values.get()
    held = xp.asarray(np.random.default_rng(random_state).binomial(host.astype(np.int64), share).astype(np.float64))
    parts = []
    for part in (values - held, held):
        matrix = counts.with_values(part).copy()
        matrix.eliminate_zeros()
        parts.append(matrix)
    return parts[0], parts[1]


def completion_perplexity(held: Any, shares: Any, components: Any, frequencies: Any) -> float:
    """Return exp of minus the mean logarithm of the probability of the words held back.

    Parameters
    ----------
    held
        Counts of the words held back.
    shares
        [n_documents, n_topics] found from the other words of these documents.
    components
        [n_topics, n_words] probabilities of words.
    frequencies
        [n_words] of the words in the corpus that was learned from. A thousandth of what is predicted are they, and a hundredth of that is
        shared evenly, so that no word is impossible.

    Raises
    ------
    UsageError
        These are no counts, or no word is held back, or the arrays do not fit.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> even = np.full((1, 4), 0.25)
    >>> round(completion_perplexity(csr_array(np.array([[1, 0, 2, 0]])), np.ones((1, 1)), even, even[0]), 9)
    4.0
    """
    xp = array_module(components)
    counts = as_counts(held, components.shape[1])
    if shares.shape != (counts.n_documents, len(components)):
        msg = f"Expected shares of {counts.n_documents} documents and {len(components)} topics, got shape {tuple(shares.shape)}."
        raise UsageError(msg)
    n_held = float(counts.lengths.sum())
    if n_held == 0:
        msg = "No word is held back, so there is nothing to predict. Take more documents, or longer ones."
        raise UsageError(msg)
    total, start = 0.0, 0
    words = xp.ascontiguousarray(components.T)
    background = UNIGRAM_SHARE * ((1 - EVEN_SHARE) * frequencies / frequencies.sum() + EVEN_SHARE / len(words))
    for block in counts.blocks((1 << 17 if xp is np else 1 << 26) // len(components) + 1):
        there = xp.take(shares[start : start + block.n_documents], block.rows(), axis=0)
        of_words = xp.take(words, block.matrix.indices, axis=0)
        predicted = (1 - UNIGRAM_SHARE) * xp.einsum("nk,nk->n", there, of_words) + background[block.matrix.indices]
        total += float(block.matrix.data @ xp.log(predicted))
        start += block.n_documents
    return float(np.exp(-total / n_held))
