"""Scales numbers by their median and the distance between two quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.stages._fits import ByColumn
from gpupipe.stages._quantiles import QuantilesFit

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class RobustScale(QuantilesFit):
    """Takes the median off columns and divides by the distance between two quantiles, which far-off values hardly move; as Float64.

    The arithmetic is that of scikit-learn's RobustScaler. A column without distance is only centred; missing values stay missing.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`.
    low, high
        The quantiles, from 0 to 1.
    exact
        Whether the quantiles are exact, by a second pass; else less than ``n_values / 4096 + n_blocks`` ranks off.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1, 2, 3, 4, 1000]})
    >>> RobustScale("x").fit_plain(frame).apply(frame)["x"].to_list()
    [-1.0, -0.5, 0.0, 0.5, 498.5]
    """

    columns: tuple[str, ...] | Columns
    low: float
    high: float
    exact: bool

    def __init__(self, columns: str | Sequence[str] | Columns, *, low: float = 0.25, high: float = 0.75, exact: bool = True) -> None:
        if not 0 <= low < high <= 1:
            msg = f"RobustScale expects quantiles 0 <= low < high <= 1, got low={low!r}, high={high!r}."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "RobustScale's columns"), low=float(low), high=float(high), exact=exact)

    @property
    def levels(self) -> tuple[float, ...]:
        """Both quantiles, and the median between them."""
        return (self.low, 0.5, self.high)

    def made(self, names: tuple[str, ...], values: Sequence[Any]) -> RobustScaled:
        """Return the scaling; a distance that is no more than rounding counts as none, as in scikit-learn."""
        known = [np.zeros(3) if np.isnan(of_column).any() else of_column for of_column in values]
        distances = [float(high - low) for low, _, high in known]
        rounding = 10 * float(np.finfo(np.float64).eps)
        return RobustScaled(names, tuple(float(of_column[1]) for of_column in known), tuple(1.0 if d < rounding else d for d in distances))


@dataclass(frozen=True)
class RobustScaled(ByColumn):
    """Takes `centers` off columns and divides by `distances`."""

    columns: tuple[str, ...]
    centers: tuple[float, ...]
    distances: tuple[float, ...]

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the columns scaled."""
        return verbs.scale(frames[0], dict(zip(self.columns, zip(self.centers, self.distances, strict=True), strict=True)))
