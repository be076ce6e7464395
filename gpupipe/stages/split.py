"""Splits the rows of a table into parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.core.node import Table
from gpupipe.core.options import WithOptions, settle
from gpupipe.core.stage import as_columns
from gpupipe.stages._chance import SPAN, threshold
from gpupipe.stages._parts import SplitPart, StratumPart


@dataclass(frozen=True, init=False)
class Split(WithOptions):
    """Splits a table into parts that together are the whole: at random, by key, or by time.

    At random, a row's draw is the hash of its values, so equal rows go into one part; by key, it is the hash of the key, so all rows of
    a key do. Either way the split is the same on every engine and however the table is cut, and the sizes come out near the fractions,
    not exactly. By time, the parts are the rows before, between and from the cuts. A part that is split again is split by
    other draws, whatever the seed; what `apply` made of a plain frame needs another seed for that.

    Parameters
    ----------
    fractions
        The share of each part; they sum to 1.
    by
        The columns of a key whose rows stay together.
    order, at
        The column that tells time, and the cuts, ascending; missing times go into the first part.
    stratify
        Columns, such as the target, whose values are to be in the parts in the same shares: the rows of each value are cut by
        themselves, in the order of their draws. The sizes are then exact, to the nearest row.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"a": range(100)})
    >>> train, test = Split(fractions=(0.8, 0.2)).apply(frame)
    >>> len(train) + len(test)
    100
    """

    parts: tuple[SplitPart | StratumPart, ...]

    def __init__(
        self,
        fractions: Sequence[float] | None = None,
        *,
        by: str | Sequence[str] | None = None,
        order: str | None = None,
        at: Any = None,
        stratify: str | Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        parts: tuple[SplitPart | StratumPart, ...]
        if stratify is not None and (by is not None or order is not None):
            msg = "Split expects stratify with fractions alone: rows of a key or a time cannot be dealt to shares as well."
            raise UsageError(msg)
        if (fractions is None) == (order is None) or (order is None) != (at is None) or (order is not None and by is not None):
            msg = "Split expects either fractions (and by, for a key), or order and at, for time."
            raise UsageError(msg)
        if order is not None:
            cuts = tuple(at) if isinstance(at, list | tuple) else (at,)
            edges = (None, *cuts, None)
            if any(low >= high for low, high in pairwise(cuts)):
                msg = f"Split expects ascending cuts, got {cuts!r}."
                raise UsageError(msg)
            parts = tuple(SplitPart((order,), low, high, None) for low, high in pairwise(edges))
        else:
            assert fractions is not None
            if isinstance(fractions, Mapping) or not all(isinstance(part, int | float) for part in fractions):
                msg = f"Split expects fractions as numbers, one for each part, got {fractions!r}: train, test = gp.Split((0.8, 0.2))(rows)."
                raise UsageError(msg)
            if stratify is not None:
                strata, shares = as_columns(stratify, "Split's stratify"), [edge / SPAN for edge in _edges(fractions)]
                parts = tuple(StratumPart(strata, low, high, seed) for low, high in pairwise(shares))
            else:
                columns = None if by is None else as_columns(by, "Split's by")
                parts = tuple(SplitPart(columns, low, high, seed) for low, high in pairwise(_edges(fractions)))
        settle(self, parts=parts)

    def __call__(self, table: Table) -> tuple[Table, ...]:
        """Return the parts as tables."""
        return tuple(part(table) for part in self.parts)

    def apply(self, frame: Any) -> tuple[Any, ...]:
        """Return the parts of a plain frame."""
        return tuple(part.apply(frame) for part in self.parts)


def _edges(fractions: Sequence[float]) -> list[int]:
    """Return the hash values between which the parts lie."""
    if len(fractions) < 2 or any(fraction < 0 for fraction in fractions) or not math.isclose(sum(fractions), 1, abs_tol=1e-9):
        msg = f"Split expects two or more fractions >= 0 that sum to 1, got {tuple(fractions)} (sum {sum(fractions)})."
        raise UsageError(msg)
    return [0, *(threshold(sum(fractions[:number])) for number in range(1, len(fractions))), SPAN]
