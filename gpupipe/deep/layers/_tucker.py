"""Products with a weight of Tucker form, (in_modes..., out_modes...), and the multiplications they take."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor

from gpupipe.deep.layers._modes import Modes


def along(state: Tensor, factor: Tensor, mode: int) -> Tensor:
    """Return a batch of tensors, (n, d_1, ..., d_N), multiplied along mode 1 to N by a factor (size, new size)."""
    shape = state.shape
    if mode == len(shape) - 1:
        return state @ factor
    if mode == 1 and len(shape) > 2:
        made = state.reshape(shape[0], shape[1], -1).transpose(1, 2) @ factor
        return made.transpose(1, 2).reshape(shape[0], factor.shape[1], *shape[2:])
    made = state.reshape(prod(shape[:mode]), shape[mode], -1).transpose(1, 2) @ factor
    return made.transpose(1, 2).reshape(*shape[:mode], factor.shape[1], *shape[mode + 1 :])


def order_of(sizes: Sequence[int], ranks: Sequence[int]) -> list[int]:
    """Return the modes with the largest reduction first: what comes after is then smallest."""
    return sorted(range(len(sizes)), key=lambda mode: ranks[mode] / sizes[mode])


def contracted_products(sizes: Sequence[int], ranks: Sequence[int]) -> int:
    """Return the multiplications that bring one tensor of these sizes to these ranks, mode by mode.

    Examples
    --------
    >>> contracted_products((4, 6), (2, 1))
    32
    """
    total, state = 0, list(sizes)
    for mode in order_of(sizes, ranks):
        total += prod(state) * ranks[mode]
        state[mode] = ranks[mode]
    return total


def tucker_products(n_rows: int, in_modes: Modes, out_modes: Modes, ranks: Sequence[int]) -> tuple[int, int]:
    """Return the multiplications of `n_rows` rows by factors, core and factors, and those of making the dense weight."""
    left, right = ranks[: len(in_modes)], ranks[len(in_modes) :]
    a_row = contracted_products(in_modes, left) + prod(ranks) + contracted_products(out_modes, right)
    return n_rows * a_row, contracted_products((*in_modes, *out_modes), ranks)
