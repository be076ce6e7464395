"""Chance that every engine agrees on: a row's draw is the hash of its own values, so no order and no cut changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

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
