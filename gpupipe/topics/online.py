"""Topics that each further batch of documents moves a step, ever smaller: online variational EM.

Source: Hoffman, Blei, Bach, "Online learning for latent Dirichlet allocation", NIPS 23 (2010), algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from gpupipe.topics.counts import as_counts
from gpupipe.topics.documents import measure_documents

OFFSET, DECAY = 10.0, 0.7  # the step after n batches is (offset + n) ** -decay


@dataclass(frozen=True, eq=False)
class OnlineTopics:
    """What is expected of a word of the corpus: which topic, which word; and how many steps it has made.

    Parameters
    ----------
    words
        [n_topics, n_words] shares of all words of all documents; they add up to 1.
    n_tokens
        How many words there were.
    n_steps
        How many batches moved it.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> topics = OnlineTopics.start(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0.2, 0.2]), 1000.0)
    >>> moved = topics.step(csr_array(np.array([[9, 0], [0, 9]])), np.array([0.2, 0.2]), 0.01)
    >>> moved.components(0.01).round(2)
    array([[0.92, 0.08],
           [0.08, 0.92]])
    """

    words: Any
    n_tokens: float
    n_steps: int = 0

    @classmethod
    def start(cls, components: Any, alpha: Any, n_tokens: float) -> Self:
        """Return what stands for topics that were found otherwise."""
        return cls(components * (alpha / alpha.sum())[:, None], n_tokens)

    def step(self, X: Any, alpha: Any, eta: float) -> OnlineTopics:
        """Return it moved towards what a batch of documents tells; a batch without words tells nothing.

        Raises
        ------
        UsageError
            These are no counts of the same words.
        """
        counts = as_counts(X, self.words.shape[1])
        n_tokens = float(counts.lengths.sum())
        if not n_tokens:
            return self
        told = measure_documents(counts, self.components(eta), alpha).words / n_tokens
        size = (OFFSET + self.n_steps) ** -DECAY
        return OnlineTopics((1 - size) * self.words + size * told, self.n_tokens + n_tokens, self.n_steps + 1)

    def components(self, eta: float) -> Any:
        """Return the topics, [n_topics, n_words], with `eta` words added to each word of each topic."""
        words = self.n_tokens * self.words + eta
        return words / words.sum(axis=1, keepdims=True)
