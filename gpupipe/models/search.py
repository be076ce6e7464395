"""A search for an estimator's parameters: every trial is trained and measured on the same prepared folds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from gpupipe.core.answers import ask
from gpupipe.core.barrier import Barrier
from gpupipe.core.demand import Demand
from gpupipe.core.errors import UsageError, WiringError, nearest
from gpupipe.core.metrics import OF_PROBABILITY, SMALLER_IS_BETTER
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.models._space import checked_space, chooser
from gpupipe.models.cross_validate import require_folds
from gpupipe.models.evaluate import Evaluate
from gpupipe.models.learn import Learn
from gpupipe.models.searched import BestModel, Searched, kinds_of, with_estimator

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.want import Want

Prepare = Callable[[Table, Table], tuple[Table, Table]]
METHODS = ("grid", "random", "optuna")


@dataclass(frozen=True, init=False, eq=False)
class Search(Barrier):
    """Searches an estimator's parameters by cross-validation.

    ``search = Search(XGBClassifier(), {"max_depth": [3, 6]}, target="y", metric="roc_auc", folds=gp.Folds(5)).fit(rows)``, then
    ``search.trials()`` is a table of all trials, ``search.model(train)`` the estimator with the best parameters, trained.
    A run returns `search` as a `Searched` with `best` and `score`. The folds are read and prepared once, and held for all trials.

    Parameters
    ----------
    estimator
        Unfitted; it is never changed.
    space
        What its parameters may be: a list of choices; ``(low, high)`` of numbers, whole where both are, or ``(low, high, "log")``.
    metric
        One that `Evaluate` knows; the best trial has the highest, or of errors and losses the lowest, mean over the folds.
    folds
        ``gp.Folds(5)``, by row, key, time or stratified.
    prepare
        A function of a fold's training and test table that returns both as the estimator takes them. All that it fits, it fits to the
        training table: it is done once for each fold, and shared by all trials.
    method
        ``"grid"``, all combinations of lists; ``"random"``; ``"optuna"``, which goes by the scores of the trials before (extra ``tune``).
    n_trials, seed
        How many trials, and which, where it is no grid.
    target, features, weight
        As `Learn` takes them.

    Examples
    --------
    >>> import polars as pl, gpupipe as gp
    >>> from sklearn.linear_model import Ridge
    >>> rows = gp.FromFrame(pl.DataFrame({"x": range(8), "y": [2 * x for x in range(8)], "fold": [0, 1] * 4})).node()
    >>> space = {"alpha": [100.0, 0.001]}
    >>> search = Search(Ridge(), space, target="y", features=["x"], metric="rmse", folds=gp.Folds(2, column="fold")).fit(rows)
    >>> gp.Pipeline("p", search=search).run()["search"].best
    {'alpha': 0.001}
    """

    kind: ClassVar[str] = "learner"
    takes: ClassVar[tuple[type[Node], ...]] = (Table,)
    many: ClassVar[bool] = True
    gives: ClassVar[type[Node]] = Fitted
    minds_order: ClassVar[bool] = True

    learn: Learn
    space: tuple[tuple[str, Any], ...]
    evaluate: Evaluate
    folds: Any
    prepare: Prepare | None
    method: str
    n_trials: int
    seed: int

    def __init__(
        self,
        estimator: Any,
        space: Mapping[str, Any],
        *,
        metric: str,
        folds: Any,
        prepare: Prepare | None = None,
        method: Literal["grid", "random", "optuna"] = "grid",
        n_trials: int = 20,
        seed: int = 0,
        target: str | None = None,
        features: str | Sequence[str] | None = None,
        weight: str | None = None,
    ) -> None:
        learn = Learn(estimator, target=target, features=features, weight=weight)
        known = estimator.get_params(deep=True)
        for name in space if isinstance(space, Mapping) else ():
            if name not in known and not hasattr(estimator, "get_xgb_params"):
                msg = f"{type(estimator).__name__} has no parameter {name!r}.{nearest(str(name), known)}"
                raise UsageError(msg)
        if method not in METHODS or type(n_trials) is not int or n_trials < 1:
            msg = f"Search expects method 'grid', 'random' or 'optuna' and n_trials of 1 or more, got {method!r} and {n_trials!r}."
            raise UsageError(msg)
        require_folds(folds, "Search")
        evaluate = Evaluate(metric, target=target, weight=weight)
        if len(evaluate.metrics) != 1:
            msg = f"Search expects one metric, by which trials are compared, got {list(evaluate.metrics)}."
            raise UsageError(msg)
        chosen = checked_space(space, method)
        settle(self, learn=learn, space=chosen, evaluate=evaluate, folds=folds, prepare=prepare)
        settle(self, method=method, n_trials=n_trials, seed=seed)

    @property
    def name(self) -> str:
        """The stage's name with the estimator's."""
        return f"Search({type(self.learn.estimator).__name__})"

    def fit(self, table: Table) -> Fitted:
        """Return the search on the folds of a table."""
        prepared: list[Any] = []
        for train, test in self.folds(table):
            made = (train, test) if self.prepare is None else self.prepare(train, test)
            if not isinstance(made, tuple) or len(made) != 2 or not all(isinstance(one, Table) for one in made):
                msg = f"Search expects prepare to return the training and the test table, got {type(made).__name__}: return train, test."
                raise WiringError(msg)
            prepared += made
        node: Fitted = self.wire(prepared)
        return node

    def __call__(self, *tables: Table) -> Table:
        """Raise WiringError: a search is fitted."""
        msg = f"{self.name} must be fitted: search = Search(...).fit(rows); model = search.model(train); model.predict(test)."
        raise WiringError(msg)

    def ask(self, fitted: Node, name: str, nodes: Sequence[Any], options: Mapping[str, Any]) -> Node:
        """Return the node of the best model, or of an answer."""
        if name == "model":
            return Fitted(BestModel(self.learn), (fitted, *_tables(nodes)))
        return ask(Searched, fitted, name, nodes, options)

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Raise WiringError: a search predicts nothing."""
        msg = f"{self.name} has no {method!r}: train the best estimator first, model = search.model(train); model.{method}(table)."
        raise WiringError(msg)

    def _columns(self, train: Schema) -> list[str]:
        """Return the columns that are learned from and measured by."""
        others = [name for name in (self.learn.target, self.learn.weight) if name is not None]
        return [*self.learn.chosen(train), *others]

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the columns that are learned from and measured by, of each table."""
        return tuple(want for train, _ in zip(specs[::2], specs[1::2], strict=True) for want in self.learn.wants(train, train))

    def plan(self, *specs: Any) -> Searched:
        """Return a search without trials; raise where the estimator cannot be trained on a fold, or one lacks the target."""
        for train, test in zip(specs[::2], specs[1::2], strict=True):
            self.learn.plan(train)
            test.require(self._columns(train))
        return Searched(self.evaluate.metrics[0], kinds_of(dict(self.space)), (), np.zeros((0, len(self.folds))))

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Searched:
        """Return the trials, each trained and measured on all folds."""
        metric = self.evaluate.metrics[0]
        sign = -1.0 if metric in SMALLER_IS_BETTER else 1.0
        choosing = chooser(self.method, self.space, self.n_trials, self.seed)
        total = None if self.method == "grid" else self.n_trials
        trials: list[Mapping[str, Any]] = []
        scores: list[list[float]] = []
        for trial in choosing.trials():
            estimator = copy.deepcopy(self.learn.estimator).set_params(**trial)
            learn = with_estimator(self.learn, estimator)
            scores.append([self._score(engine, learn, *pair) for pair in zip(results[::2], results[1::2], strict=True)])
            trials.append(trial)
            choosing.told(sign * float(np.mean(scores[-1])))
            if progress is not None:
                progress(len(trials), total, {metric: float(np.mean(scores[-1]))})
        parameters = tuple(tuple(trial.items()) for trial in trials)
        return Searched(metric, kinds_of(dict(self.space)), parameters, np.array(scores, dtype=np.float64))

    def _score(self, engine: Engine, learn: Learn, train: Any, test: Any) -> float:
        """Return the metric of one trial on one fold."""
        model = learn.conclude(engine, [train], None)
        model = model.using("predict_proba" if self.evaluate.metrics[0] in OF_PROBABILITY else "predict")
        mapped = model.mapped()
        dtypes = {**engine.schema(test).dtypes, **dict(mapped.outputs)}
        scored = engine.run(model, [test], Schema.of_names(dtypes))
        (want,) = self.evaluate.wants(Schema.of_names(dtypes))
        (held,) = engine.compute([Demand("held", scored, want, schema=Schema.of_names(dtypes))])
        values = self.evaluate.conclude(engine, [held], None)
        return values[self.evaluate.metrics[0]]

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return the best trial, and all of them as a table, for the report."""
        described: Mapping[str, Any] = result.describe()
        return described


def _tables(nodes: Sequence[Any]) -> Sequence[Any]:
    """Return the tables that the best model is trained and watched on."""
    if not 1 <= len(nodes) <= 2 or not all(isinstance(node, Table) for node in nodes):
        msg = f"search.model takes the table to train on, and one to watch, got {[type(node).__name__ for node in nodes]}."
        raise WiringError(msg)
    return nodes
