"""Coherence of topics: whether their words stand together in documents, as normalised pointwise mutual information (NPMI).

Only the columns of the topics' words are looked at, and pairs of words within a topic.

Source: Bouma, "Normalized (pointwise) mutual information in collocation extraction", GSCL 2009; Lau, Newman, Baldwin, EACL 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module
from gpupipe.topics.counts import as_counts
from gpupipe.topics.top_words import top_words


@dataclass(frozen=True, eq=False)
class WordPairs:
    """In how many documents the words of topics stand, alone and in pairs; those of parts merge into those of the whole.

    Parameters
    ----------
    words
        [n_topics, n_words] numbers of words.
    n_documents
        How many documents were looked at.
    together
        [n_topics, n_words, n_words] in how many both stand; on the diagonal, the word itself.
    """

    words: Any
    n_documents: int
    together: Any

    @classmethod
    def of(cls, X: Any, words: Any) -> WordPairs:
        """Return the counts of some documents."""
        counts = as_counts(X)
        xp = counts.xp
        used, places = xp.unique(words.reshape(-1), return_inverse=True)
        there = counts.with_values(xp.ones_like(counts.matrix.data))[:, used]
        places = places.reshape(words.shape)
        together = []
        for row in places:
            own = there[:, row]
            together.append((own.T @ own).toarray())
        return cls(words, counts.n_documents, xp.stack(together))

    def merge(self, other: WordPairs) -> WordPairs:
        """Return the counts of the documents of both.

        Raises
        ------
        UsageError
            They are of different words.
        """
        if self.words.shape != other.words.shape or not bool((self.words == other.words).all()):
            msg = "Only counts of the same words merge. Measure all parts with the same ones."
            raise UsageError(msg)
        return WordPairs(self.words, self.n_documents + other.n_documents, self.together + other.together)

    def npmi(self) -> Any:
        """Return the mean over pairs of each topic's words: 1 where they always stand together, 0 by chance, -1 where they never do.

        A word that stands in no document counts as never together with any, and one pair that is in every document as by chance.
        """
        xp = array_module(self.together)
        both = self.together / self.n_documents
        alone = xp.diagonal(both, axis1=1, axis2=2)
        is_there = both > 0
        held = xp.where(is_there, both, 1.0)
        expected = xp.where(is_there, alone[:, :, None] * alone[:, None, :], 1.0)
        certain = held == 1
        value = xp.log(held / expected) / xp.where(certain, 1.0, -xp.log(held))
        value = xp.where(is_there, value, -1.0)
        first, second = np.triu_indices(self.words.shape[1], 1)
        return value[:, xp.asarray(first), xp.asarray(second)].mean(axis=1)


def coherence(X: Any, components: Any, n_words: int = 10) -> Any:
    """Return the NPMI of each topic's most probable words over some documents.

    Parameters
    ----------
    X
        Counts, a sparse matrix.
    components
        [n_topics, n_words] probabilities of words.
    n_words
        How many words of each topic, 2 or more.

    Raises
    ------
    UsageError
        These are no counts or of other words, or fewer than 2 words are asked for.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> X = csr_array(np.array([[1, 2, 0, 0], [3, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 2]]))
    >>> coherence(X, np.array([[0.5, 0.4, 0.1, 0.0], [0.0, 0.1, 0.5, 0.4]]), 2)
    array([ 1., -1.])
    """
    if n_words < 2:
        msg = f"Coherence is of pairs of words: expected n_words of 2 or more, got {n_words}."
        raise UsageError(msg)
    return WordPairs.of(as_counts(X, components.shape[1]), top_words(components, n_words)).npmi()
