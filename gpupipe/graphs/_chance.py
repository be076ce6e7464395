"""Chance as a hash, so that it comes out alike on every engine and whatever is asked beside."""

from __future__ import annotations

from typing import Any

from gpupipe.graphs._arrays import array_module
from gpupipe.kernels.xxh64 import combine, xxh64_fixed


def hashed_vertices(xp: Any, n_vertices: int, n_chosen: int, seed: int) -> Any:
    """Return so many vertices, those whose ids hash to the smallest numbers, in ascending order.

    Examples
    --------
    >>> import numpy as np
    >>> hashed_vertices(np, 1000, 3, seed=0)
    array([ 68,  74, 851])
    """
    hashes = xxh64_fixed(xp.arange(n_vertices, dtype=xp.int64), seed)
    return xp.sort(xp.argsort(hashes, kind="stable")[:n_chosen])


class Draws:
    """Numbers from 0 to below 1, for each of many things, by step and draw.

    Parameters
    ----------
    things
        Whole numbers that tell things apart.
    """

    def __init__(self, things: Any, seed: int) -> None:
        self._hashes = xxh64_fixed(things.astype(array_module(things).int64), seed)

    def numbers(self, which: Any, step: int, draw: int) -> Any:
        """Return the numbers of some things, by their places; all 53 bits of a number are chance."""
        xp = array_module(which)
        hashes = self._hashes[which]
        mixed = combine(hashes, xp.full(len(hashes), (step << 32) + draw, xp.uint64))
        return (mixed >> xp.uint64(11)).astype(xp.float64) * 2.0**-53
