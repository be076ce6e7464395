"""Replaces numbers by which range they lie in, of ranges that follow from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.stages._fits import ByColumn
from gpupipe.stages._quantiles import QuantilesFit


@dataclass(frozen=True, init=False)
class Discretize(QuantilesFit):
    """Replaces each number by the range that it lies in, as Int32 from 0 on: ranges with about as many values each, or of equal width.

    They are found where it is fitted, as scikit-learn's KBinsDiscretizer finds them: ranges between equal edges fall away, and the first
    and the last one take what lies beyond. Missing values stay missing.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`.
    n_bins
        How many ranges.
    by
        ``"quantile"`` or ``"width"``.
    exact
        Whether the quantiles are exact, by a second pass; else less than ``n_values / 4096 + n_blocks`` ranks off.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1, 2, 3, 100]})
    >>> Discretize("x", n_bins=2).fit_plain(frame).apply(frame)["x"].to_list()
    [0, 0, 1, 1]
    """

    columns: tuple[str, ...] | Columns
    n_bins: int
    by: Literal["quantile", "width"]
    exact: bool

    def __init__(
        self,
        columns: str | Sequence[str] | Columns,
        *,
        n_bins: int = 5,
        by: Literal["quantile", "width"] = "quantile",
        exact: bool = True,
    ) -> None:
        if n_bins < 2 or by not in ("quantile", "width"):
            msg = f"Discretize expects n_bins >= 2 and by 'quantile' or 'width', got {n_bins!r} and {by!r}."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "Discretize's columns"), n_bins=n_bins, by=by, exact=exact)

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantiles that the ranges end at; of ranges of equal width, the ends of all."""
        return tuple(float(level) for level in np.linspace(0, 100, self.n_bins + 1) / 100) if self.by == "quantile" else (0.0, 1.0)

    def made(self, names: tuple[str, ...], values: Sequence[Any]) -> Discretized:
        """Return the ranges."""
        edges = values if self.by == "quantile" else [np.linspace(ends[0], ends[1], self.n_bins + 1) for ends in values]
        return Discretized(names, tuple(_inner(of_column) for of_column in edges))


def _inner(edges: Any) -> tuple[float, ...]:
    """Return the edges between ranges that are no rounding, without the outer ends."""
    if np.isnan(edges).any():
        return ()
    kept = edges[np.append(True, np.diff(edges) > 1e-8)]
    return tuple(map(float, kept[1:-1]))


@dataclass(frozen=True)
class Discretized(ByColumn):
    """Replaces numbers of columns by how many of `edges` they reach."""

    columns: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]

    def of(self, column: nw.Expr, number: int) -> nw.Expr:
        """Return the number of edges reached."""
        value = column.cast(nw.Float64)
        reached = [(value >= edge).cast(nw.Int32) for edge in (-np.inf, *self.edges[number])]
        return reduce(lambda one, other: one + other, reached) - 1
