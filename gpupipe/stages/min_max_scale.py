"""Scales numbers to a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.stages._fits import ByColumn, ReductionsFit


@dataclass(frozen=True, init=False)
class MinMaxScale(ReductionsFit):
    """Scales columns so that the smallest and the largest value where it is fitted come to the ends of a range, as Float64.

    The arithmetic is that of scikit-learn's MinMaxScaler. A column of one value comes to the lower end; missing values stay missing.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`.
    low, high
        The ends of the range.
    clip
        Whether other values than were seen where it is fitted are put to the ends.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [2, 4, 6]})
    >>> MinMaxScale("x").fit_plain(frame).apply(frame)["x"].to_list()
    [0.0, 0.5, 1.0]
    """

    words: ClassVar[tuple[str, ...]] = ("low", "high", "odd")

    columns: tuple[str, ...] | Columns
    low: float
    high: float
    clip: bool

    def __init__(self, columns: str | Sequence[str] | Columns, *, low: float = 0.0, high: float = 1.0, clip: bool = False) -> None:
        if not low < high:
            msg = f"MinMaxScale expects low < high, got low={low!r}, high={high!r}."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "MinMaxScale's columns"), low=float(low), high=float(high), clip=clip)

    def made(self, names: tuple[str, ...], found: Mapping[str, Sequence[Any]]) -> MinMaxScaled:
        """Return the scaling from the smallest and largest values; of no values it changes nothing."""
        scales = [self._scale(low, high) for low, high in zip(found["low"], found["high"], strict=True)]
        factors, offsets = (tuple(scale[place] for scale in scales) for place in (0, 1))
        return MinMaxScaled(names, factors, offsets, (self.low, self.high) if self.clip else None)

    def _scale(self, low: float | None, high: float | None) -> tuple[float, float]:
        """Return what a column is multiplied by, and what is added then; of a column without a value, what changes nothing."""
        if low is None or high is None:
            return 1.0, 0.0
        factor = (self.high - self.low) / ((high - low) or 1.0)
        return factor, self.low - low * factor


@dataclass(frozen=True)
class MinMaxScaled(ByColumn):
    """Multiplies columns by `factors` and adds `offsets`, cut off at `ends` where there are some."""

    columns: tuple[str, ...]
    factors: tuple[float, ...]
    offsets: tuple[float, ...]
    ends: tuple[float, float] | None

    def of(self, column: nw.Expr, number: int) -> nw.Expr:
        """Return the scaled column."""
        made = column.cast(nw.Float64) * self.factors[number] + self.offsets[number]
        return made if self.ends is None else made.clip(*self.ends)
