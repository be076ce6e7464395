"""Sums over documents from which the moments of a topic model follow: measured of parts, merged by addition, finished once.

The sums are taken in the span of a basis of few columns (`TopicSketch` finds one), so that nothing of words x words or documents x words
is held. They do not depend on the concentration that a model assumes; that comes in when they are finished.

Source: Anandkumar, Ge, Hsu, Kakade, Telgarsky, "Tensor decompositions for learning latent variable models", JMLR 15 (2014), section 3.2;
Zou, Hsu, Parkes, Adams, "Contrastive learning using spectral methods", NIPS 26 (2013), for moments of words without replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, normals
from gpupipe.tensors.moments import paired
from gpupipe.topics.counts import Counts, as_counts

SPARE_COLUMNS = 10  # of a basis, beyond the number of topics
_N_SCANS = 3
_PAIR_ELEMENTS, _DEVICE_PAIR_ELEMENTS = 1 << 18, 1 << 26  # products of pairs of columns that are held at a time


def start_basis(n_words: int, n_columns: int, random_state: int | None = 0, xp: Any = np) -> Any:
    """Return a random basis, [n_words, n_columns] with orthonormal columns: the same for a seed wherever it is drawn.

    Raises
    ------
    UsageError
        There are more columns than words, or none.
    """
    if not 1 <= n_columns <= n_words:
        msg = f"A basis of {n_columns} columns was asked for; with {n_words} words it has 1 to {n_words}."
        raise UsageError(msg)
    return xp.linalg.qr(normals(xp, np.random.default_rng(random_state), (n_words, n_columns)))[0]


@dataclass(frozen=True, eq=False)
class TopicSketch:
    """The matrix of pairs of words times a basis: a step of subspace iteration towards the span of the topics.

    Start with `start_basis`, measure the parts of a corpus, merge, and take the `next_basis`; three times, and the basis holds the topics.

    Parameters
    ----------
    basis
        [n_words, n_columns] that was multiplied.
    n_documents
        How many were long enough.
    product
        [n_words, n_columns] the sum over documents of their matrices of ordered pairs, each divided by the number of its pairs.
    """

    basis: Any
    n_documents: int
    product: Any

    @classmethod
    def of(cls, X: Any, basis: Any, min_length: int = 3) -> TopicSketch:
        """Return the sketch of some documents; those shorter than `min_length` do not count.

        Raises
        ------
        UsageError
            These are no counts, or not of the basis's words.
        """
        counts = _documents(X, basis, min_length)
        product = array_module(basis).zeros_like(basis)
        n_documents = 0
        for block in counts.blocks():
            _, pairs, _ = tuple_weights(block.lengths, min_length)
            product += block.matrix.T @ (pairs[:, None] * (block.matrix @ basis))
            product -= (block.matrix.T @ pairs)[:, None] * basis
            n_documents += int((pairs > 0).sum())
        return cls(basis, n_documents, product)

    def merge(self, other: TopicSketch) -> TopicSketch:
        """Return the sketch of the documents of both.

        Raises
        ------
        UsageError
            They are of different bases.
        """
        _require_same(self.basis, other.basis)
        return TopicSketch(self.basis, self.n_documents + other.n_documents, self.product + other.product)

    def next_basis(self) -> Any:
        """Return an orthonormal basis of the product's columns.

        Raises
        ------
        UsageError
            No document was long enough.
        """
        require_documents(self.n_documents)
        return array_module(self.product).linalg.qr(self.product / self.n_documents)[0]


def find_basis(parts: Sequence[Any], n_columns: int, min_length: int = 3, random_state: int | None = 0) -> Any:
    """Return a basis that holds the topics of documents: three steps of subspace iteration, each a scan of all parts.

    Parameters
    ----------
    parts
        Counts of documents, sparse matrices with the same words; how documents are dealt to them changes nothing but rounding.
    n_columns
        Some more than there are topics; no more than words.

    Raises
    ------
    UsageError
        There are more columns than words, these are no counts, or no document is long enough.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> X = csr_array(np.random.default_rng(0).integers(0, 3, (50, 6)))
    >>> find_basis([X[:30], X[30:]], 3).shape
    (6, 3)
    """
    held = [as_counts(part) for part in parts]
    basis = start_basis(held[0].n_words, n_columns, random_state, held[0].xp)
    for _ in range(_N_SCANS):
        basis = reduce(TopicSketch.merge, (TopicSketch.of(part, basis, min_length) for part in held)).next_basis()
    return basis


@dataclass(frozen=True, eq=False)
class TopicMoments:
    """Sums over documents of their first three moments in a basis; merged, they are those of all documents, however these were dealt.

    Parameters
    ----------
    basis
        [n_words, n_columns], orthonormal.
    n_documents, n_tokens
        How many were long enough, and how many words they have.
    words
        [3, n_words] sums of counts, each document's divided by the number of its words, ordered pairs and ordered triples.
    pairs
        [n_columns, n_columns] of the documents' counts in the basis, divided by the number of pairs.
    triples
        [n_columns, n_columns (n_columns + 1) / 2] likewise of triples; only pairs i <= j of the last two.
    mixed
        [n_words, n_columns] the documents' counts times their counts in the basis, divided by the number of triples.
    trace
        The sum of the traces of the documents' matrices of pairs.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> X = csr_array(np.random.default_rng(0).integers(0, 3, (50, 6)))
    >>> basis = start_basis(6, 4)
    >>> parts = [TopicMoments.of(X[:20], basis), TopicMoments.of(X[20:], basis)]
    >>> bool(np.allclose(parts[0].merge(parts[1]).triples, TopicMoments.of(X, basis).triples, atol=1e-14))
    True
    """

    basis: Any
    n_documents: int
    n_tokens: float
    words: Any
    pairs: Any
    triples: Any
    mixed: Any
    trace: float

    @classmethod
    def of(cls, X: Any, basis: Any, min_length: int = 3) -> TopicMoments:
        """Return the sums of some documents; those shorter than `min_length` do not count.

        Raises
        ------
        UsageError
            These are no counts, or not of the basis's words, or the least length is below 3.
        """
        counts = _documents(X, basis, min_length)
        xp = counts.xp
        n_words, width = basis.shape
        sums = cls(
            basis,
            0,
            0.0,
            xp.zeros((3, n_words)),
            xp.zeros((width, width)),
            xp.zeros((width, width * (width + 1) // 2)),
            xp.zeros((n_words, width)),
            0.0,
        )
        for block in counts.blocks():
            sums = sums.merge(_block_sums(block, basis, min_length))
        return sums

    def outside(self) -> float:
        """Return the share of the trace of the second moment that the basis has no room for."""
        inside = float(array_module(self.basis).trace(self.pairs - (self.basis.T * self.words[1]) @ self.basis))
        return 1 - inside / self.trace if self.trace > 0 else 0.0

    def merge(self, other: TopicMoments) -> TopicMoments:
        """Return the sums of the documents of both.

        Raises
        ------
        UsageError
            They are of different bases.
        """
        _require_same(self.basis, other.basis)
        return TopicMoments(
            self.basis,
            self.n_documents + other.n_documents,
            self.n_tokens + other.n_tokens,
            self.words + other.words,
            self.pairs + other.pairs,
            self.triples + other.triples,
            self.mixed + other.mixed,
            self.trace + other.trace,
        )


def _block_sums(block: Counts, basis: Any, min_length: int) -> TopicMoments:
    xp = block.xp
    weights = tuple_weights(block.lengths, min_length)
    inside = block.matrix @ basis
    # One product with the transposed counts gives all that is of words: the mixed sums, and the three weighted sums of counts beside them.
    of_words = block.matrix.T @ xp.concatenate([weights[2][:, None] * inside, xp.stack(weights, axis=1)], axis=1)
    columns = xp.ascontiguousarray(inside.T)
    n_pairs = len(columns) * (len(columns) + 1) // 2
    triples = xp.zeros((len(columns), n_pairs))
    step = max(16, (_PAIR_ELEMENTS if xp is np else _DEVICE_PAIR_ELEMENTS) // n_pairs)
    for at in range(0, columns.shape[1], step):
        part = columns[:, at : at + step]
        triples += (part * weights[2][at : at + step]) @ paired(part).T
    squares = block.matrix.data @ (block.matrix.data * xp.take(weights[1], block.rows()))
    return TopicMoments(
        basis,
        int((weights[0] > 0).sum()),
        float(block.lengths @ (weights[0] > 0)),
        xp.ascontiguousarray(of_words[:, -3:].T),
        (columns * weights[1]) @ inside,
        triples,
        of_words[:, :-3],
        float(squares - weights[1] @ block.lengths),
    )


def tuple_weights(lengths: Any, min_length: int) -> tuple[Any, Any, Any]:
    """Return one over the number of words, of ordered pairs and of ordered triples of each document; 0 for those that are too short."""
    xp = array_module(lengths)
    is_long = lengths >= min_length
    n = xp.where(is_long, lengths, 3.0)  # what is divided is never 0
    return is_long / n, is_long / (n * (n - 1)), is_long / (n * (n - 1) * (n - 2))


def require_documents(n_documents: int) -> None:
    """Raise UsageError where no document was long enough to be counted."""
    if not n_documents:
        msg = "No document is long enough: the moments need documents of 3 words or more, and no fewer than min_length."
        raise UsageError(msg)


def _documents(X: Any, basis: Any, min_length: int) -> Counts:
    if isinstance(min_length, bool) or not isinstance(min_length, int | np.integer) or min_length < 3:
        msg = f"min_length must be a whole number from 3 on, got {min_length!r}: the third moment is of three words of a document."
        raise UsageError(msg)
    return as_counts(X, len(basis))


def _require_same(mine: Any, theirs: Any) -> None:
    if mine is not theirs and not (mine.shape == theirs.shape and bool((mine == theirs).all())):
        msg = "Only sums in one basis merge. Measure all parts in the same one."
        raise UsageError(msg)
