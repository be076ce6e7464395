"""Chance that every engine agrees on: a row's draw is the hash of its own values, so no order and no cut changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

SPAN = 1 << 64


def threshold(fraction: float) -> int:
    """Return the hash value below which a share of all rows lies.

    Examples
    --------
    >>> threshold(0.5) == 1 << 63
    True
    """
    return min(SPAN - 1, max(0, round(fraction * SPAN)))


def drawn(verbs: Verbs, frame: nw.LazyFrame[Any], by: tuple[str, ...] | None, seed: int) -> tuple[nw.LazyFrame[Any], str]:
    """Return the frame with each row's draw appended, and the name of that column."""
    names = frame.collect_schema().names()
    draw = "__gpupipe_draw__"  # the same for all parts of a split, so that an engine sees that their draws are one
    while draw in names:
        draw += "_"
    return verbs.hash_rows(frame, list(by or names), seed, draw), draw


def share_of(hashed: nw.Expr, n_bits: int, n_shares: int) -> nw.Expr:
    """Return which of so many equal shares of all hashes one lies in, from 0 on, as Int64.

    Engines have no division of 64 unsigned bits with a remainder in common; the share is that of the hash's leading 53 bits.
    """
    return (hashed.cast(nw.Float64) * (n_shares / (1 << n_bits))).cast(nw.Int64).clip(0, n_shares - 1)
