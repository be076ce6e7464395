"""Probabilities made right, and the probability from which on to act: both are found on rows that a model was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import StageError, UsageError, listing
from gpupipe.core.fit import FitStage
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage
from gpupipe.core.verbs import ArrayMap

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

_COUNT = "n"


@dataclass(frozen=True, init=False)
class OfCounts(FitStage):
    """Fits to how many rows of each class have each probability, which is all that is measured."""

    target: str
    probability: str

    def plan(self, *schemas: Schema) -> Any:
        """Raise ColumnError for a column that is not there, DtypeError for a probability that is no number."""
        schemas[0].require([self.target, self.probability])
        schemas[0].require_numeric([self.probability], self.name)

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the number of rows of each class and probability."""
        return self._counted(frame.select(nw.col(self.target).alias("y"), nw.col(self.probability).cast(nw.Float64).alias("p")))

    def _counted(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame.group_by("y", "p").agg(nw.len().cast(nw.Int64).alias(_COUNT))

    def needed(self, schema: Schema) -> tuple[str, str]:
        """Return the columns that are measured."""
        return (self.target, self.probability)

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the counts of all parts together."""
        whole = pa.concat_tables(measured).group_by(["y", "p"]).aggregate([(_COUNT, "sum")])
        return (
            whole.select(["y", "p", f"{_COUNT}_sum"]).rename_columns(["y", "p", _COUNT]).sort_by([("p", "ascending"), ("y", "ascending")])
        )

    def counts(self, statistics: pa.Table) -> tuple[tuple[Any, Any], Any, Any, Any]:
        """Return both classes, the distinct probabilities in ascending order, and the rows of the first and the second class at each."""
        if statistics["y"].null_count or statistics["p"].null_count:
            msg = f"{self.name} expects values in every row of {self.target!r} and {self.probability!r}, got missing ones. Drop those."
            raise StageError(msg)
        classes = sorted(set(statistics["y"].to_pylist()))
        if len(classes) != 2:
            msg = f"{self.name} needs two classes among the rows, got {len(classes)}: {listing(map(str, classes))}. Take more rows."
            raise StageError(msg)
        values, place = np.unique(statistics["p"].to_numpy(), return_inverse=True)
        rows, second = statistics[_COUNT].to_numpy().astype(np.float64), np.array([y == classes[1] for y in statistics["y"].to_pylist()])
        of_both = [np.bincount(place, weights=rows * chosen, minlength=len(values)) for chosen in (~second, second)]
        return (classes[0], classes[1]), values, of_both[0], of_both[1]


@dataclass(frozen=True, init=False)
class Calibrate(OfCounts):
    """Makes a model's probabilities those with which things happen, measured on rows that it was not trained on.

    ``calibrated = Calibrate(target="y").fit(scored)``, and ``calibrated(other)`` has the probability in its column's place.

    Source: ``"isotonic"`` is the ascending step function nearest to the labels, by pooling adjacent violators, with straight lines
    between its steps, as scikit-learn's ``IsotonicRegression``; ``"sigmoid"`` is Platt's, "Probabilistic Outputs for Support Vector
    Machines", 1999, with his corrected labels, as scikit-learn's ``CalibratedClassifierCV``.

    Parameters
    ----------
    target
        The column of the truth, of two classes.
    probability
        The column of the probability of the last class in sorted order.

    Examples
    --------
    >>> import polars as pl
    >>> scored = pl.DataFrame({"y": [0, 0, 1, 0, 1, 1], "probability": [0.1, 0.1, 0.1, 0.4, 0.4, 0.9]})
    >>> made = Calibrate(target="y").fit_plain(scored).apply(scored)["probability"]
    >>> [round(value, 3) for value in made]
    [0.333, 0.333, 0.333, 0.5, 0.5, 1.0]
    """

    method: Literal["isotonic", "sigmoid"]

    def __init__(self, *, target: str, method: Literal["isotonic", "sigmoid"] = "isotonic", probability: str = "probability") -> None:
        if method not in ("isotonic", "sigmoid"):
            msg = f"Calibrate expects method 'isotonic' or 'sigmoid', got {method!r}."
            raise UsageError(msg)
        settle(self, target=target, method=method, probability=probability)

    def plan(self, *specs: Any) -> Calibrated:
        """Return the calibration that changes nothing; raise as `OfCounts` does."""
        super().plan(*specs)
        return Calibrated(self.probability, self.method, (0.0, 1.0), (0.0, 1.0))

    def finish(self, statistics: pa.Table) -> Calibrated:
        """Return the calibration."""
        _, values, first, second = self.counts(statistics)
        if self.method == "sigmoid":
            slope, offset = platt(values, first, second)
            return Calibrated(self.probability, self.method, (slope,), (offset,))
        x, y = isotonic(values, second / (first + second), first + second)
        return Calibrated(self.probability, self.method, tuple(x.tolist()), tuple(y.tolist()))


@dataclass(frozen=True)
class Calibrated(RowStage):
    """Puts calibrated probabilities in the place of a model's: ``1 / (1 + exp(x p + y))``, or between the points ``(x, y)``."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    probability: str
    method: Literal["isotonic", "sigmoid"]
    x: tuple[float, ...]
    y: tuple[float, ...]

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError where there is no probability, DtypeError where it is no number."""
        schemas[0].require_numeric([self.probability], "Calibrate")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with calibrated probabilities."""
        names = frames[0].collect_schema().names()
        mapped = ArrayMap((self.probability,), ((self.probability, nw.Float64()),), self._made, (self.probability,), nan_as_null=True)
        return verbs.map_arrays(frames[0], mapped).select(names)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the probability's column."""
        return frozenset({self.probability})

    def _made(self, array: Any) -> Sequence[Any]:
        """Return the calibrated probabilities; missing ones stay so."""
        given = array[:, 0]
        if self.method == "sigmoid":
            return [1 / (1 + np.exp(self.x[0] * given + self.y[0]))]
        like = type(given)
        x, y = (np.asarray(part) if like is np.ndarray else np.asarray(part, like=given) for part in (self.x, self.y))
        return [np.interp(given, x, y)]


def isotonic(values: Any, means: Any, weights: Any) -> tuple[Any, Any]:
    """Return the points of the ascending function nearest to means at ascending values, by pooling adjacent violators.

    Examples
    --------
    >>> isotonic(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.5]), np.array([1.0, 1.0, 3.0]))[1].tolist()
    [0.0, 0.625, 0.625]
    """
    blocks: list[list[float]] = []  # mean, weight, how many values
    for mean, weight in zip(means.tolist(), weights.tolist(), strict=True):
        blocks.append([mean, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (one, n, size), (other, m, more) = blocks[-2:]
            blocks[-2:] = [[(one * n + other * m) / (n + m), n + m, size + more]]
    made = np.repeat([mean for mean, _, _ in blocks], [int(size) for _, _, size in blocks])
    ends = np.ones(len(values), dtype=bool)
    ends[1:-1] = (made[1:-1] != made[:-2]) | (made[1:-1] != made[2:])  # between two that are equal, a point says nothing
    return values[ends], made[ends]


def platt(values: Any, first: Any, second: Any) -> tuple[float, float]:
    """Return slope and offset of Platt's sigmoid, by Newton's method on the two of them.

    Parameters
    ----------
    values
        Distinct predictions.
    first, second
        How many rows of each class have each of them.
    """
    n_first, n_second = float(first.sum()), float(second.sum())
    high, low, weights = (n_second + 1) / (n_second + 2), 1 / (n_first + 2), first + second
    wanted = (high * second + low * first) / weights
    parameters = np.array([0.0, np.log((n_first + 1) / (n_second + 1))])
    design = np.stack([values, np.ones_like(values)], axis=1)
    for _ in range(100):
        found = 1 / (1 + np.exp(design @ parameters))
        gradient = design.T @ (weights * (wanted - found))
        curvature = (design * (weights * found * (1 - found))[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-10 and _loss(design @ (parameters - size * step), wanted, weights) > _loss(design @ parameters, wanted, weights):
            size /= 2
        parameters = parameters - size * step
        if float(np.abs(size * step).max()) < 1e-10:
            break
    return float(parameters[0]), float(parameters[1])


def _loss(exponents: Any, wanted: Any, weights: Any) -> float:
    """Return the log-loss of ``1 / (1 + exp(exponents))``."""
    return float((weights * (np.logaddexp(0, exponents) - (1 - wanted) * exponents)).sum())


@dataclass(frozen=True, init=False)
class Threshold(OfCounts):
    """Finds the probability from which on to say yes, so that mistakes cost least; on rows that the model was not trained on.

    ``decided = Threshold(target="y", false_negative=5).fit(scored)``, and ``decided(other)`` has the class in `prediction`: the last one in
    sorted order where the probability is the threshold or more. Of equal costs, the highest threshold is taken.

    Parameters
    ----------
    target, probability
        As `Calibrate` takes them.
    false_positive, false_negative
        What it costs to say yes where it is no, and no where it is yes.
    prediction
        The column to write.

    Examples
    --------
    >>> import polars as pl
    >>> scored = pl.DataFrame({"y": ["no", "no", "yes", "yes"], "probability": [0.1, 0.4, 0.3, 0.8]})
    >>> Threshold(target="y", false_negative=5).fit_plain(scored).threshold, Threshold(target="y").fit_plain(scored).threshold
    (0.3, 0.8)
    """

    false_positive: float
    false_negative: float
    prediction: str

    def __init__(
        self,
        *,
        target: str,
        false_positive: float = 1.0,
        false_negative: float = 1.0,
        probability: str = "probability",
        prediction: str = "prediction",
    ) -> None:
        if not (false_positive > 0 and false_negative > 0):
            msg = f"Threshold expects costs above 0, got false_positive={false_positive!r} and false_negative={false_negative!r}."
            raise UsageError(msg)
        settle(self, target=target, probability=probability, prediction=prediction)
        settle(self, false_positive=float(false_positive), false_negative=float(false_negative))

    def plan(self, *specs: Any) -> Decided:
        """Return a threshold that nothing reaches; raise as `OfCounts` does."""
        super().plan(*specs)
        dtype = specs[0][self.target].dtype
        no, yes = ("no", "yes") if dtype in (nw.String, nw.Categorical) else (False, True) if dtype == nw.Boolean else (0, 1)
        return Decided(self.probability, self.prediction, 2.0, no, yes, 0.0)

    def finish(self, statistics: pa.Table) -> Decided:
        """Return the threshold."""
        (no, yes), values, first, second = self.counts(statistics)
        costs = np.append(
            self.false_positive * first[::-1].cumsum()[::-1] + self.false_negative * np.append(0.0, second.cumsum()[:-1]),
            self.false_negative * second.sum(),
        )
        best = len(costs) - 1 - int(np.argmin(costs[::-1]))
        threshold = float(values[best]) if best < len(values) else float(np.nextafter(values[-1], np.inf))
        return Decided(self.probability, self.prediction, threshold, no, yes, float(costs[best]))

    def describe(self, result: Any) -> dict[str, Any]:
        """Return the threshold and what its mistakes cost on the rows that it was found on."""
        return {"facts": {"threshold": result.threshold, "cost": result.cost}}


@dataclass(frozen=True)
class Decided(RowStage):
    """Says yes where the probability is `threshold` or more."""

    keeps_rows: ClassVar[bool] = True

    probability: str
    prediction: str
    threshold: float
    no: Any
    yes: Any
    cost: float

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError where there is no probability, DtypeError where it is no number."""
        schemas[0].require_numeric([self.probability], "Threshold")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the class."""
        given = nw.col(self.probability)
        said = nw.when(given >= self.threshold).then(nw.lit(self.yes)).otherwise(nw.lit(self.no))
        return frames[0].with_columns(nw.when(~given.is_null()).then(said).alias(self.prediction))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the probability's column."""
        return frozenset({self.probability})
