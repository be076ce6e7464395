"""Corpora that are drawn from the model, and how near topics are to those they were drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array, vstack

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Corpus:
    """Documents of a known model: counts, topics, the topics' shares in documents, and their Dirichlet parameters."""

    X: Any
    components: Array
    shares: Array
    alpha: Array


def drawn(
    n_topics: int, n_words: int, n_documents: int, length: int, *, alpha0: float = 1.0, alpha: Array | None = None, seed: int = 0
) -> Corpus:
    """Return a corpus of latent Dirichlet allocation: topics of Dirichlet(.05), documents of one length."""
    chance = np.random.default_rng(seed)
    components = chance.dirichlet(np.full(n_words, 0.05), n_topics)
    alpha = np.full(n_topics, alpha0 / n_topics) if alpha is None else alpha
    shares = chance.dirichlet(alpha, n_documents)
    parts = []
    for at in range(0, n_documents, 1000):
        probabilities = shares[at : at + 1000] @ components
        parts.append(csr_array(chance.multinomial(length, probabilities / probabilities.sum(axis=1, keepdims=True))))
    return Corpus(csr_array(vstack(parts)), components, shares, alpha)


def total_variation(found: Array, true: Array) -> tuple[float, int, Array]:
    """Return the mean total variation over the best pairs of topics, in how many the cosine is above .9, and each true topic's partner."""
    distances = 0.5 * np.abs(found[:, None] - true[None]).sum(axis=2)
    mine, theirs = linear_sum_assignment(distances)
    cosines = (found[mine] * true[theirs]).sum(axis=1) / np.linalg.norm(found[mine], axis=1) / np.linalg.norm(true[theirs], axis=1)
    return float(distances[mine, theirs].mean()), int((cosines > 0.9).sum()), mine[np.argsort(theirs)]
