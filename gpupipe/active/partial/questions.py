"""What a question is worth: the expected drop of entropy, or of the number of possible classes."""

from __future__ import annotations

from typing import Any, Literal

from gpupipe.active._arrays import array_module
from gpupipe.active.hierarchy import LabelHierarchy
from gpupipe.active.partial.belief import belief
from gpupipe.core.errors import UsageError

Worth = Literal["EIG", "EDC", "ERC"]
_ROWS = 1 << 10


def question_scores(probabilities: Any, possible: Any, hierarchy: LabelHierarchy, worth: Worth = "EIG") -> Any:
    """Return what each question is worth for each row, as float64 [n_rows, n_questions]; -inf where its answer is known.

    With q the probability of yes, and n, n1, n0 the possible classes, those inside the question's set and those outside:

    ======= ============================================ =====================================================
    ``EIG`` ``-q log2 q - (1 - q) log2 (1 - q)``          the expected drop of the belief's entropy, in bits
    ``EDC`` ``q n0 + (1 - q) n1``                         the expected number of classes ruled out
    ``ERC`` ``-(q n1 + (1 - q) n0)``                      minus the expected number that stay possible
    ======= ============================================ =====================================================

    Sums over sets are differences of prefix sums: of the classes themselves in a tree, whose sets are runs of them; in a DAG of each set's
    classes one after the other.

    Parameters
    ----------
    probabilities, possible
        [n_rows, n_classes], see `belief`.

    Raises
    ------
    UsageError
        There is no such worth, or other classes than the hierarchy's.

    Source
    ------
    Hu et al. (2019), arXiv 1802.07427, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> hierarchy = LabelHierarchy(("a", "b"), ("a", "b"), ((0,), (1,)))
    >>> question_scores(np.array([[0.5, 0.5]]), np.array([[True, True]]), hierarchy).tolist()
    [[1.0, 1.0]]
    """
    xp = array_module(probabilities)
    if probabilities.shape[1] != hierarchy.n_classes:
        raise UsageError(f"Expected probabilities of the hierarchy's {hierarchy.n_classes} classes, got {probabilities.shape[1]} columns.")
    yes = _sums(xp, belief(probabilities, possible), hierarchy)
    inside = _sums(xp, possible.astype(xp.int32), hierarchy)
    n_possible = possible.sum(axis=1, keepdims=True)
    outside = n_possible - inside
    xp.clip(yes, 0.0, 1.0, out=yes)
    if worth == "EIG":
        no = 1 - yes
        made = -(yes * xp.log2(xp.maximum(yes, 1e-300)) + no * xp.log2(xp.maximum(no, 1e-300)))
    elif worth == "EDC":
        made = yes * outside + (1 - yes) * inside
    elif worth == "ERC":
        made = -(yes * inside + (1 - yes) * outside)
    else:
        raise UsageError(f"Expected a worth of 'EIG', 'EDC' or 'ERC', got {worth!r}.")
    made[(inside == 0) | (outside == 0)] = -xp.inf
    return made


def best_questions(probabilities: Any, possible: Any, hierarchy: LabelHierarchy, worth: Worth = "EIG") -> tuple[Any, Any]:
    """Return the best question of each row and what it is worth; -1 and -inf where the row's class is known.

    Of equal questions the first one is taken. Rows go through in blocks, so that no array of all rows and questions is held.

    Examples
    --------
    >>> import numpy as np
    >>> hierarchy = LabelHierarchy(("a", "b"), ("a", "b"), ((0,), (1,)))
    >>> possible = np.array([[True, True], [True, False]])
    >>> [made.tolist() for made in best_questions(np.full((2, 2), 0.5), possible, hierarchy)]
    [[0, -1], [1.0, -inf]]
    """
    xp = array_module(probabilities)
    questions, worths = xp.empty(len(probabilities), xp.int64), xp.empty(len(probabilities), xp.float64)
    for at in range(0, len(probabilities), _ROWS):
        rows = slice(at, at + _ROWS)
        scores = question_scores(probabilities[rows], possible[rows], hierarchy, worth)
        questions[rows] = xp.argmax(_rounded(xp, scores), axis=1)
        worths[rows] = xp.max(scores, axis=1)
    questions[xp.isneginf(worths)] = -1
    return questions, worths


def _rounded(xp: Any, scores: Any) -> Any:
    """Return scores without their last digits, so that questions that are worth the same are the same on every machine."""
    return xp.round(scores, 9)


def _sums(xp: Any, values: Any, hierarchy: LabelHierarchy) -> Any:
    """Return the sum of values over each question's classes, [n_rows, n_questions]."""
    members, starts, ends = (xp.asarray(each) for each in hierarchy.ranges)
    ordered = values if hierarchy.is_tree else values[:, members]
    sums = xp.zeros((len(values), ordered.shape[1] + 1), values.dtype)
    xp.cumsum(ordered, axis=1, out=sums[:, 1:])
    return sums[:, ends] - sums[:, starts]
