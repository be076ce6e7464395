"""Products with a weight of Tucker form, (in_modes..., out_modes...), and the work that they are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor

from gpupipe.deep.layers._modes import Modes
from gpupipe.deep.layers._work import Work

TOGETHER = 32  # ranks that modes side by side have together to be taken as one: products of few columns are slow
_WIDE = 32  # numbers behind a mode from which on it is multiplied in place, matrix by matrix


def along(state: Tensor, factor: Tensor, mode: int) -> Tensor:
    """Return a batch of tensors, (n, d_1, ..., d_N), multiplied along mode 1 to N by a factor (size, new size)."""
    shape = state.shape
    if mode == len(shape) - 1:
        return state @ factor
    before = prod(shape[:mode])
    state = state.reshape(before, shape[mode], -1)
    if mode == 1 and state.shape[2] >= _WIDE:
        made = factor.T.expand(before, -1, -1).bmm(state)
    else:
        made = (state.transpose(1, 2) @ factor).transpose(1, 2)
    return made.reshape(*shape[:mode], factor.shape[1], *shape[mode + 1 :])


def order_of(sizes: Sequence[int], ranks: Sequence[int]) -> list[int]:
    """Return the modes with the largest reduction first, the last of equals: what comes after is then smallest."""
    return sorted(range(len(sizes)), key=lambda mode: (ranks[mode] / sizes[mode], -mode))


def groups_of(ranks: Sequence[int]) -> list[list[int]]:
    """Return modes in runs, each of which is multiplied by one matrix, the Kronecker product of its factors.

    Examples
    --------
    >>> groups_of((36, 4, 4)), groups_of((18, 18)), groups_of((2, 3, 4, 2))
    ([[0], [1, 2]], [[0], [1]], [[0, 1, 2], [3]])
    """
    groups: list[list[int]] = []
    for mode, rank in enumerate(ranks):
        if groups and rank * prod(ranks[other] for other in groups[-1]) <= TOGETHER:
            groups[-1].append(mode)
        else:
            groups.append([mode])
    return groups


def kronecker(factors: Sequence[Tensor]) -> Tensor:
    """Return the Kronecker product of factors (size, rank)."""
    made, *others = factors
    for factor in others:
        sizes = made.shape[0] * factor.shape[0], made.shape[1] * factor.shape[1]
        made = (made[:, None, :, None] * factor[None, :, None, :]).reshape(sizes)
    return made


def contraction(sizes: Sequence[int], ranks: Sequence[int], n: int = 1) -> Work:
    """Return the work that brings n tensors of these sizes to these ranks, mode by mode, or back.

    Examples
    --------
    >>> contraction((4, 6), (2, 1))
    Work(products=32, copied=4, steps=2, lost=0)
    """
    work, state = Work(), list(sizes)
    for mode in order_of(sizes, ranks):
        copied = 0 if mode == len(sizes) - 1 else n * prod(state)
        work += Work(n * prod(state) * ranks[mode], copied, 1)
        state[mode] = ranks[mode]
    return work


def grouped(sizes: Sequence[int], ranks: Sequence[int]) -> tuple[Modes, Modes, Work]:
    """Return sizes and ranks by groups, and the work of making their matrices."""
    groups = groups_of(ranks)
    both = [tuple(prod(values[mode] for mode in group) for group in groups) for values in (sizes, ranks)]
    many = [group for group in groups if len(group) > 1]
    products = sum(prod(sizes[mode] * ranks[mode] for mode in group) for group in many)
    return both[0], both[1], Work(products, 0, sum(len(group) - 1 for group in many))


def tucker_work(n_rows: int, in_modes: Modes, out_modes: Modes, ranks: Sequence[int]) -> tuple[Work, Work]:
    """Return the work of `n_rows` rows by factors, core and factors, and that of making the dense weight."""
    left, right = grouped(in_modes, ranks[: len(in_modes)]), grouped(out_modes, ranks[len(in_modes) :])
    matrices = left[2] + right[2]
    by_factors = contraction(*left[:2], n_rows) + Work(n_rows * prod(ranks), 0, 1) + contraction(*right[:2], n_rows)
    return by_factors + matrices, contraction((*left[0], *right[0]), (*left[1], *right[1])) + matrices
