"""How right classes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MOST_CLASSES = 30  # of a confusion matrix on a page


def accuracy(scores: Any, actual: Any, k: int = 1) -> float:
    """Return the share of samples whose class is among the `k` with the highest scores.

    Examples
    --------
    >>> scores, classes = np.array([[0.1, 0.9, 0.5], [0.6, 0.3, 0.1]]), np.array([2, 0])
    >>> accuracy(scores, classes), accuracy(scores, classes, 2)
    (0.5, 1.0)
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((best == actual[:, None]).any(axis=1).mean())


def probabilities(scores: Any, xp: Any) -> Any:
    """Return the softmax of scores [n, n_classes].

    Examples
    --------
    >>> probabilities(np.array([[1.0, 1.0]]), np).tolist()
    [[0.5, 0.5]]
    """
    raised = xp.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def confusion_part(title: str, names: Sequence[str], counts: Any) -> Mapping[str, Any]:
    """Return a confusion matrix as a part of a card; of many classes, those that are most confused."""
    wrong = counts.sum(1) + counts.sum(0) - 2 * np.diag(counts)
    chosen = np.sort(np.argsort(-wrong, kind="stable")[:MOST_CLASSES])
    columns = ["class", *(names[at] for at in chosen), "right"]
    rows = [
        [names[at], *(int(counts[at, other]) for other in chosen), round(float(counts[at, at] / max(counts[at].sum(), 1)), 4)]
        for at in chosen
    ]
    more = f" (the {MOST_CLASSES} of {len(names)} that are most confused)" if len(names) > MOST_CLASSES else ""
    return {"kind": "table", "title": title + more, "columns": columns, "rows": rows}
