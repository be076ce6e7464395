"""Makes numbers more like a normal variable by a power of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.columns import Columns, chosen, given_columns
from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.fit import FitStage
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.stages._fits import ByColumn, merged_reductions, reduced, require_finite

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

Frame = nw.LazyFrame[Any]
_POINTS = 17  # exponents tried in a pass, for each column
_WIDTH = 1e-9  # of the interval that an exponent is known within at the end
_ENDS = (-8.0, 8.0)


@dataclass(frozen=True, init=False)
class PowerTransform(FitStage):
    """Raises columns to the power that makes them most like a normal variable, found by maximum likelihood where it is fitted; as Float64.

    The exponents are those of scikit-learn's PowerTransformer, to about seven digits, as both search for them: here each pass over the rows
    tries several in an interval, between -8 and 8, and narrows it down. Missing values stay missing.

    Source: I.-K. Yeo and R. A. Johnson, "A New Family of Power Transformations to Improve Normality or Symmetry", 2000; G. E. P. Box and
    D. R. Cox, "An Analysis of Transformations", 1964.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`.
    method
        ``"yeo-johnson"``, or ``"box-cox"`` for numbers above 0 alone.
    standardize
        Whether the result is scaled to mean 0 and standard deviation 1.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1.0, 4.0, 9.0, 16.0]})
    >>> fitted = PowerTransform("x", method="box-cox").fit_plain(frame)
    >>> round(fitted.powers[0], 2), fitted.apply(frame)["x"].round(2).to_list()
    (0.33, [-1.41, -0.37, 0.5, 1.28])
    """

    columns: tuple[str, ...] | Columns
    method: Literal["yeo-johnson", "box-cox"]
    standardize: bool

    def __init__(
        self,
        columns: str | Sequence[str] | Columns,
        *,
        method: Literal["yeo-johnson", "box-cox"] = "yeo-johnson",
        standardize: bool = True,
    ) -> None:
        if method not in ("yeo-johnson", "box-cox"):
            msg = f"PowerTransform expects method 'yeo-johnson' or 'box-cox', got {method!r}."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "PowerTransform's columns"), method=method, standardize=standardize)

    def needed(self, schema: Schema) -> tuple[str, ...]:
        """Return the columns."""
        return chosen(self.columns, schema)

    def plan(self, *specs: Any) -> PowerTransformed:
        """Return what raises to the power of 1.

        Raise ColumnError for a column that is not there, DtypeError for one that holds no numbers.
        """
        specs[0].require_numeric(chosen(self.columns, specs[0]), self.name)
        names = chosen(self.columns, specs[0])
        return PowerTransformed(names, (1.0,) * len(names), (0.0,) * len(names), (1.0,) * len(names), self.method == "box-cox")

    def start(self, *known: Any, **more: Any) -> Any:
        """Return the columns, of which nothing is known."""
        return {"names": self.needed(known[0]), "intervals": None}

    def measuring(self, state: Any) -> Any:
        """Return what measures the columns, or their powers inside the intervals."""
        return partial(self.measure, state)

    def measure(self, state: Any, verbs: Verbs, frame: Frame) -> Frame:
        """Return ends and sums of the columns, then means and variances of their powers."""
        names, intervals = state["names"], state["intervals"]
        if intervals is None:
            logs = [(self._log(nw.col(name).cast(nw.Float64)) * 1.0).alias(f"{name}\x1flog") for name in names]
            known = ("n", "low", "high", "mean", "odd")
            return reduced(frame.select(*names, *logs), [*names, *(f"{name}\x1flog" for name in names)], known, as_float=True)
        columns = []
        for name, interval in zip(names, intervals, strict=True):
            points = enumerate(_points(interval))
            columns += [self._power(nw.col(name).cast(nw.Float64), power).alias(f"{name}\x1f{at}") for at, power in points]
        made = [f"{name}\x1f{at}" for name, interval in zip(names, intervals, strict=True) for at in range(len(_points(interval)))]
        return reduced(frame.select(columns), made, ("n", "mean", "var"), as_float=True)

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return what all parts measure together."""
        return merged_reductions(measured)

    def advance(self, state: Any, total: pa.Table) -> tuple[Any, bool]:
        """Return narrower intervals, and at last the exponents with their means and deviations."""
        row, names, intervals = merged_reductions([total]).to_pylist()[0], state["names"], state["intervals"]
        if intervals is None:
            require_finite(names, [row[f"odd:{name}"] for name in names], self.name)
            self._require_range(names, row)
            return {**state, "intervals": tuple(_start(row, name) for name in names), "logs": _logs(row, names)}, False
        if all(high == low for low, high in intervals):
            found = [(row[f"mean:{name}\x1f0"] or 0.0, row[f"var:{name}\x1f0"] or 0.0) for name in names]
            return {**state, "found": found}, True
        narrowed = []
        for name, interval, (n, log) in zip(names, intervals, state["logs"], strict=True):
            spreads = [row[f"var:{name}\x1f{at}"] for at in range(len(_points(interval)))]
            narrowed.append(_narrowed(interval, spreads, n, log))
        return {**state, "intervals": tuple(narrowed)}, False

    def finish(self, statistics: Any) -> PowerTransformed:
        """Return the powers, with what scales them."""
        powers = tuple(low for low, _ in statistics["intervals"])
        means = tuple(mean if self.standardize else 0.0 for mean, _ in statistics["found"])
        rounding = 10 * float(np.finfo(np.float64).eps)
        spreads = tuple(float(np.sqrt(var)) if self.standardize and np.sqrt(var) > rounding else 1.0 for _, var in statistics["found"])
        return PowerTransformed(statistics["names"], powers, means, spreads, self.method == "box-cox")

    def _require_range(self, names: Sequence[str], row: Any) -> None:
        """Raise StageError where Box and Cox's powers are asked of a number that is not above 0."""
        for name in names:
            if self.method == "box-cox" and row[f"low:{name}"] is not None and row[f"low:{name}"] <= 0:
                msg = f"PowerTransform expects numbers above 0 for 'box-cox', got {row[f'low:{name}']!r} in column {name!r}."
                raise StageError(f"{msg} Use method='yeo-johnson'.")

    def _log(self, x: nw.Expr) -> nw.Expr:
        """Return what the likelihood weighs the exponent with."""
        if self.method == "box-cox":
            return nw.when(x > 0).then(x).otherwise(nw.lit(1.0)).log()  # of other numbers there is none, which is told afterwards
        return (
            nw.when(x >= 0)
            .then(_log1p(nw.when(x >= 0).then(x).otherwise(nw.lit(0.0))))
            .otherwise(-1.0 * _log1p(nw.when(x < 0).then(-1.0 * x).otherwise(nw.lit(0.0))))
        )

    def _power(self, x: nw.Expr, power: float) -> nw.Expr:
        return _box_cox(x, power) if self.method == "box-cox" else _yeo_johnson(x, power)


def _log1p(x: nw.Expr) -> nw.Expr:
    return (x + 1.0).log()


def _box_cox(x: nw.Expr, power: float) -> nw.Expr:
    """Return the transformation of numbers above 0."""
    return x.log() if power == 0 else (x**power - 1.0) / power


def _yeo_johnson(x: nw.Expr, power: float) -> nw.Expr:
    """Return the transformation of any numbers; each side sees numbers of its own alone."""
    up = nw.when(x >= 0).then(x).otherwise(nw.lit(0.0))
    down = nw.when(x < 0).then(-1.0 * x).otherwise(nw.lit(0.0))
    above = _log1p(up) if abs(power) < np.spacing(1.0) else ((up + 1.0) ** power - 1.0) / power
    below = -1.0 * (_log1p(down) if abs(power - 2) < np.spacing(1.0) else ((down + 1.0) ** (2 - power) - 1.0) / (2 - power))
    return nw.when(x.is_null()).then(nw.lit(None, dtype=nw.Float64)).otherwise(nw.when(x >= 0).then(above).otherwise(below))


def _points(interval: tuple[float, float]) -> list[float]:
    """Return the exponents that are tried of an interval."""
    low, high = interval
    return [low] if low == high else [float(power) for power in np.linspace(low, high, _POINTS)]


def _start(row: Any, name: str) -> tuple[float, float]:
    """Return the first interval; of a column in which nothing differs, the exponent that changes nothing."""
    low, high = row[f"low:{name}"], row[f"high:{name}"]
    return (1.0, 1.0) if low is None or low == high else _ENDS


def _logs(row: Any, names: Sequence[str]) -> list[tuple[int, float]]:
    """Return of each column the number of values and the mean of their logarithms."""
    return [(row[f"n:{name}"], row[f"mean:{name}\x1flog"] or 0.0) for name in names]


def _narrowed(interval: tuple[float, float], spreads: Sequence[float | None], n: int, log: float) -> tuple[float, float]:
    """Return the interval around the most likely exponent, and once it is narrow that alone."""
    points = np.asarray(_points(interval))
    if len(points) == 1:
        return interval
    spread = np.asarray([np.nan if value is None else value for value in spreads])
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = np.where(spread > np.finfo(np.float64).tiny, -n / 2 * np.log(spread) + (points - 1) * log * n, -np.inf)
    likelihood = np.where(np.isfinite(likelihood), likelihood, -np.inf)
    best = int(np.argmax(likelihood))
    low, high = float(points[max(best - 1, 0)]), float(points[min(best + 1, len(points) - 1)])
    if high - low > _FLAT or not np.isfinite(likelihood[[max(best - 1, 0), min(best + 1, len(points) - 1)]]).all():
        return (low, high) if high - low > _WIDTH else (float(points[best]),) * 2
    near = slice(max(best - 1, 0), max(best - 1, 0) + 3)
    return (_vertex(points[near], likelihood[near]),) * 2


_FLAT = 1e-3  # below which the likelihood is a parabola, and rounding would decide between points nearer to one another


def _vertex(points: Any, values: Any) -> float:
    """Return where the parabola through three points is highest."""
    if len(points) < 3:
        return float(points[int(np.argmax(values))])
    step = points[1] - points[0]
    bend = values[0] - 2 * values[1] + values[2]
    return float(points[1] if bend >= 0 else points[1] + step * (values[0] - values[2]) / (2 * bend))


@dataclass(frozen=True)
class PowerTransformed(ByColumn):
    """Raises columns to `powers`, takes `means` off and divides by `deviations`."""

    columns: tuple[str, ...]
    powers: tuple[float, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    is_box_cox: bool

    def of(self, column: nw.Expr, number: int) -> nw.Expr:
        """Return the transformed column."""
        power = (_box_cox if self.is_box_cox else _yeo_johnson)(column.cast(nw.Float64), self.powers[number])
        return (power - self.means[number]) / self.deviations[number]
