"""Limits numbers to a range that most of them lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.stages._fits import ByColumn
from gpupipe.stages._quantiles import QuantilesFit


@dataclass(frozen=True, init=False)
class ClipOutliers(QuantilesFit):
    """Limits columns to the range between two quantiles of where it is fitted, widened by some of its width; as Float64.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`.
    low, high
        The quantiles, from 0 to 1.
    widen
        By how many times the distance between the quantiles the range is wider, on each side: 1.5 with the quartiles is Tukey's rule.
    exact
        Whether the quantiles are exact, by a second pass; else less than ``n_values / 4096 + n_blocks`` ranks off.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1, 2, 3, 4, 1000]})
    >>> ClipOutliers("x", low=0.25, high=0.75, widen=1.5).fit_plain(frame).apply(frame)["x"].to_list()
    [1.0, 2.0, 3.0, 4.0, 7.0]
    """

    columns: tuple[str, ...] | Columns
    low: float
    high: float
    widen: float
    exact: bool

    def __init__(
        self, columns: str | Sequence[str] | Columns, *, low: float = 0.01, high: float = 0.99, widen: float = 0.0, exact: bool = True
    ) -> None:
        if not 0 <= low < high <= 1 or widen < 0:
            msg = f"ClipOutliers expects quantiles 0 <= low < high <= 1 and widen >= 0, got low={low!r}, high={high!r}, widen={widen!r}."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "ClipOutliers' columns"), low=float(low), high=float(high))
        settle(self, widen=float(widen), exact=exact)

    @property
    def levels(self) -> tuple[float, ...]:
        """Both quantiles."""
        return (self.low, self.high)

    def made(self, names: tuple[str, ...], values: Sequence[Any]) -> ClippedOutliers:
        """Return the limits; of no values there are none."""
        known = [(-np.inf, np.inf) if np.isnan(ends).any() else (float(ends[0]), float(ends[1])) for ends in values]
        widths = [self.widen * (high - low) if np.isfinite(high - low) else 0.0 for low, high in known]
        ends = zip(known, widths, strict=True)
        return ClippedOutliers(names, tuple((float(low - width), float(high + width)) for (low, high), width in ends))


@dataclass(frozen=True)
class ClippedOutliers(ByColumn):
    """Limits columns to `ends`."""

    columns: tuple[str, ...]
    ends: tuple[tuple[float, float], ...]

    def of(self, column: nw.Expr, number: int) -> nw.Expr:
        """Return the limited column."""
        return column.cast(nw.Float64).clip(*self.ends[number])
