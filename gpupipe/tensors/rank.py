"""What a rank argument means, as in TensorLy: a number, one for each mode, a share of the parameters, or ``'same'``.

The formulas are those of ``tensorly.validate_cp_rank`` and its kin (TensorLy 0.10), with three differences: no rank is below 1 where a
share rounds to 0, none is above what the sizes can give where it is known, and a rank that cannot be meant is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod, sqrt
from operator import index
from typing import TypeAlias

from gpupipe.core.errors import UsageError

Rank: TypeAlias = int | float | str | Sequence[int]


def _share(rank: float | str, what: str) -> float:
    """Return the share of the dense tensor's parameters that a rank stands for."""
    if isinstance(rank, str) and rank != "same":
        raise UsageError(f"{what}'s rank is {rank!r}; expected a number, a number for each mode, a share such as 0.1, or 'same'.")
    share = 1.0 if isinstance(rank, str) else float(rank)
    if not 0 < share < float("inf"):
        raise UsageError(f"{what}'s rank as a share of the parameters must be above 0, got {rank!r}.")
    return share


def _whole(rank: object, what: str) -> int:
    """Return a rank as a number from 1 on."""
    try:
        number = index(None if isinstance(rank, bool) else rank)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(f"{what}'s rank is {rank!r}; expected a whole number from 1 on.") from None
    if number < 1:
        raise UsageError(f"{what}'s rank must be at least 1, got {number}.")
    return number


def _is_share(rank: Rank) -> bool:
    return isinstance(rank, float | str)


def validate_cp_rank(tensor_shape: Sequence[int], rank: Rank = "same") -> int:
    """Return the number of components.

    Parameters
    ----------
    rank
        That number (it may exceed every size of the tensor), or the share of its parameters that the decomposition may have.

    Raises
    ------
    UsageError
        The rank is below 1, or no rank.

    Examples
    --------
    >>> validate_cp_rank((10, 10, 10), 0.1), validate_cp_rank((4, 5, 6), 0.01)
    (3, 1)
    """
    if _is_share(rank):
        return max(1, round(_share(rank, "CP") * prod(tensor_shape) / sum(tensor_shape)))  # type: ignore[arg-type]
    return _whole(rank, "CP")


def validate_tucker_rank(tensor_shape: Sequence[int], rank: Rank = "same", *, fixed_modes: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the size of the core along each mode, none larger than the tensor's own.

    Parameters
    ----------
    rank
        One number for all modes, one for each, or the share of the parameters that core and factors may have.
    fixed_modes
        Modes that a share leaves at their size.

    Raises
    ------
    UsageError
        A rank is below 1, or above the mode's size where it was given for that mode; or there are not as many as modes.

    Notes
    -----
    With a share f, the ranks are proportional to the sizes d: c d_k, where c solves ``c^N prod(d) + c sum(d^2) = f prod(d)``.

    Examples
    --------
    >>> validate_tucker_rank((10, 4), 5), validate_tucker_rank((10, 10, 10), 0.5)
    ((5, 4), (7, 7, 7))
    """
    shape = tuple(tensor_shape)
    if _is_share(rank):
        scale = _tucker_scale(shape, len(shape) - len(fixed_modes), _share(rank, "Tucker"))  # type: ignore[arg-type]
        return tuple(size if mode in fixed_modes else min(size, max(1, round(scale * size))) for mode, size in enumerate(shape))
    if not isinstance(rank, Sequence):
        number = _whole(rank, "Tucker")
        return tuple(min(number, size) for size in shape)
    ranks = tuple(_whole(one, "Tucker") for one in rank)
    if len(ranks) != len(shape):
        raise UsageError(f"Tucker's rank has {len(ranks)} numbers for {len(shape)} modes. Give one for each mode.")
    for mode, (one, size) in enumerate(zip(ranks, shape, strict=True)):
        if one > size:
            raise UsageError(f"Tucker's rank {one} of mode {mode} is above its size {size}. Give {size} or less.")
    return ranks


def _tucker_scale(shape: Sequence[int], n_free: int, share: float) -> float:
    """Return the root c of the parameter count, by bisection: it grows with c."""
    whole, squares = prod(shape), sum(size**2 for size in shape)
    low, high = 0.0, max(1.0, share)
    for _ in range(200):
        middle = (low + high) / 2
        too_many = middle**n_free * whole + middle * squares > share * whole
        low, high = (low, middle) if too_many else (middle, high)
    return (low + high) / 2


def validate_tt_rank(tensor_shape: Sequence[int], rank: Rank = "same") -> tuple[int, ...]:
    """Return the N + 1 ranks of a tensor train, 1 at both ends, none above what an SVD from left to right can give.

    Parameters
    ----------
    rank
        One number for all inner ranks, all N + 1 of them, or the share of the parameters that the cores may have.

    Raises
    ------
    UsageError
        A rank is below 1, there are not N + 1, or those at the ends are not 1.

    Notes
    -----
    With a share f, an inner rank is proportional to the mean of the sizes beside it; the factor solves ``a x^2 + b x = f prod(d)``.

    Examples
    --------
    >>> validate_tt_rank((2, 9, 4), 5), validate_tt_rank((10, 10, 10), 0.5)
    ((1, 2, 4, 1), (1, 6, 6, 1))
    """
    shape = tuple(tensor_shape)
    if _is_share(rank):
        ranks = _tt_shared(shape, _share(rank, "The tensor train"))  # type: ignore[arg-type]
    elif isinstance(rank, Sequence):
        ranks = tuple(_whole(one, "The tensor train") for one in rank)
        if len(ranks) != len(shape) + 1 or ranks[0] != 1 or ranks[-1] != 1:
            raise UsageError(
                f"The tensor train's ranks {ranks} must be {len(shape) + 1} numbers for {len(shape)} modes, with 1 at both ends."
            )
    else:
        ranks = (1, *[_whole(rank, "The tensor train")] * (len(shape) - 1), 1)
    held = [1]
    for mode in range(len(shape) - 1):
        held.append(min(ranks[mode + 1], held[-1] * shape[mode], prod(shape[mode + 1 :])))
    return (*held, 1)


def _tt_shared(shape: tuple[int, ...], share: float) -> tuple[int, ...]:
    if len(shape) == 2:
        return (1, max(1, round(share * prod(shape) / sum(shape))), 1)
    means = [(left + right) / 2 for left, right in pairwise(shape)]
    square = sum(means[mode - 1] * shape[mode] * means[mode] for mode in range(1, len(shape) - 1))
    linear = shape[0] * means[0] + shape[-1] * means[-1]
    factor = (sqrt(linear**2 + 4 * square * share * prod(shape)) - linear) / (2 * square)
    return (1, *(max(1, round(factor * mean)) for mean in means), 1)


def validate_tr_rank(tensor_shape: Sequence[int], rank: Rank = "same") -> tuple[int, ...]:
    """Return the N + 1 ranks of a tensor ring, the first and the last of which are equal.

    Parameters
    ----------
    rank
        One number for all, all N + 1 of them, or the share of the parameters that the cores may have.

    Raises
    ------
    UsageError
        A rank is below 1, there are not N + 1, or the ends differ.

    Examples
    --------
    >>> validate_tr_rank((10, 10, 10), 0.5), validate_tr_rank((4, 5, 6), (2, 2, 3, 2))
    ((4, 4, 4, 4), (2, 2, 3, 2))
    """
    shape = tuple(tensor_shape)
    if _is_share(rank):
        number = max(1, round(sqrt(_share(rank, "The tensor ring") * prod(shape) / sum(shape))))  # type: ignore[arg-type]
        return (number,) * (len(shape) + 1)
    if not isinstance(rank, Sequence):
        return (_whole(rank, "The tensor ring"),) * (len(shape) + 1)
    ranks = tuple(_whole(one, "The tensor ring") for one in rank)
    if len(ranks) != len(shape) + 1 or ranks[0] != ranks[-1]:
        raise UsageError(
            f"The tensor ring's ranks {ranks} must be {len(shape) + 1} numbers for {len(shape)} modes, the last equal to the first."
        )
    return ranks
