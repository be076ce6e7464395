"""Scales numbers to mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.fit import FitStage
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage, as_columns

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Standardize(FitStage):
    """Scales columns to mean 0 and (population) standard deviation 1, both measured where it is fitted; missing values stay missing.

    A column without spread is only centred, as scikit-learn's StandardScaler does; what rounding leaves of one is no spread. A column with
    infinity or NaN, of which nothing can be measured, is an error.

    Source: means and squared deviations of parts are merged by Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances", 1979, equations 2.1. What counts as rounding is scikit-learn's bound, from their "Algorithms for computing
    the sample variance", 1983.

    Parameters
    ----------
    columns
        Columns of numbers; they come out as Float64.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1.0, 3.0]})
    >>> Standardize("x").fit_plain(frame).apply(frame)["x"].to_list()
    [-1.0, 1.0]
    """

    columns: tuple[str, ...]
    with_mean: bool
    with_std: bool

    def __init__(self, columns: str | Sequence[str], *, with_mean: bool = True, with_std: bool = True) -> None:
        if not with_mean and not with_std:
            msg = "Standardize with neither mean nor standard deviation changes nothing: leave it out."
            raise UsageError(msg)
        settle(self, columns=as_columns(columns, "Standardize's columns"), with_mean=with_mean, with_std=with_std)

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one that holds no numbers."""
        schemas[0].require_numeric(self.columns, "Standardize")

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return one row: count, mean and mean squared deviation of each column."""
        columns = nw.col(*self.columns).cast(nw.Float64)  # one expression for all: of thousands, each costs the plan its time
        reduced = {"n": columns.count(), "m": columns.mean(), "v": columns.var(ddof=0)}
        return frame.select(expression.name.prefix(letter) for letter, expression in reduced.items())

    def measured_columns(self) -> frozenset[str]:
        """Return the columns that are measured."""
        return frozenset(self.columns)

    def plan(self, *specs: Any) -> Standardized:
        """Return the scaling that changes nothing but the dtype."""
        return Standardized(self.columns, (0.0,) * len(self.columns), (1.0,) * len(self.columns))

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return count, mean and mean squared deviation of all parts together."""
        made: dict[str, list[float]] = {}
        for name in self.columns:
            count, mean, square = 0.0, 0.0, 0.0
            for part in measured:
                n, m, v = (part[letter + name][0].as_py() for letter in "nmv")
                if not n:
                    continue
                delta, total = m - mean, count + n
                square += (v or 0.0) * n + delta * delta * count * n / total
                mean += delta * n / total
                count = total
            made |= {f"n{name}": [count], f"m{name}": [mean], f"v{name}": [square / count if count else 0.0]}
        return pa.table(made)

    def finish(self, statistics: pa.Table) -> Standardized:
        """Return the scaling with the measured means and deviations."""
        values = statistics.to_pylist()[0]
        measured = [tuple(float(values[letter + name] or 0.0) for letter in "nmv") for name in self.columns]
        for name, (_, mean, square) in zip(self.columns, measured, strict=True):
            if not np.isfinite(mean + square):
                msg = f"Standardize expects numbers with a mean and a deviation in column {name!r}, got infinity, NaN, or too large ones."
                raise StageError(f"{msg} Filter them first, by nw.col({name!r}).is_finite(), or make them missing.")
        means = tuple(mean if self.with_mean else 0.0 for _, mean, _ in measured)
        deviations = tuple(_deviation(*of_one) if self.with_std else 1.0 for of_one in measured)
        return Standardized(self.columns, means, deviations)


def _deviation(count: float, mean: float, square: float) -> float:
    """Return the standard deviation of a mean squared one, or 1 where that is no more than the rounding of sums."""
    rounding = float(np.finfo(np.float64).eps)
    return 1.0 if square <= count * rounding * square + (count * mean * rounding) ** 2 else float(np.sqrt(square))


@dataclass(frozen=True)
class Standardized(RowStage):
    """Takes `means` from columns and divides by `deviations`."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    columns: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one that holds no numbers."""
        schemas[0].require_numeric(self.columns, "Standardize")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the columns scaled."""
        return verbs.scale(frames[0], dict(zip(self.columns, zip(self.means, self.deviations, strict=True), strict=True)))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are scaled."""
        return frozenset(self.columns)
