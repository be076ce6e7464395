"""Replaces numbers by which of some ranges they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.stage import as_columns
from gpupipe.stages._fits import ByColumn


@dataclass(frozen=True, init=False)
class Bucketize(ByColumn):
    """Replaces each number by how many of the edges it reaches, as Int32: 0 below the first, as many as there are from the last one on.

    Missing values stay missing; NaN, which engines take for larger than all numbers, comes into the last range. Ranges that follow from
    the data are `Discretize`.

    Parameters
    ----------
    columns
        Columns of numbers.
    edges
        In ascending order; a number equal to one lies above it.

    Examples
    --------
    >>> import polars as pl
    >>> Bucketize("age", edges=[18, 65]).apply(pl.DataFrame({"age": [3, 18, 64, 70, None]}))["age"].to_list()
    [0, 1, 1, 2, None]
    """

    columns: tuple[str, ...]
    edges: tuple[float, ...]

    def __init__(self, columns: str | Sequence[str], *, edges: Sequence[float]) -> None:
        given = tuple(edges)
        if not given or any(not low < high for low, high in pairwise((*given, float("inf")))):
            msg = f"Bucketize expects edges in ascending order, got {given!r}. Ranges that follow from the data are gp.Discretize."
            raise UsageError(msg)
        settle(self, columns=as_columns(columns, "Bucketize's columns"), edges=tuple(map(float, given)))

    def of(self, column: nw.Expr, number: int) -> nw.Expr:
        """Return the number of edges reached."""
        value = column.cast(nw.Float64)
        reached = [((value >= edge) | value.is_nan()).cast(nw.Int32) for edge in self.edges]
        return reduce(lambda one, other: one + other, reached)
