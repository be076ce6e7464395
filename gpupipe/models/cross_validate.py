"""Cross-validation: a piece of pipeline is wired once for each fold, and what it predicts of the fold's test rows is measured.

A fold is ordinary wiring, a function of training and test tables. So whatever is fitted in it is fitted to the fold's training rows alone,
the folds share what they are made of, and plans, engines, checkpoints and reports are those of any pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import UsageError, WiringError
from gpupipe.core.node import Node, Table, Value
from gpupipe.core.options import WithOptions, settle
from gpupipe.models.evaluate import Evaluate, Scores

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.want import Want


@dataclass(frozen=True)
class CrossValidated:
    """What cross-validation gives: nodes of a pipeline.

    Parameters
    ----------
    scores
        Of each metric, the mean over the folds, and under ``<metric>_std`` the (population) standard deviation.
    folds
        The scores of each fold.
    predictions
        What was predicted of each fold's test rows; ``gp.Concat()(*predictions)`` are those of all rows, each made without the row.
    """

    scores: Value
    folds: tuple[Value, ...]
    predictions: tuple[Table, ...]


@dataclass(frozen=True, init=False)
class CrossValidate(WithOptions):
    """Fits and measures a piece of pipeline on each fold.

    Parameters
    ----------
    build
        A function of a fold's training and test table that returns the test table with predictions. All that it fits, it fits to the
        training table: encoders as well as models.
    folds
        ``gp.Folds(5)``, by row, key, time or stratified.
    metrics, options
        What `Evaluate` takes: ``metrics="roc_auc", target="y"``.

    Examples
    --------
    >>> import polars as pl, gpupipe as gp
    >>> from sklearn.linear_model import LinearRegression
    >>> rows = gp.FromFrame(pl.DataFrame({"x": range(8), "y": [2 * x for x in range(8)], "fold": [0, 1] * 4})).node()
    >>> def build(train, test):
    ...     return gp.Learn(LinearRegression(), features=["x"], target="y").fit(train).predict(test)
    >>> validated = CrossValidate(build, folds=gp.Folds(2, column="fold"), metrics="r2", target="y")(rows)
    >>> scores = gp.Pipeline("p", scores=validated.scores).run()["scores"]
    >>> {name: round(value, 6) for name, value in scores.items()}
    {'r2': 1.0, 'r2_std': 0.0}
    """

    build: Callable[[Table, Table], Table]
    folds: Any
    evaluate: Evaluate

    def __init__(self, build: Callable[[Table, Table], Table], *, folds: Any, metrics: str | Sequence[str], **options: Any) -> None:
        require_folds(folds, "CrossValidate")
        if not callable(build):
            msg = f"CrossValidate expects a function of a training and a test table that returns predictions, got {type(build).__name__}."
            raise UsageError(msg)
        settle(self, build=build, folds=folds, evaluate=Evaluate(metrics, **options))

    def __call__(self, table: Table) -> CrossValidated:
        """Return the scores of all folds, and what was predicted in each."""
        scored = [self.build(train, test) for train, test in self.folds(table)]
        strange = [made for made in scored if not isinstance(made, Table)]
        if strange:
            msg = f"CrossValidate expects its function to return a table of predictions, got {type(strange[0]).__name__}."
            raise WiringError(f"{msg} End it with: return model.predict(test)")
        measured = tuple(self.evaluate(made) for made in scored)
        return CrossValidated(cast(Value, FoldScores().wire(measured)), measured, tuple(scored))


def require_folds(folds: Any, stage: str) -> None:
    """Raise UsageError for what deals no rows to folds."""
    if not callable(folds) or not hasattr(folds, "__len__"):
        msg = f"{stage} expects folds, such as gp.Folds(5) or gp.Folds(5, by='key'), got {folds!r}."
        raise UsageError(msg)


@dataclass(frozen=True)
class FoldScores(Barrier):
    """Makes of the scores of several folds their means and standard deviations."""

    kind: ClassVar[str] = "value"
    takes: ClassVar[tuple[type[Node], ...]] = (Value,)
    gives: ClassVar[type[Node]] = Value
    many: ClassVar[bool] = True

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return that nothing is wanted of tables."""
        return (None,) * len(specs)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Scores:
        """Return mean and standard deviation of each metric."""
        return summary(results)

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return the scores of each fold for the report."""
        return {"cards": [folds_card(result.folds)]} if isinstance(result, FoldedScores) else {}


class FoldedScores(Scores):
    """Means and standard deviations of metrics, with the scores of the folds behind them."""

    def __init__(self, values: Mapping[str, float], folds: tuple[Mapping[str, float], ...]) -> None:
        super().__init__(values)
        self.folds = folds


def summary(folds: Sequence[Mapping[str, float]]) -> FoldedScores:
    """Return mean and (population) standard deviation of each metric over folds.

    Examples
    --------
    >>> summary([{"r2": 0.5}, {"r2": 1.0}])
    {'r2': 0.75, 'r2_std': 0.25}
    """
    made: dict[str, float] = {}
    for metric in folds[0]:
        values = np.array([fold[metric] for fold in folds], dtype=np.float64)
        made |= {metric: float(values.mean()), f"{metric}_std": float(values.std())}
    return FoldedScores(made, tuple(dict(fold) for fold in folds))


def folds_card(folds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the report's card of the scores of folds: a table, and bars for the first metric."""
    metrics = list(folds[0])
    rows = [[f"fold {number}", *(fold[metric] for metric in metrics)] for number, fold in enumerate(folds)]
    bars = [[str(row[0]), row[1]] for row in rows]
    table = {"kind": "table", "title": "Scores of the folds", "columns": ["fold", *metrics], "rows": rows}
    chart = {"kind": "bars", "title": f"{metrics[0]} of the folds", "bars": bars}
    return {"title": "Folds", "section": "Validation", "parts": [table, chart]}
