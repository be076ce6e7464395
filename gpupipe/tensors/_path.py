"""In which order the operands of a contraction are multiplied: the cheapest one for up to eight, a greedy one for more.

Source: Pfeifer, Haegeman, Verstraete, "Faster identification of optimal contraction sequences for tensor networks", Phys. Rev. E 90 (2014),
of which this is the plain form (dynamic programming over subsets); Smith and Gray, "opt_einsum", JOSS 3 (2018), for the greedy measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import prod
from typing import TypeAlias

MOST_OPTIMAL = 8  # operands: 3 ** 8 splits are looked at
Labels: TypeAlias = frozenset[str]
Steps: TypeAlias = list[tuple[int, int]]


def find_path(operands: Sequence[str], output: str, sizes: Mapping[str, int]) -> Steps:
    """Return pairs of places in the list of operands; a step takes both out and puts their product at the end.

    No product on the way is larger than the largest of operands and output, unless there is no such path.

    Examples
    --------
    >>> find_path(["ab", "bc", "cd"], "ad", {"a": 2, "b": 100, "c": 100, "d": 2})
    [(1, 2), (0, 1)]
    """
    sets = [frozenset(one) for one in operands]
    if len(sets) <= 2:
        return [(0, 1)] if len(sets) == 2 else []
    if len(sets) > MOST_OPTIMAL:
        return _greedy(sets, frozenset(output), sizes)
    limit = max(_size(one, sizes) for one in [*sets, frozenset(output)])
    return _optimal(sets, frozenset(output), sizes, limit) or _optimal(sets, frozenset(output), sizes, None) or []


def _size(labels: Labels, sizes: Mapping[str, int]) -> int:
    return prod(sizes[label] for label in labels)


def _optimal(sets: Sequence[Labels], output: Labels, sizes: Mapping[str, int], limit: int | None) -> Steps | None:
    """Return the path of fewest multiplications, of equal ones that with the smallest products; None where all exceed the limit."""
    n, whole = len(sets), (1 << len(sets)) - 1
    unions = [Labels().union(*(sets[k] for k in range(n) if group >> k & 1)) for group in range(whole + 1)]
    kept = [unions[group] & (unions[whole ^ group] | output) for group in range(whole + 1)]  # labels that a group's product still has
    best: dict[int, tuple[int, int, int]] = {1 << k: (0, 0, 0) for k in range(n)}  # cost, elements on the way, left part
    for group in sorted(range(1, whole + 1), key=int.bit_count):
        if group.bit_count() < 2 or (limit is not None and group != whole and _size(kept[group], sizes) > limit):
            continue
        part = (group - 1) & group
        while part > group ^ part:  # each split once: the larger number is the left part
            other = group ^ part
            if part in best and other in best:
                cost = best[part][0] + best[other][0] + _size(kept[part] | kept[other], sizes)
                held = best[part][1] + best[other][1] + _size(kept[group], sizes)
                if group not in best or (cost, held) < best[group][:2]:
                    best[group] = (cost, held, part)
            part = (part - 1) & group
    return _steps(best, whole, n) if whole in best else None


def _steps(best: Mapping[int, tuple[int, int, int]], whole: int, n: int) -> Steps:
    """Return the splits as pairs of places in a list that shrinks."""
    order: list[tuple[int, int, int]] = []
    waiting = [whole]
    while waiting:
        group = waiting.pop()
        if group.bit_count() > 1:
            part = best[group][2]
            order.append((group, part, group ^ part))
            waiting += [part, group ^ part]
    listed = [1 << k for k in range(n)]
    steps = []
    for group, part, other in reversed(order):
        places = (listed.index(part), listed.index(other))
        steps.append((min(places), max(places)))
        listed = [one for one in listed if one not in (part, other)] + [group]
    return steps


def _greedy(sets: Sequence[Labels], output: Labels, sizes: Mapping[str, int]) -> Steps:
    """Return the path that always takes the pair whose product is smallest beside the two that it replaces; others last."""
    listed, steps = list(sets), []
    while len(listed) > 1:

        def measure(pair: tuple[int, int]) -> tuple[bool, int, int]:
            left, right = listed[pair[0]], listed[pair[1]]  # noqa: B023  (called in this turn only)
            product = _product(listed, pair, output)  # noqa: B023
            return (not left & right, _size(product, sizes) - _size(left, sizes) - _size(right, sizes), _size(left | right, sizes))

        pair = min(combinations(range(len(listed)), 2), key=measure)
        product = _product(listed, pair, output)
        listed = [one for place, one in enumerate(listed) if place not in pair] + [product]
        steps.append(pair)
    return steps


def _product(listed: Sequence[Labels], pair: tuple[int, int], output: Labels) -> Labels:
    others = output.union(*(one for place, one in enumerate(listed) if place not in pair))
    return (listed[pair[0]] | listed[pair[1]]) & others
