"""Beliefs: what is known of a row's class from answers to questions about sets, with what a model says of the rest."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.active.hierarchy import LabelHierarchy
from gpupipe.core.errors import UsageError

LEAST_MASS = 1e-8  # of what a model leaves to the possible classes; below it, each of them is as likely


def belief(probabilities: Any, possible: Any) -> Any:
    """Return probabilities restricted to the possible classes and brought to a sum of 1, as float64 [n_rows, n_classes].

    Where the model leaves less than 1e-8 to them, they are equally likely.

    Parameters
    ----------
    probabilities
        [n_rows, n_classes].
    possible
        [n_rows, n_classes], true for classes that the answers leave open.

    Raises
    ------
    UsageError
        A row has no possible class: its answers contradict each other.

    Source
    ------
    Hu et al. (2019), arXiv 1802.07427, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> belief(np.array([[0.5, 0.25, 0.25]]), np.array([[True, True, False]])).round(4).tolist()
    [[0.6667, 0.3333, 0.0]]
    """
    xp = array_module(probabilities)
    if not bool(possible.any(axis=1).all()):
        msg = "Expected a possible class in each row, got a row without one: its answers contradict each other. Open it again."
        raise UsageError(msg)
    made = xp.where(possible, probabilities, 0).astype(xp.float64)
    mass = made.sum(axis=1, keepdims=True)
    uniform = possible / possible.sum(axis=1, keepdims=True)
    return xp.where(mass < LEAST_MASS, uniform, made / xp.maximum(mass, LEAST_MASS))


def answered(possible: Any, hierarchy: LabelHierarchy, questions: Any, answers: Any) -> Any:
    """Return the possible classes after each row's question was answered, truth values [n_rows, n_classes].

    Parameters
    ----------
    questions
        [n_rows], the number of the question that each row was asked.
    answers
        [n_rows], true for yes.

    Examples
    --------
    >>> import numpy as np
    >>> hierarchy = LabelHierarchy(("a", "b", "c"), ("a", "b", "c"), ((0,), (1,), (2,)))
    >>> answered(np.ones((2, 3), bool), hierarchy, np.array([0, 0]), np.array([True, False])).tolist()
    [[True, False, False], [False, True, True]]
    """
    xp = array_module(possible)
    asked = xp.asarray(hierarchy.matrix)[questions]
    return possible & (asked == xp.asarray(answers)[:, None])
