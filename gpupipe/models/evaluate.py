"""Measures how good predictions are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import ColumnError, StageError, UsageError, listing, nearest
from gpupipe.core.metrics import METRICS, OF_CLUSTERS, OF_FEATURES, OF_PROBABILITY
from gpupipe.core.node import Node, Table, Value
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task import Scoring
from gpupipe.core.want import Want

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress


Custom = Callable[..., float]


@dataclass(frozen=True, init=False)
class Evaluate(Barrier):
    """Measures predictions against the truth; gives a mapping from metric to number. The metrics are scikit-learn's.

    Classification: ``roc_auc``, ``average_precision``, ``log_loss``, ``brier`` (of probabilities), ``accuracy``,
    ``balanced_accuracy``, ``precision``, ``recall``, ``f1``, ``matthews`` (of predictions; the last three averaged over classes unless
    there are two). Regression: ``mse``, ``rmse``, ``mae``, ``median_ae``, ``r2``, ``mape``, ``explained_variance``. Clustering against
    known groups: ``adjusted_rand``, ``adjusted_mutual_info``, ``normalized_mutual_info``, ``homogeneity``, ``completeness``,
    ``v_measure``; of clusters by themselves, with `features`: ``silhouette``, ``davies_bouldin``, ``calinski_harabasz``.

    The report shows what belongs to them: ROC and precision-recall curves, calibration (of ``log_loss`` and ``brier``), confusion of
    labels, residuals of numbers.

    Parameters
    ----------
    metrics
        One name or several.
    target
        The column that holds the truth.
    prediction, probability
        The columns that a model appended.
    custom
        Metrics of your own by name: functions that return a number. What they get are arrays on the host, as their parameters are called:
        ``truth``, ``prediction``, ``probability``, ``weight``.

    Examples
    --------
    >>> import polars as pl, gpupipe as gp
    >>> def profit(truth, prediction):
    ...     return float((prediction * (10 * truth - 3)).sum())
    >>> scored = gp.FromFrame(pl.DataFrame({"y": [1, 0, 1], "prediction": [1, 1, 0]})).node()
    >>> gp.Pipeline("p", scores=gp.Evaluate("accuracy", target="y", custom={"profit": profit})(scored)).run()["scores"]
    {'accuracy': 0.3333333333333333, 'profit': 4.0}
    """

    kind: ClassVar[str] = "value"
    gives: ClassVar[type[Node]] = Value

    metrics: tuple[str, ...]
    target: str | None
    prediction: str
    probability: str
    weight: str | None
    features: tuple[str, ...]
    custom: tuple[tuple[str, Custom], ...]

    def __init__(
        self,
        metrics: str | Sequence[str] = (),
        *,
        target: str | None = None,
        prediction: str | None = None,
        probability: str = "probability",
        weight: str | None = None,
        features: Sequence[str] = (),
        custom: Mapping[str, Custom] | None = None,
    ) -> None:
        own = checked_custom(custom or {}, METRICS)
        names = as_columns(metrics, "Evaluate's metrics") if metrics or not own else ()
        for name in names:
            if name not in METRICS:
                msg = f"There is no metric {name!r}.{nearest(name, METRICS)} The metrics are {listing(METRICS, limit=40)}."
                raise UsageError(msg)
        if target is None and (any(name not in OF_FEATURES for name in names) or any("truth" in arguments_of(one) for _, one in own)):
            msg = f"Evaluate needs target, the column of the truth, for {listing(names)}."
            raise UsageError(msg)
        if not features and any(name in OF_FEATURES for name in names):
            msg = f"Evaluate needs features, the columns that were clustered, for {listing(OF_FEATURES)}."
            raise UsageError(msg)
        clusters = any(name in OF_FEATURES + OF_CLUSTERS for name in names)
        settle(
            self,
            metrics=names,
            target=target,
            prediction=prediction or ("cluster" if clusters else "prediction"),
            probability=probability,
            weight=weight,
            features=tuple(features),
            custom=own,
        )

    def __call__(self, table: Table) -> Value:
        """Return the node of the metrics."""
        return cast(Value, self.wire((table,)))

    def needed(self, schema: Schema) -> list[str]:
        """Return the columns that the metrics need."""
        needed = [name for name in (self.target, self.weight) if name is not None]
        if any(name in OF_PROBABILITY for name in self.metrics):
            several = [name for name in schema if name.startswith(f"{self.probability}_")]
            needed += [self.probability] if self.probability in schema or not several else several
        if any(name not in OF_PROBABILITY for name in self.metrics):
            needed.append(self.prediction)
        columns = {"prediction": self.prediction, "probability": self.probability}
        needed += [column for name, column in columns.items() if any(name in arguments_of(one) for _, one in self.custom)]
        return list(dict.fromkeys([*needed, *self.features]))

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, saying which of a model's methods makes it."""
        for name in self.needed(schemas[0]):
            if name not in schemas[0] and name == self.probability:
                error = ColumnError.of(name, schemas[0])
                msg = f"{error} {listing(OF_PROBABILITY)} are of probabilities: score model.predict_proba(table)."
                raise ColumnError(msg)
            if name not in schemas[0] and name == self.prediction == "prediction":
                msg = f"{ColumnError.of(name, schemas[0])} A model appends it: Evaluate(...)(model(table))."
                raise ColumnError(msg)
        schemas[0].require(self.needed(schemas[0]))

    def wants(self, *schemas: Schema) -> tuple[Want, ...]:
        """Return the needed columns."""
        columns = self.needed(schemas[0])
        return (Want(lambda _, frame: frame.select(columns), "held"),)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Scores:
        """Return the metrics, with the curves behind them."""
        recipe = Scoring(self.metrics, self.target or self.prediction, self.prediction, self.probability, self.weight, self.features)
        scored = engine.solve(recipe, results) if self.metrics else {"values": {}, "curves": ()}
        own = {} if not self.custom else self._own(engine.deliver(results[0]))
        return Scores({**scored["values"], **own}, tuple(scored["curves"]), tuple(scored.get("cards", ())))

    def _own(self, frame: Any) -> dict[str, float]:
        """Return the metrics of the user's own."""
        columns = {"truth": self.target, "prediction": self.prediction, "probability": self.probability, "weight": self.weight}
        made: dict[str, float] = {}
        for name, function in self.custom:
            given = {one: frame[columns[one]].to_numpy() for one in arguments_of(function) if columns[one] is not None}
            try:
                made[name] = float(function(**given))
            except Exception as error:  # whatever the user's function raises
                msg = f"The metric {name!r} failed on {len(frame)} rows: {type(error).__name__}: {error}"
                raise StageError(msg) from error
        return made

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return the curves and cards for the report."""
        return {"curves": list(result.curves), "cards": list(result.cards)}


class Scores(dict[str, float]):
    """Metrics by name, with the curves and cards behind them."""

    def __init__(
        self, values: Mapping[str, float], curves: tuple[Mapping[str, Any], ...] = (), cards: tuple[Mapping[str, Any], ...] = ()
    ) -> None:
        self.update(values)
        self.curves = curves
        self.cards = cards


ARGUMENTS = ("truth", "prediction", "probability", "weight")


def arguments_of(function: Custom) -> tuple[str, ...]:
    """Return what a metric of the user's own gets, by its parameters' names; those with other defaults it does without."""
    known = inspect.signature(function).parameters.values()
    return tuple(one.name for one in known if one.name in ARGUMENTS)


def checked_custom(custom: Mapping[str, Custom], metrics: Sequence[str]) -> tuple[tuple[str, Custom], ...]:
    """Return metrics of the user's own, or raise UsageError where one is none."""
    for name, function in custom.items():
        if not callable(function) or name in metrics:
            msg = f"Evaluate expects functions under new names as custom metrics, got {type(function).__name__} under {name!r}."
            raise UsageError(msg)
        required = [one.name for one in inspect.signature(function).parameters.values() if one.default is one.empty]
        strange = [one for one in required if one not in ARGUMENTS]
        if strange or not required:
            msg = f"A custom metric gets arrays by its parameters' names, {listing(ARGUMENTS)}."
            raise UsageError(f"{msg} {name!r} takes {listing(strange) or 'none'}.")
    return tuple(custom.items())
