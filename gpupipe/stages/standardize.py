"""Scales numbers to mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.options import settle
from gpupipe.stages._fits import ByColumn, ReductionsFit

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Standardize(ReductionsFit):
    """Scales columns to mean 0 and (population) standard deviation 1, both measured where it is fitted; missing values stay missing.

    A column without spread is only centred, as scikit-learn's StandardScaler does; what rounding leaves of one is no spread. A column with
    infinity or NaN, of which nothing can be measured, is an error.

    Source: what counts as rounding is scikit-learn's bound, from Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
    1983.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`, of columns of numbers; they come out as Float64.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1.0, 3.0]})
    >>> Standardize("x").fit_plain(frame).apply(frame)["x"].to_list()
    [-1.0, 1.0]
    """

    words: ClassVar[tuple[str, ...]] = ("n", "mean", "var")

    columns: tuple[str, ...] | Columns
    with_mean: bool
    with_std: bool

    def __init__(self, columns: str | Sequence[str] | Columns, *, with_mean: bool = True, with_std: bool = True) -> None:
        if not with_mean and not with_std:
            msg = "Standardize with neither mean nor standard deviation changes nothing: leave it out."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "Standardize's columns"), with_mean=with_mean, with_std=with_std)

    def made(self, names: tuple[str, ...], found: Mapping[str, Sequence[Any]]) -> Standardized:
        """Return the scaling with the measured means and deviations; of no values it changes nothing but the dtype."""
        measured = [(n or 0, mean or 0.0, square or 0.0) for n, mean, square in zip(*(found[word] for word in self.words), strict=True)]
        for name, (_, mean, square) in zip(names, measured, strict=True):
            if not np.isfinite(mean + square):
                msg = f"Standardize expects numbers with a mean and a deviation in column {name!r}, got infinity, NaN, or too large ones."
                raise StageError(f"{msg} Filter them first, by nw.col({name!r}).is_finite(), or make them missing.")
        means = tuple(mean if self.with_mean else 0.0 for _, mean, _ in measured)
        deviations = tuple(_deviation(*of_one) if self.with_std else 1.0 for of_one in measured)
        return Standardized(names, means, deviations)


def _deviation(count: float, mean: float, square: float) -> float:
    """Return the standard deviation of a mean squared one, or 1 where that is no more than the rounding of sums."""
    rounding = float(np.finfo(np.float64).eps)
    return 1.0 if square <= count * rounding * square + (count * mean * rounding) ** 2 else float(np.sqrt(square))


@dataclass(frozen=True)
class Standardized(ByColumn):
    """Takes `means` from columns and divides by `deviations`."""

    columns: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the columns scaled."""
        return verbs.scale(frames[0], dict(zip(self.columns, zip(self.means, self.deviations, strict=True), strict=True)))
