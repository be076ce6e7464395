"""Methods of asking about sets: which example comes first, which question it is asked, and whether it is asked until its class is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gpupipe.active._arrays import array_module, blocks
from gpupipe.active.hierarchy import LabelHierarchy
from gpupipe.active.partial.belief import answered
from gpupipe.active.partial.questions import Worth, best_questions
from gpupipe.active.scorers.entropy import entropy
from gpupipe.active.scorers.least_confidence import least_confidence
from gpupipe.active.selectors.top import top
from gpupipe.core.errors import UsageError, listing, nearest


@dataclass(frozen=True)
class Method:
    """How examples and questions are chosen.

    Parameters
    ----------
    order
        Which example comes first: at ``random`` by its hash, by ``entropy``, ``least_confidence``, or the ``worth`` of its best question.
    worth
        What a question is worth.
    informed
        Whether it is worth that under the model's belief, or where all possible classes are as likely: halves are then best.
    until_exact
        Whether an example that was begun is asked until its class is known before another one is begun.
    """

    order: Literal["random", "entropy", "least_confidence", "worth"]
    worth: Worth
    informed: bool
    until_exact: bool


METHODS: Mapping[str, Method] = {
    "uniform": Method("random", "EIG", informed=False, until_exact=True),
    "AL-ME": Method("entropy", "EIG", informed=False, until_exact=True),
    "AL-LC": Method("least_confidence", "EIG", informed=False, until_exact=True),
    **{f"AQ-{worth}": Method("random", worth, informed=True, until_exact=True) for worth in ("EIG", "EDC", "ERC")},
    **{f"ALPF-{worth}": Method("worth", worth, informed=True, until_exact=False) for worth in ("EIG", "EDC", "ERC")},
}
OTHER_NAMES = {"random": "uniform"}  # what the arm is called that every comparison has


def method_of(name: str) -> Method:
    """Return a method by its name.

    Raises
    ------
    UsageError
        There is no such method.

    Examples
    --------
    >>> method_of("random") == method_of("uniform")
    True
    """
    known = METHODS.get(OTHER_NAMES.get(name, name))
    if known is None:
        msg = f"There is no method {name!r}.{nearest(name, METHODS)} The methods are {listing(METHODS)}."
        raise UsageError(msg)
    return known


def choose_questions(
    probabilities: Any, possible: Any, hashes: Any, hierarchy: LabelHierarchy, n_questions: int, method: str = "AQ-EIG"
) -> tuple[Any, Any, Any]:
    """Return the places of the rows to ask about, the number of each one's question, and what it is worth: at most a question a row.

    Parameters
    ----------
    probabilities, possible
        [n_rows, n_classes], see `belief`.
    hashes
        [n_rows] of uint64, of the rows' ids, a seed and a round: chance, and what breaks ties.
    n_questions
        How many questions; fewer where fewer rows have an open class.
    method
        =============================== ===================== ================================ =================
        method                          example first         question                         stops with it
        =============================== ===================== ================================ =================
        ``uniform``                     at random             that halves its classes          when it is exact
        ``AL-ME``, ``AL-LC``            the most uncertain    that halves its classes          when it is exact
        ``AQ-EIG``, ``-EDC``, ``-ERC``  at random             the best by the model's belief   when it is exact
        ``ALPF-EIG``, ``-EDC``, ``-ERC`` with the best question the best by the model's belief   at any time
        =============================== ===================== ================================ =================

    Raises
    ------
    UsageError
        There is no such method, or the number is below 1.

    Source
    ------
    Hu et al. (2019), arXiv 1802.07427, section 3 and table 1.

    Examples
    --------
    >>> import numpy as np
    >>> hierarchy = LabelHierarchy(("a", "b", "c"), ("a", "b", "c"), ((0,), (1,), (2,)))
    >>> p, hashes = np.array([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2]]), np.array([1, 2], np.uint64)
    >>> rows, questions, worths = choose_questions(p, np.ones((2, 3), bool), hashes, hierarchy, 1, "ALPF-EIG")
    >>> rows.tolist(), questions.tolist(), worths.tolist()
    ([1], [0], [1.0])
    """
    chosen = method_of(method)
    if n_questions < 1:
        raise UsageError(f"Expected a budget of 1 question or more, got {n_questions}. Nothing is asked with less.")
    xp = array_module(probabilities)
    n_possible = possible.sum(axis=1)
    open_rows = xp.nonzero(n_possible > 1)[0]
    if not len(open_rows):
        return open_rows, open_rows, xp.zeros(0)
    if chosen.order == "worth":
        questions, worths = best_questions(probabilities[open_rows], possible[open_rows], hierarchy, chosen.worth)
        kept, asked = _best_of(questions, worths, hashes[open_rows], n_questions)
        return open_rows[kept], asked, worths[kept]
    uncertain = _uncertain(chosen, probabilities[open_rows])
    begun = n_possible[open_rows] < possible.shape[1]
    later = top(xp.where(begun, xp.inf, uncertain), hashes[open_rows], n_questions)  # those begun come before all others
    rows = open_rows[later]
    believed = probabilities[rows] if chosen.informed else xp.full((len(rows), possible.shape[1]), 1 / possible.shape[1])
    questions, worths = best_questions(believed, possible[rows], hierarchy, chosen.worth)
    kept = questions >= 0
    return rows[kept], questions[kept], worths[kept]


def _uncertain(method: Method, probabilities: Any) -> Any:
    """Return by what examples are ordered that nobody has begun."""
    xp = array_module(probabilities)
    if method.order == "random":
        return xp.zeros(len(probabilities))
    score = entropy if method.order == "entropy" else least_confidence
    made = xp.empty(len(probabilities))
    for rows in blocks(probabilities):
        made[rows] = score(xp.ascontiguousarray(probabilities[rows].T))
    return made


def ask_round(
    probabilities: Any,
    possible: Any,
    hashes: Any,
    hierarchy: LabelHierarchy,
    budget: int,
    answer: Callable[[Any, Any], Any],
    *,
    method: str = "AQ-EIG",
    batch: int | None = None,
) -> tuple[Any, int]:
    """Return what is possible after a round of questions that are answered at once, and how many were asked.

    The model is asked once; beliefs and questions follow the answers, a batch of questions after the other.

    Parameters
    ----------
    answer
        From places of rows and numbers of questions to answers, true for yes.
    batch
        Questions at a time; a fiftieth of the budget unless given.

    Raises
    ------
    UsageError
        There is no such method, or the budget is below 1.

    Source
    ------
    Hu et al. (2019), arXiv 1802.07427, algorithm 1, with batches in place of a heap.

    Examples
    --------
    >>> import numpy as np
    >>> hierarchy = LabelHierarchy(("a", "b", "c"), ("a", "b", "c"), ((0,), (1,), (2,)))
    >>> truth, p = np.array([0, 2]), np.full((2, 3), 1 / 3)
    >>> possible, asked = ask_round(p, np.ones((2, 3), bool), np.array([1, 2], np.uint64), hierarchy, 9, lambda rows, q: truth[rows] == q)
    >>> possible.tolist(), asked
    ([[True, False, False], [False, False, True]], 3)
    """
    asked, size = 0, batch or max(1, budget // 50)
    held, chosen = possible.copy(), method_of(method)
    best = best_questions(probabilities, held, hierarchy, chosen.worth) if chosen.order == "worth" else None
    while asked < budget:
        number = min(size, budget - asked)
        if best is None:
            rows, questions, _ = choose_questions(probabilities, held, hashes, hierarchy, number, method)
        else:
            rows, questions = _best_of(*best, hashes, number)
        if not len(rows):
            break
        held[rows] = answered(held[rows], hierarchy, questions, answer(rows, questions))
        if best is not None:  # what was not asked is worth what it was
            best[0][rows], best[1][rows] = best_questions(probabilities[rows], held[rows], hierarchy, chosen.worth)
        asked += len(rows)
    return held, asked


def _best_of(questions: Any, worths: Any, hashes: Any, number: int) -> tuple[Any, Any]:
    """Return the rows whose best questions are worth most, and these; none whose class is known."""
    first = top(array_module(worths).round(worths, 9), hashes, number)
    kept = first[questions[first] >= 0]
    return kept, questions[kept]
