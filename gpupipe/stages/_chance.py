"""Chance that every engine agrees on: a row's draw is the hash of its own values, so no order and no cut changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from gpupipe.core.node import Node, Table
from gpupipe.core.stage import TableStage

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

SPAN = 1 << 64
_ANOTHER = 1 << 41


class DrawingStage(TableStage):
    """A stage that keeps rows by their draws, and by other draws where its table's rows were kept by the same ones before.

    Else all rows of a part of a split would be in one part of that when it is split again.
    """

    seed: int | None

    def wire(self, inputs: Sequence[Any]) -> Any:
        """Return the node of this stage, with a seed that none has that its table comes through."""
        seed, known = self.seed, _seeds_before(inputs)
        while seed is not None and seed in known:
            seed += _ANOTHER
        stage = self if seed == self.seed else cast(Any, replace)(self, seed=seed)
        return TableStage.wire(stage, inputs)


def _seeds_before(inputs: Sequence[Any]) -> set[int]:
    """Return the seeds by which a table's rows were drawn already, back to where tables are stacked, since there all may be again."""
    known: set[int] = set()
    tables = [given for given in inputs if isinstance(given, Table)]
    while tables:
        node: Node = tables[0]
        stage = node.stage
        if isinstance(stage, DrawingStage) and stage.seed is not None:
            known.add(stage.seed)
        tables = [] if getattr(stage, "many", False) else [given for given in node.inputs if isinstance(given, Table)]
    return known


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
