"""Models side by side: metrics of several tables of predictions, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import StageError, UsageError, WiringError, listing
from gpupipe.core.node import Node, Table, Value
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.models._measured import KNOWN, arrays_of, check_numbers, needed, scores_of


@dataclass(frozen=True, init=False)
class Compare(TaskStage):
    """Measures the predictions of several models, each metric with an interval by bootstrap.

    ``Compare("rmse", target="y", key="id")(ridge=scored, boost=other)`` gives ``{"ridge": {"rmse": ..., "rmse_low": ..., "rmse_high": ...},
    ...}``. Rows are drawn with replacement, `n_samples` times, and the interval goes from the one to the other end of the middle `level` of
    what comes out. With a key that all tables share, every model is measured on the same draws, and for each but the first there is
    also ``<metric>_difference``, its metric less the first one's, with an interval of its own: where that holds no 0, the models differ.

    Source: the percentile bootstrap of Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Parameters
    ----------
    metrics
        Those of `Evaluate` for two classes, labels and numbers.
    target, prediction, probability
        As `Evaluate` takes them.
    key
        The columns that say which rows of the tables are the same.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"id": [1, 2, 3], "y": [1.0, 2.0, 3.0], "prediction": [1.0, 2.0, 3.0]})
    >>> worse = rows.with_columns(prediction=pl.col("prediction") + 1)
    >>> made = Compare("mae", target="y", key="id", n_samples=50).of(good=rows, bad=worse)
    >>> made["bad"]["mae"], made["bad"]["mae_difference_low"], made["bad"]["mae_difference_high"]
    (1.0, 1.0, 1.0)
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table,)
    many: ClassVar[bool] = True
    gives: ClassVar[type[Node]] = Value

    metrics: tuple[str, ...]
    target: str
    prediction: str
    probability: str
    key: tuple[str, ...]
    n_samples: int
    level: float
    seed: int
    models: tuple[str, ...]

    def __init__(
        self,
        metrics: str | Sequence[str],
        *,
        target: str,
        prediction: str = "prediction",
        probability: str = "probability",
        key: str | Sequence[str] | None = None,
        n_samples: int = 1000,
        level: float = 0.95,
        seed: int = 0,
    ) -> None:
        names = as_columns(metrics, "Compare's metrics")
        strange = [name for name in names if name not in KNOWN]
        if strange:
            msg = f"Compare knows {listing(KNOWN, limit=30)}, got {listing(strange)}."
            raise UsageError(msg)
        if type(n_samples) is not int or n_samples < 2 or not 0 < level < 1:
            msg = f"Compare expects n_samples of 2 or more and a level between 0 and 1, got {n_samples!r} and {level!r}."
            raise UsageError(msg)
        settle(self, metrics=names, target=target, prediction=prediction, probability=probability, models=())
        settle(self, key=() if key is None else as_columns(key, "Compare's key"), n_samples=n_samples, level=level, seed=seed)

    def __call__(self, *tables: Node, **models: Node) -> Value:
        """Return the node of the comparison of tables of predictions, which are named by keyword."""
        return cast(Value, self._named(tables, models).wire(tuple(models.values())))

    def of(self, *tables: Any, **models: Any) -> dict[str, Any]:
        """Return the comparison of plain frames, with no pipeline."""
        return cast(dict[str, Any], self._named(tables, models).apply(*models.values()))

    def _named(self, tables: Sequence[Any], models: Mapping[str, Any]) -> Compare:
        """Return the comparison that knows the models' names."""
        if tables or not models:
            msg = "Compare expects the tables by the names of their models: Compare('rmse', target='y')(ridge=scored, boost=other)."
            raise WiringError(msg)
        made = Compare(self.metrics, target=self.target, prediction=self.prediction, probability=self.probability, key=self.key or None)
        settle(made, n_samples=self.n_samples, level=self.level, seed=self.seed, models=tuple(models))
        return made

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns that are measured."""
        measured = needed(self.metrics, self.target, self.prediction, self.probability)
        return [list(dict.fromkeys([*self.key, *measured]))] * len(schemas)

    def plan(self, *specs: Any) -> Any:
        """Return what stands for the comparison in the plan.

        Raise ColumnError for a column that is not there, DtypeError for one of the wrong kind.
        """
        for schema, names in zip(specs, self.columns(*specs), strict=True):
            schema.require(names)
            check_numbers(self.metrics, schema, [self.prediction, self.target], "Compare")
        return {}

    def solve(self, tools: Tools, *inputs: nw.DataFrame[Any]) -> dict[str, Any]:
        """Return the metrics of each model with their intervals."""
        short = [name for name, frame in zip(self.models, inputs, strict=True) if not len(frame)]
        if short:
            msg = f"Expected rows to compare, got none of {listing(short)}. Look at the filters and splits before it."
            raise StageError(msg)
        columns = (self.target, self.prediction, self.probability)
        measured = [arrays_of(frame, self.metrics, *columns, "Compare") for frame in self._matched(inputs)]
        made: dict[str, Any] = {}
        draws: list[np.ndarray[Any, Any]] = []
        for name, arrays in zip(self.models, measured, strict=True):
            n_rows = len(arrays[self.metrics[0]][0])
            chance = np.random.default_rng(self.seed)
            whole = scores_of(arrays)
            drawn = [scores_of(arrays, chance.integers(n_rows, size=n_rows)) for _ in range(self.n_samples)]
            draws.append(np.array(drawn))
            made[name] = self._told("", whole, draws[-1])
            if self.key and len(made) > 1:
                first = np.array([made[self.models[0]][metric] for metric in self.metrics])
                made[name] |= self._told("_difference", np.array(whole) - first, draws[-1] - draws[0])
        tools.show("Comparison", *self._parts(made))
        return made

    def _matched(self, inputs: Sequence[nw.DataFrame[Any]]) -> list[nw.DataFrame[Any]]:
        """Return the tables in the order of their keys, or without a key of their values, so that draws do not depend on how rows come."""
        order = [list(self.key) or list(frame.columns) for frame in inputs]
        made = [frame.sort(names) for frame, names in zip(inputs, order, strict=True)]
        for name, frame in zip(self.models[1:], made[1:], strict=True):
            same = not self.key or (len(frame) == len(made[0]) and all((frame[one] == made[0][one]).all() for one in self.key))
            if not same:
                msg = f"Compare expects one set of rows, by {listing(self.key)}; those of {name!r} are not those of {self.models[0]!r}."
                raise StageError(f"{msg} Score the same table, or leave the key out.")
        return made

    def _told(self, what: str, values: Any, drawn: Any) -> dict[str, float]:
        """Return each metric with the ends of its interval."""
        ends = np.nanquantile(drawn, [(1 - self.level) / 2, (1 + self.level) / 2], axis=0)
        return {
            f"{metric}{what}{end}": float(found[place])
            for place, metric in enumerate(self.metrics)
            for end, found in (("", values), ("_low", ends[0]), ("_high", ends[1]))
        }

    def _parts(self, made: Mapping[str, Mapping[str, float]]) -> list[Mapping[str, Any]]:
        """Return the tables of the report's card, one for each metric."""
        share = f"{self.level:.0%} interval"
        parts: list[Mapping[str, Any]] = []
        for metric in self.metrics:
            rows = [[name, *(values[f"{metric}{end}"] for end in ("", "_low", "_high"))] for name, values in made.items()]
            parts.append({"kind": "table", "title": metric, "columns": ["model", metric, f"{share} from", "to"], "rows": rows})
        return parts
