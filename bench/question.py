"""What engines are asked: a data set that is made once, a pipeline on it, and how the answers are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gpupipe as gp


@dataclass(frozen=True)
class Question:
    """One question.

    Parameters
    ----------
    prepare
        Called with the folder of all data; makes what is missing of the question's, and returns where it is.
    build
        Called with that, and with a new folder to write into.
    tolerance
        By how much numbers of two engines may differ: of their size, or by itself where `fitted`.
    fitted
        Whether the answers are scores of models, which chance has a part in.
    timed
        The kinds of the stages whose seconds count; the whole run where there are none.
    estimator
        What is trained, if anything.
    fallbacks
        Whether what the engine cannot do on its device is refused, or done on the host and told.
    smaller
        The question on half the rows, asked where the memory does not suffice.
    """

    name: str
    rows: int
    prepare: Callable[[Path], Any]
    build: Callable[[Any, Path], gp.Pipeline]
    tolerance: float = 1e-6
    fitted: bool = False
    timed: tuple[str, ...] = ()
    estimator: Any = None
    fallbacks: str = "refuse"
    smaller: Callable[[], Question] | None = field(default=None, repr=False)


def differences(one: Mapping[str, Any], other: Mapping[str, Any], question: Question) -> list[str]:
    """Return where two engines' answers differ, a line each; none where they agree.

    Examples
    --------
    >>> asked = Question("q", 1, lambda data: data, lambda data, out: None)
    >>> differences({"n": 3, "x": 1.0}, {"n": 3, "x": 1.0 + 1e-9}, asked)
    []
    >>> differences({"n": 3, "x": 1.0}, {"n": 4}, asked)
    ['n: 3, 4', 'x: 1.0, nothing']
    """
    told = []
    for name in dict.fromkeys([*one, *other]):
        left, right = one.get(name, "nothing"), other.get(name, "nothing")
        if not _equal(left, right, question):
            told.append(f"{name}: {left}, {right}")
    return told


def _equal(one: Any, other: Any, question: Question) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        if question.fitted:
            return abs(one - other) <= question.tolerance
        return math.isclose(one, other, rel_tol=question.tolerance)
    return bool(one == other)
