"""The words that a topic is told by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, stable_argsort


def top_words(components: Any, n_words: int = 10) -> Any:
    """Return the numbers of each topic's most probable words, [n_topics, n_words], the likeliest first; of equal ones the first.

    Raises
    ------
    UsageError
        More words are asked for than there are, or none.

    Examples
    --------
    >>> import numpy as np
    >>> top_words(np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]]), 2)
    array([[1, 2],
           [0, 2]])
    """
    size = components.shape[1]
    if isinstance(n_words, bool) or not isinstance(n_words, int) or not 1 <= n_words <= size:
        msg = f"Expected a number of words from 1 to {size}, got {n_words!r}."
        raise UsageError(msg)
    xp = array_module(components)
    return xp.stack([stable_argsort(-row)[:n_words] for row in components])


def topic_words(components: Any, vocabulary: Sequence[str], n_words: int = 10) -> list[list[str]]:
    """Return each topic's most probable words themselves.

    Parameters
    ----------
    vocabulary
        The words, in the order of the columns.

    Raises
    ------
    UsageError
        There are other words than columns.

    Examples
    --------
    >>> import numpy as np
    >>> topic_words(np.array([[0.2, 0.5, 0.3]]), ["sun", "moon", "star"], 2)
    [['moon', 'star']]
    """
    if len(vocabulary) != components.shape[1]:
        msg = f"Expected a vocabulary of the topics' {components.shape[1]} words, got {len(vocabulary)}."
        raise UsageError(msg)
    return [[str(vocabulary[int(word)]) for word in row] for row in top_words(components, n_words)]
