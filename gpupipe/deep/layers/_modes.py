"""How the sizes of a dense layer are split into modes, and which of the ways of splitting a layer takes where it is not told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

from gpupipe.core.errors import UsageError

Modes = tuple[int, ...]

BATCH = 64  # rows that a default is made for
WORTH = (
    0.4  # share of the dense product's multiplications that a default way of splitting may take: small products run slower than large ones
)


def as_modes(modes: Sequence[int], size: int, what: str) -> Modes:
    """Return modes as a tuple.

    Raises
    ------
    UsageError
        Their product is not the size.
    """
    found = tuple(int(mode) for mode in modes)
    if not found or min(found) < 1 or prod(found) != size:
        raise UsageError(f"{what} are {found}, whose product is {prod(found)}; expected whole numbers whose product is {size}.")
    return found


def pairs_of(size: int) -> Iterator[Modes]:
    """Yield the ways to write a number as a product of two.

    Examples
    --------
    >>> list(pairs_of(6))
    [(1, 6), (2, 3), (3, 2), (6, 1)]
    """
    for first in range(1, size + 1):
        if size % first == 0:
            yield first, size // first


def chosen_modes(
    in_features: int,
    out_features: int,
    in_modes: Sequence[int] | None,
    out_modes: Sequence[int] | None,
    cost: Callable[[Modes, Modes], int],
) -> tuple[Modes, Modes]:
    """Return the modes of both sides; of a side that is not told, two.

    Of all ways of splitting they are the most even one whose cost is at most the share `WORTH` of the dense product's, or else the one that
    costs least.

    Parameters
    ----------
    cost
        From modes of both sides to what a batch of `BATCH` rows costs, in multiplications.

    Raises
    ------
    UsageError
        The modes' product is not the size of their side.
    """
    ins = [as_modes(in_modes, in_features, "The modes of the input")] if in_modes else list(pairs_of(in_features))
    outs = [as_modes(out_modes, out_features, "The modes of the output")] if out_modes else list(pairs_of(out_features))
    ways = sorted(((left, right) for left in ins for right in outs if len(left) == len(right) or in_modes or out_modes), key=_unevenness)
    if not ways:
        raise UsageError(f"There is no way to split {in_features} and {out_features} into as many modes. Give in_modes and out_modes.")
    few = WORTH * BATCH * in_features * out_features
    fitting = (way for way in ways if len(ways) == 1 or cost(*way) <= few)
    return next(fitting, None) or min(ways, key=lambda way: cost(*way))


def _unevenness(way: tuple[Modes, Modes]) -> tuple[int, int]:
    """Return the sum of a way's sizes, and then what puts larger modes of the input last, where they are gone soonest."""
    left, right = way
    return sum(left) + sum(right), left[0] - right[0]
