"""What committees and stochastic passes share: running sums over members, so that never are all members' probabilities held."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gpupipe.active._arrays import array_module, columns_of, entropies_of
from gpupipe.core.errors import UsageError


def summed(members: Iterable[Any]) -> tuple[Any, Any, int]:
    """Return the sum over members of probabilities [n_classes, n_rows], that of their entropies [n_rows], and how many members there are.

    Raises
    ------
    UsageError
        There is no member, or one has other classes or rows than those before it.
    """
    total: Any = None
    entropies: Any = None
    n_members = 0
    for member in members:
        columns = columns_of(member)
        xp = array_module(columns[0])
        if total is None:
            total = xp.zeros((len(columns), len(columns[0])), xp.float64)
            entropies = xp.zeros(len(columns[0]), xp.float64)
        if (len(columns), len(columns[0])) != total.shape:
            msg = f"Expected members with the same classes and rows, {total.shape}, got {(len(columns), len(columns[0]))}."
            raise UsageError(msg)
        for number, column in enumerate(columns):
            total[number] += column
        entropies += entropies_of(columns)
        n_members += 1
    if total is None:
        raise UsageError("Expected the probabilities of one member or more, got none.")
    return total, entropies, n_members


def votes(members: Iterable[Any]) -> tuple[Any, int]:
    """Return how many members have each class as their likeliest, [n_classes, n_rows], and how many members there are.

    Of equal classes the first one is voted for.
    """
    counts = None
    n_members = 0
    for member in members:
        columns = columns_of(member)
        xp = array_module(columns[0])
        counts = xp.zeros((len(columns), len(columns[0])), xp.float64) if counts is None else counts
        if (len(columns), len(columns[0])) != counts.shape:
            msg = f"Expected members with the same classes and rows, {counts.shape}, got {(len(columns), len(columns[0]))}."
            raise UsageError(msg)
        largest, voted = columns[0].copy(), xp.zeros(len(columns[0]), xp.int32)
        for number, column in enumerate(columns[1:], start=1):
            voted[column > largest] = number
            xp.maximum(largest, column, out=largest)
        for number in range(len(columns)):
            counts[number] += voted == number
        n_members += 1
    if counts is None:
        raise UsageError("Expected the probabilities of one member or more, got none.")
    return counts, n_members
