"""Trains an estimator, and what it gives when it is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.barrier import Barrier
from gpupipe.core.columns import Columns, chosen, given_columns
from gpupipe.core.demand import Demand
from gpupipe.core.errors import DtypeError, PlanError, StageError, UsageError, WiringError, listing
from gpupipe.core.named_features import takes_names
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.plain import plain
from gpupipe.core.schema import Schema, as_dtype
from gpupipe.core.stage import Apply, Outcome, Promise, RowStage
from gpupipe.core.task import Training
from gpupipe.core.verbs import ArrayMap
from gpupipe.core.want import Want
from gpupipe.models._contributions import contribution_names, contributions
from gpupipe.models._described import describe_model
from gpupipe.models._estimator import (
    METHODS,
    Task,
    fills_missing,
    is_xgboost,
    made_columns,
    missing_text,
    require_estimator,
    require_roles,
    takes_missing,
    takes_text,
    task_of,
    told_of_missing,
)
from gpupipe.models._labels import classes_of, coded, decoded, is_text, labels_in, lacking_in, probability_names
from gpupipe.models._made import dense, outputs_of, require_new

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.verbs import Verbs

BOOSTED = ("contributions",)  # of XGBoost's trees


@dataclass(frozen=True, init=False, eq=False)
class Learn(Barrier):
    """Trains a copy of a scikit-learn or XGBoost estimator; the fitted node is a row stage.

    ``model = Learn(XGBClassifier(), target="y").fit(train)``, then ``model.predict(table)`` appends ``prediction`` (``cluster`` for a
    clusterer), ``model.predict_proba(table)`` appends ``probability`` of the positive class, the last in sorted order, or
    ``probability_<class>`` for each of three classes or more, and ``model.transform(table)`` puts a transformer's columns in place of the
    features, under the names that the estimator gives them. ``model.contributions(table)`` of XGBoost's trees appends what each feature
    adds to a row's margin, ``contribution_<feature>``, and ``contribution_base``.
    ``model(table)`` is ``transform`` for a transformer and ``predict`` for the others. What a run returns as the model is a `Learned`.

    Parameters
    ----------
    estimator
        Unfitted; it is never changed. It sees an array of floats, or of whole numbers or (encoders) of text where the features are such.
    features
        The columns to learn from, named or chosen by kind, ``gp.columns("number")``; all that the table has in the plan unless given. The
        target and the weight are none of them.
    target
        The column to predict: numbers, or for a classifier labels of any kind. None for clusterers and most transformers.
    weight
        A column of row weights.
    group
        The column whose values tell groups apart: of XGBoost's ranker, which learns the order of rows within them.

    Examples
    --------
    >>> import polars as pl
    >>> from sklearn.linear_model import LinearRegression
    >>> frame = pl.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 5.0]})
    >>> model = Learn(LinearRegression(), target="y").fit_plain(frame)
    >>> model.apply(frame)["prediction"].round(6).to_list()
    [1.0, 3.0, 5.0]
    """

    kind: ClassVar[str] = "learner"
    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    optional: ClassVar[int] = 1
    gives: ClassVar[type[Node]] = Fitted
    minds_order: ClassVar[bool] = True

    estimator: Any
    features: tuple[str, ...] | Columns | None
    target: str | None
    weight: str | None
    group: str | None

    def __init__(
        self,
        estimator: Any,
        *,
        target: str | None = None,
        features: str | Sequence[str] | Columns | None = None,
        weight: str | None = None,
        group: str | None = None,
    ) -> None:
        require_estimator(estimator, "Learn", "fit", "XGBClassifier()")
        given = None if features is None else given_columns(features, "Learn's features")
        require_roles(estimator, given if isinstance(given, tuple) else (), target, weight, group)
        settle(self, estimator=estimator, features=given, target=target, weight=weight, group=group)

    @property
    def name(self) -> str:
        """The stage's name with the estimator's."""
        return f"Learn({type(self.estimator).__name__})"

    def fit(self, train: Table, validation: Table | None = None) -> Fitted:
        """Return the trained model; XGBoost's estimators evaluate, and stop early, on the validation table."""
        self._require_validation(validation)
        return cast(Fitted, self.wire((train,) if validation is None else (train, validation)))

    def _require_validation(self, validation: Any) -> None:
        """Raise UsageError for a validation table that the estimator would not look at."""
        if validation is not None and not is_xgboost(self.estimator):
            msg = f"{type(self.estimator).__name__} takes no validation table; only XGBoost's estimators stop early on one."
            raise UsageError(msg)

    def __call__(self, *tables: Table) -> Table:
        """Raise WiringError: a model is trained first."""
        msg = f"{self.name} must be trained before it is applied: model = Learn(...).fit(train); model.predict(table)."
        raise WiringError(msg)

    def ask(self, fitted: Node, name: str, nodes: Sequence[Any], options: Mapping[str, Any]) -> Node:
        """Return the node that applies a method beyond those that every model has: ``model.contributions(table)``."""
        of_models = name in BOOSTED and len(nodes) == 1 and not options
        return self.use(fitted, name, nodes[0]) if of_models else Barrier.ask(self, fitted, name, nodes, options)

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the node that applies one of the model's methods."""
        if not isinstance(table, Table):
            msg = f"A model is applied to a table, got {type(table).__name__}."
            raise WiringError(msg)
        self.sketched((), {}).using(method)
        return Table(Apply(method, type(self.estimator).__name__), (fitted, table))

    def chosen(self, schema: Schema) -> tuple[str, ...]:
        """Return the features among a table's columns."""
        left_out = {self.target, self.weight, self.group}
        given = tuple(schema) if self.features is None else chosen(self.features, schema)
        return given if isinstance(self.features, tuple) else tuple(name for name in given if name not in left_out)

    def plan(self, *schemas: Schema) -> Learned:
        """Return a model that knows its columns but has learned nothing.

        Raise ColumnError for a column that is not there, DtypeError for one that the estimator cannot take.
        That a column which may lack values does, is known here only where a source has seen it.
        """
        for schema in schemas:
            schema.require([name for name in (self.target, self.weight, self.group) if name is not None])
            features = self.chosen(schemas[0])
            schema.require(features)
            numbers = [name for name in features if not (takes_text(self.estimator) and is_text(schema[name].dtype))]
            schema.require_numeric([*numbers, *([] if self.weight is None else [self.weight])], self.name)
            self._check_target(schema)
            lacking = [name for name in features if schema[name].seen_missing]
            if lacking and not takes_missing(self.estimator):
                raise PlanError(missing_text(self.estimator, lacking))
        return self.sketched(self.chosen(schemas[0]), schemas[0].dtypes)

    def _check_target(self, schema: Schema) -> None:
        """Raise DtypeError for a target that is neither a number nor, for a classifier, a label."""
        if self.target is None:
            return
        dtype = schema[self.target].dtype
        is_label = is_text(dtype) and task_of(self.estimator) != "regressor"
        if not (is_label or dtype.is_numeric() or dtype == nw.Boolean):
            wanted = "numbers" if task_of(self.estimator) == "regressor" else "numbers, text or truth values"
            msg = f"{self.name} expects {wanted} in its target, got {dtype} in column {self.target!r}. Make numbers of it first."
            raise DtypeError(msg)

    def wants(self, *schemas: Schema) -> tuple[Want, ...]:
        """Return the needed columns of the training table, and of the validation table where there is one."""
        features = list(self.chosen(schemas[0]))
        others = [nw.col(name) for name in (self.target, self.weight, self.group) if name is not None]
        if self.target is not None and isinstance(schemas[0][self.target].dtype, nw.Decimal):
            others[0] = others[0].cast(nw.Float64)
        return (Want(lambda _, frame: frame.select([*features, *others]), "held"),) * len(schemas)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Learned:
        """Return the model trained on the results as a row stage."""
        schema = engine.schema(results[0])
        features = self.chosen(schema)
        if len(results) > 1 and engine.compute([Demand("rows", results[1])]) == [0]:
            msg = "Expected rows in the validation table, got none. Look at the filters and splits before it, or train without it."
            raise StageError(msg)
        lacking = [] if takes_missing(self.estimator) else lacking_in(engine, results[0], features)
        if lacking:
            raise StageError(missing_text(self.estimator, lacking))
        tables, classes = list(results), ()
        if self.target is not None and is_xgboost(self.estimator) and task_of(self.estimator) == "classifier":
            classes = labels_in(engine, results, self.target)
            tables = [coded(engine, data, schema, self.target, classes) for data in results] if classes else tables
        recipe = Training(self.estimator, features, self.target, self.weight, progress, self.group)
        model = engine.solve(recipe, tables, progress)
        sketched = self.sketched(features, schema.dtypes)
        outputs = outputs_of(model, sketched, features)
        return replace(sketched, model=model, classes=classes or classes_of(model), coded=bool(classes), outputs=outputs, patterns=())

    def sketched(self, features: tuple[str, ...], dtypes: Mapping[str, Any]) -> Learned:
        """Return the untrained model for columns of these dtypes."""
        task = task_of(self.estimator)
        dtype = as_dtype(dtypes.get(self.target or "", nw.Float64()) if task == "classifier" else nw.Float64())
        dtype = nw.Float64() if isinstance(dtype, nw.Decimal) else dtype
        methods = tuple(name for name in METHODS[task] if name == "apply" or callable(getattr(self.estimator, name, None)))
        methods = methods if len(methods) > 1 else ()
        methods += BOOSTED if is_xgboost(self.estimator) and task in ("classifier", "regressor") else ()
        outputs, patterns = made_columns(self.estimator, features) if "transform" in methods else ((), ())
        kind, filled = type(self.estimator).__name__, fills_missing(self.estimator)
        texts = tuple(name for name in features if name in dtypes and is_text(dtypes[name]))
        return Learned(None, kind, task, features, self.target, dtype, methods, (), outputs, patterns=patterns, filled=filled, texts=texts)

    def fit_plain(self, frame: Any, validation: Any = None) -> Learned:
        """Return the model trained on plain frames, with no pipeline."""
        self._require_validation(validation)
        return cast(Learned, plain().train_plain(self, frame, validation))

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return what the report shows of the trained model."""
        return {"models": [describe_model(result.model, result.estimator, result.features)]}


@dataclass(frozen=True, eq=False, repr=False)
class Learned(RowStage):
    """A trained model, as a run returns it and `gpupipe.load` gives it back.

    ``apply(frame)`` appends the prediction, or puts the transformed columns in place of the features, as in a pipeline; `predict`,
    `predict_proba` and `transform` give the bare answer, as scikit-learn's estimators do.

    Parameters
    ----------
    model
        The fitted estimator, or None in a plan.
    dtype
        The dtype of a classifier's labels.
    methods
        Which ways of applying it the estimator has.
    classes
        A classifier's labels, in the order of their probabilities.
    outputs
        The transformed columns' names; in a plan, what depends on the data is a pattern (``plan_*``).
    patterns
        In a plan, shell patterns of every name that a transformed column may get, where they depend on the data.
    coded
        Whether the estimator knows the classes by their positions alone.
    filled
        Whether nothing is missing among transformed columns, whatever the features lack.
    texts
        The features that are text.

    Examples
    --------
    >>> import polars as pl
    >>> from sklearn.linear_model import LogisticRegression
    >>> frame = pl.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "y": ["no", "no", "yes", "yes"]})
    >>> model = Learn(LogisticRegression(), target="y").fit_plain(frame)
    >>> model.predict(frame).tolist(), model.predict_proba(frame).shape, model.classes
    (['no', 'no', 'yes', 'yes'], (4, 2), ('no', 'yes'))
    """

    keeps_rows: ClassVar[bool] = True

    model: Any
    estimator: str
    task: Task
    features: tuple[str, ...]
    target: str | None
    dtype: Any
    methods: tuple[str, ...]
    classes: tuple[Any, ...] = ()
    outputs: tuple[str, ...] = ()
    method: str = "apply"
    patterns: tuple[str, ...] = ()
    coded: bool = False
    filled: bool = True
    texts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The estimator's name, and the method where it is not the plain one."""
        return self.estimator if self.method == "apply" else f"{self.estimator}.{self.method}"

    def __repr__(self) -> str:
        learned = "" if self.target is None else f" for {self.target!r}"
        return f"<Learned {self.name}{learned} from {listing(self.features, limit=8)}>"

    def predict(self, frame: Any) -> Any:
        """Return an array [n_rows] of what the model predicts of each row of a plain frame: labels, numbers, or clusters."""
        found = self._answer("predict", frame)
        return np.asarray(self.classes)[found] if self.coded else found

    def predict_proba(self, frame: Any) -> Any:
        """Return an array [n_rows, n_classes] of probabilities for a plain frame, a column for each of the `classes`."""
        return self._answer("predict_proba", frame)

    def transform(self, frame: Any) -> Any:
        """Return an array [n_rows, n_columns] of what a transformer makes of a plain frame, a column for each of the `outputs`."""
        return dense(self._answer("transform", frame))

    def _answer(self, method: str, frame: Any) -> Any:
        """Return what the estimator itself answers for a plain frame."""
        self.using(method)
        array = plain().array_of_plain(self, self.features, frame, named=takes_names(self.model))
        if not len(array):  # which no estimator takes
            widths = {"predict_proba": len(self.classes), "transform": len(self.outputs)}
            return np.empty((0, widths[method]) if method in widths else 0, dtype=np.int64 if self.coded else np.float64)
        model = self.model.portable() if callable(getattr(self.model, "portable", None)) else self.model
        return getattr(model, method)(array)

    def using(self, method: str) -> Learned:
        """Return the row stage behind one of the model's methods."""
        if method not in self.methods:
            msg = f"{self.estimator} is a {self.task} and has no {method!r}. It has {listing(self.methods) or 'none'}."
            if self.task == "clusterer" and not self.methods:
                msg += f" It labels the rows it is fitted to and cannot place others: use gp.FitPredict({self.estimator}(...))."
            raise WiringError(msg)
        return replace(self, method=method)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that depend on what was learned, those that had no missing value, and what the model made.

        Raise ColumnError for a feature that is not there or a result that is, DtypeError for a feature that is no number.
        """
        schemas[0].require(self.features)
        schemas[0].require_numeric([name for name in self.features if name not in self.texts], self.estimator)
        numbers = [name for name in self.texts if not is_text(schemas[0][name].dtype)]
        if numbers:
            msg = (
                f"{self.estimator} learned from text in {listing(numbers)}, got {schemas[0][numbers[0]].dtype}. Cast it to nw.String first."
            )
            raise DtypeError(msg)
        known, mapped = schemas[0].not_null, self.mapped()
        require_new(mapped, schemas[0], self.name)
        made = () if mapped.nan_as_null and not known.issuperset(self.features) else [name for name, _ in mapped.outputs]
        return Outcome(not_null=(known - set(mapped.drop)).union(made), promises=self._promises())

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with what the model says of each row."""
        made = verbs.map_arrays(frames[0], self.mapped())
        return decoded(made, "prediction", self.classes, self.dtype) if self.coded and self._asked() == "predict" else made

    def _asked(self) -> str:
        """Return the estimator's method behind the stage's."""
        return self.method if self.method != "apply" else "transform" if self.task == "transformer" else "predict"

    def mapped(self) -> ArrayMap:
        """Return the function from features to columns that the method is."""
        made = self._function()
        if takes_names(self.model):
            return replace(made, named=True)
        return replace(made, function=partial(told_of_missing, made.function, self.model, self.features))

    def _function(self) -> ArrayMap:
        asked = self._asked()
        if asked == "predict_proba":
            names = probability_names(self.classes)
            return ArrayMap(self.features, tuple((name, nw.Float64()) for name in names), self._probabilities)
        if asked == "transform":
            outputs = tuple((name, nw.Float64()) for name in self.outputs)
            return ArrayMap(self.features, outputs, self._transformed, self.features, nan_as_null=not self.filled)
        if asked == "contributions":
            added = tuple((name, nw.Float64()) for name in contribution_names(self.features))
            return ArrayMap(self.features, added, lambda array: contributions(self.model, array))
        if self.task == "clusterer":
            return ArrayMap(self.features, (("cluster", nw.Int32()),), self._predicted)
        dtype = nw.Int32() if self.coded else self.dtype if self.task == "classifier" else nw.Float64()
        return ArrayMap(self.features, (("prediction", dtype),), self._predicted)

    def _promises(self) -> tuple[Promise, ...]:
        """Return the columns that depend on what was learned."""
        if self.model is not None:
            return ()
        if self._asked() == "predict_proba":
            return (Promise("probability*", nw.Float64()),)
        return tuple(Promise(pattern, nw.Float64()) for pattern in self.patterns) if self._asked() == "transform" else ()

    def _predicted(self, array: Any) -> Sequence[Any]:
        """Return the predictions."""
        return [self.model.predict(array)]

    def _probabilities(self, array: Any) -> Sequence[Any]:
        """Return the probability of the positive class, or of each."""
        scores = self.model.predict_proba(array)
        return [scores[:, 1]] if len(self.classes) == 2 else [scores[:, number] for number in range(scores.shape[1])]

    def _transformed(self, array: Any) -> Sequence[Any]:
        """Return the transformed columns."""
        made = dense(self.model.transform(array))
        return [made[:, number] for number in range(made.shape[1])]
