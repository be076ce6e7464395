"""What a model's features are worth to it, by how much worse it predicts where one of them is shuffled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import StageError, UsageError, WiringError, listing, nearest
from gpupipe.core.metrics import OF_PROBABILITY, SMALLER_IS_BETTER
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.core.want import Want
from gpupipe.models._measured import KNOWN, arrays_of, scores_of
from gpupipe.models.learn import Learned


@dataclass(frozen=True, init=False)
class PermutationImportance(TaskStage):
    """Measures how much a metric gets worse where a feature's values are shuffled.

    ``PermutationImportance("rmse", target="y")(model, table)`` gives a table of ``feature``, ``importance`` (the mean over the shufflings,
    above 0 where the feature helps) and ``importance_std``, the most important first. The rows come to one place.

    Source: Breiman, "Random Forests", 2001, section 10, as scikit-learn's ``permutation_importance`` has it for any model.

    Parameters
    ----------
    metric
        One of `Evaluate`'s for two classes, labels and numbers.
    target
        The column of the truth.
    n_repeats
        How often each feature is shuffled.

    Examples
    --------
    >>> import polars as pl, gpupipe as gp
    >>> from sklearn.linear_model import LinearRegression
    >>> frame = pl.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 1.0, 0.0], "y": [2.0, 4.0, 6.0, 8.0]})
    >>> rows = gp.FromFrame(frame).node()
    >>> model = gp.Learn(LinearRegression(), target="y").fit(rows)
    >>> made = gp.Pipeline("p", made=gp.PermutationImportance("rmse", target="y")(model, rows)).run()["made"]
    >>> made["feature"].to_list(), made["importance"].to_list()[0] > 1
    (['a', 'b'], True)
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Fitted, Table)
    gives: ClassVar[type[Node]] = Table

    metric: str
    target: str
    n_repeats: int
    seed: int

    def __init__(self, metric: str, *, target: str, n_repeats: int = 5, seed: int = 0) -> None:
        if metric not in KNOWN:
            msg = f"PermutationImportance knows {listing(KNOWN, limit=30)}, got {metric!r}.{nearest(str(metric), KNOWN)}"
            raise UsageError(msg)
        if type(n_repeats) is not int or n_repeats < 1:
            msg = f"PermutationImportance expects n_repeats of 1 or more, got {n_repeats!r}."
            raise UsageError(msg)
        settle(self, metric=metric, target=target, n_repeats=n_repeats, seed=seed)

    def _columns(self, model: Any) -> list[str]:
        """Return the columns that are needed of the table."""
        if not isinstance(model, Learned) or not {"predict"} & set(model.methods):
            msg = f"PermutationImportance expects a model that predicts, got {getattr(model, 'name', type(model).__name__)}."
            raise WiringError(f"{msg} Give it what gp.Learn(...).fit(...) gave.")
        return [*model.features, self.target]

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the features and the target."""
        columns = self._columns(specs[0])
        return (None, Want(lambda _, frame: frame.select(columns), "held", columns=frozenset(columns)))

    def plan(self, *specs: Any) -> Schema:
        """Return the columns of the importances."""
        specs[1].require(self._columns(specs[0]))
        return Schema.of_names({"feature": nw.String(), "importance": nw.Float64(), "importance_std": nw.Float64()})

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the importances."""
        model, frame = inputs[0], nw.from_native(inputs[1].to_arrow(), eager_only=True)
        if not len(frame):
            msg = "Expected rows to measure importances on, got an empty table. Look at the filters and splits before it."
            raise StageError(msg)
        model = model.using("predict_proba" if self.metric in OF_PROBABILITY else "predict")
        frame = frame.sort(frame.columns)  # so that the same is shuffled however the rows come
        sign, whole = (-1.0 if self.metric in SMALLER_IS_BETTER else 1.0), self._score(model, frame)
        made: dict[str, Any] = {}
        for number, feature in enumerate(model.features):
            chance = np.random.default_rng((self.seed, number))
            made[feature] = np.zeros(self.n_repeats)
            for turn in range(self.n_repeats):
                shuffled = frame[feature][chance.permutation(len(frame)).tolist()].alias(feature)
                made[feature][turn] = sign * (whole - self._score(model, frame.with_columns(shuffled)))
            if tools.progress is not None:
                tools.progress(number + 1, len(model.features), {})
        order = sorted(made, key=lambda feature: -float(made[feature].mean()))
        return self._table(tools, {feature: made[feature] for feature in order})

    def _score(self, model: Learned, frame: nw.DataFrame[Any]) -> float:
        """Return the metric of the model on some rows."""
        scored = nw.from_native(model.apply(frame.to_native()), eager_only=True)
        columns = (self.target, "prediction", "probability")
        return scores_of(arrays_of(scored, [self.metric], *columns, "PermutationImportance"))[0]

    def _table(self, tools: Tools, made: Mapping[str, Any]) -> nw.DataFrame[Any]:
        """Return the importances as the engine holds a table, with a chart for the report."""
        means = [float(each.mean()) for each in made.values()]
        title = f"How much worse {self.metric} is without the feature"
        bars = [[name, value] for name, value in zip(made, means, strict=True)]
        tools.show("Permutation importance", {"kind": "bars", "title": title, "bars": bars})
        spreads = [float(each.std()) for each in made.values()]
        columns = {"feature": pa.array(list(made), pa.string()), "importance": means, "importance_std": spreads}
        frame: nw.DataFrame[Any] = tools.adopted(pa.table(columns))
        return frame
