"""Trains an estimator, and what it gives when it is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.engine import ArrayMap, TrainingRecipe
from gpupipe.core.errors import StageError, UsageError, WiringError, listing
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.schema import Schema, as_dtype
from gpupipe.core.stage import Apply, Barrier, Promise, RowStage, Want, as_columns

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine, Progress, Verbs

Task = Literal["classifier", "regressor", "clusterer", "transformer"]
METHODS: Mapping[Task, tuple[str, ...]] = {
    "classifier": ("apply", "predict", "predict_proba"),
    "regressor": ("apply", "predict"),
    "clusterer": ("apply", "predict", "transform"),
    "transformer": ("apply", "transform"),
}


@dataclass(frozen=True, init=False, eq=False)
class Learn(Barrier):
    """Trains a copy of a scikit-learn or XGBoost estimator; the fitted node is a row stage.

    ``model = Learn(XGBClassifier(), target="y").fit(train)``, then ``model.predict(table)`` appends ``prediction`` (``cluster`` for a
    clusterer), ``model.predict_proba(table)`` appends ``probability`` of the positive class, the last in sorted order, or
    ``probability_<class>`` for each of three classes or more, and ``model.transform(table)`` puts a transformer's columns in place of the
    features. ``model(table)`` is ``transform`` for a transformer and ``predict`` for the others.

    Parameters
    ----------
    estimator
        Unfitted; it is never changed.
    features
        The columns to learn from; all but the target and the weight unless given.
    target
        The column to predict; none for clusterers and transformers.
    weight
        A column of row weights.

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
    n_inputs: ClassVar[tuple[int, int | None]] = (1, 2)

    estimator: Any
    features: tuple[str, ...] | None
    target: str | None
    weight: str | None

    def __init__(
        self, estimator: Any, *, target: str | None = None, features: str | Sequence[str] | None = None, weight: str | None = None
    ) -> None:
        if isinstance(estimator, type) or not hasattr(estimator, "fit") or not hasattr(estimator, "get_params"):
            msg = f"Learn expects an unfitted estimator with fit and get_params, such as XGBClassifier(), got {estimator!r}."
            raise UsageError(msg)
        chosen = None if features is None else as_columns(features, "Learn's features")
        for column, what in ((target, "target"), (weight, "weight")):
            if chosen is not None and column in chosen:
                msg = f"Learn's features are what the model sees, and {column!r} is its {what}. Leave it out of the features."
                raise UsageError(msg)
        task = task_of(estimator)
        if (task in ("classifier", "regressor")) != (target is not None):
            needs = "needs a target column" if target is None else "takes no target column"
            msg = f"{type(estimator).__name__} is a {task}: it {needs}."
            raise UsageError(msg)
        object.__setattr__(self, "estimator", estimator)
        object.__setattr__(self, "features", chosen)
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "weight", weight)

    @property
    def name(self) -> str:
        """The stage's name with the estimator's."""
        return f"Learn({type(self.estimator).__name__})"

    def fit(self, train: Table, validation: Table | None = None) -> Fitted:
        """Return the trained model; XGBoost's estimators evaluate, and stop early, on the validation table."""
        return cast(Fitted, self.wire(Fitted, (train,) if validation is None else (train, validation)))

    def __call__(self, *tables: Table) -> Table:
        """Raise WiringError: a model is trained first."""
        msg = f"{self.name} must be trained before it is applied: model = Learn(...).fit(train); model.predict(table)."
        raise WiringError(msg)

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the node that applies one of the model's methods."""
        if not isinstance(table, Table):
            msg = f"A model is applied to a table, got {type(table).__name__}."
            raise WiringError(msg)
        self.sketched((), {}).using(method)
        return Table(Apply(method, type(self.estimator).__name__), (fitted, table))

    def chosen(self, schema: Schema) -> tuple[str, ...]:
        """Return the features among a table's columns."""
        left_out = {self.target, self.weight}
        return tuple(name for name in schema if name not in left_out) if self.features is None else self.features

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for a feature that is no number."""
        for schema in schemas:
            schema.require([name for name in (self.target, self.weight) if name is not None])
            schema.require_numeric(self.chosen(schemas[0]), self.name)

    def wants(self, *schemas: Schema) -> tuple[Want, ...]:
        """Return the needed columns of the training table, and of the validation table where there is one."""
        columns = [*self.chosen(schemas[0]), *(name for name in (self.target, self.weight) if name is not None)]
        want = Want(lambda _, frame: frame.select(columns), "held")
        return (want,) * len(schemas)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None) -> Learned:
        """Return the model trained on the results as a row stage."""
        schema = Schema.of_names(results[0].collect_schema())
        features = self.chosen(schema)
        recipe = TrainingRecipe(self.estimator, features, self.target, self.weight, progress)
        model = engine.train(recipe, results[0], results[1] if len(results) > 1 else None)
        sketched = self.sketched(features, {} if self.target is None else {self.target: schema[self.target].dtype})
        return replace(sketched, model=model, classes=classes_of(model), outputs=outputs_of(model, sketched, features))

    def sketch(self, results: Sequence[Any], *schemas: Schema) -> Learned:
        """Return a model that knows its columns but has learned nothing."""
        return self.sketched(self.chosen(schemas[0]), {name: field.dtype for name, field in schemas[0].items()})

    def sketched(self, features: tuple[str, ...], dtypes: Mapping[str, Any]) -> Learned:
        """Return the untrained model with the features and the target's dtype."""
        task = task_of(self.estimator)
        dtype = dtypes.get(self.target or "", nw.Float64()) if task == "classifier" else nw.Float64()
        methods = tuple(name for name in METHODS[task] if name == "apply" or callable(getattr(self.estimator, name, None)))
        methods = methods if len(methods) > 1 else ()
        one_to_one = any(base.__name__ == "OneToOneFeatureMixin" for base in type(self.estimator).__mro__)
        outputs = features if one_to_one else (f"{type(self.estimator).__name__.lower()}0",)
        return Learned(None, type(self.estimator).__name__, task, features, self.target, as_dtype(dtype), methods, outputs=outputs)

    def fit_plain(self, frame: Any, validation: Any = None) -> Learned:
        """Return the model trained on plain frames, with no pipeline."""
        from gpupipe.engines.load import train_plain  # local: see TableStage.apply

        return cast(Learned, train_plain(self, frame, validation))

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return what the report shows of the trained model."""
        return {"models": [describe_model(result)]}


@dataclass(frozen=True, eq=False)
class Learned(RowStage):
    """A trained model; applied, it appends its prediction, or puts its transformed columns in place of the features.

    Parameters
    ----------
    model
        The fitted estimator, or None in a plan.
    dtype
        The dtype of a classifier's labels.
    methods
        Which ways of applying it the estimator has.
    outputs
        The transformed columns' names.
    """

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

    @property
    def name(self) -> str:
        """The estimator's name, and the method where it is not the plain one."""
        return self.estimator if self.method == "apply" else f"{self.estimator}.{self.method}"

    def using(self, method: str) -> Learned:
        """Return the row stage behind one of the model's methods."""
        if method not in self.methods:
            msg = f"{self.estimator} is a {self.task} and has no {method!r}. It has {listing(self.methods) or 'none'}."
            if self.task == "clusterer" and not self.methods:
                msg += f" It labels the rows it is fitted to and cannot place others: use gp.FitPredict({self.estimator}(...))."
            raise WiringError(msg)
        return replace(self, method=method)

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a feature that is not there, DtypeError for one that is no number."""
        schemas[0].require_numeric(self.features, self.estimator)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with what the model says of each row."""
        return verbs.map_arrays(frames[0], self.mapped())

    def mapped(self) -> ArrayMap:
        """Return the function from features to columns that the method is."""
        method = self.method if self.method != "apply" else "transform" if self.task == "transformer" else "predict"
        if method == "predict_proba":
            names = probability_names(self.classes)
            return ArrayMap(self.features, tuple((name, nw.Float64()) for name in names), self._probabilities)
        if method == "transform":
            outputs = tuple((name, nw.Float64()) for name in self.outputs)
            return ArrayMap(self.features, outputs, self._transformed, self.features)
        if self.task == "clusterer":
            return ArrayMap(self.features, (("cluster", nw.Int32()),), self._predicted)
        return ArrayMap(self.features, (("prediction", self.dtype if self.task == "classifier" else nw.Float64()),), self._predicted)

    def promises(self) -> tuple[Promise, ...]:
        """Return the columns that depend on what was learned."""
        if self.model is not None:
            return ()
        if self.method == "predict_proba":
            return (Promise("probability*", nw.Float64()),)
        if self.method == "transform" or (self.method == "apply" and self.task == "transformer"):
            return (Promise(f"{self.estimator.lower()}*", nw.Float64()),)
        return ()

    def same_rows(self) -> bool:
        """Whether as many rows come out: they do."""
        return True

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return the columns that had no missing value, and what the model made."""
        made = {name for name, _ in self.mapped().outputs}
        return (schemas[0].not_null - set(self.mapped().drop)) | made

    def _predicted(self, array: Any) -> Sequence[Any]:
        """Return the predictions."""
        return [self.model.predict(array)]

    def _probabilities(self, array: Any) -> Sequence[Any]:
        """Return the probability of the positive class, or of each."""
        scores = self.model.predict_proba(array)
        return [scores[:, 1]] if len(self.classes) == 2 else [scores[:, number] for number in range(scores.shape[1])]

    def _transformed(self, array: Any) -> Sequence[Any]:
        """Return the transformed columns."""
        made = self.model.transform(array)
        dense = made.toarray() if hasattr(made, "toarray") else made
        return [dense[:, number] for number in range(dense.shape[1])]


def task_of(estimator: Any) -> Task:
    """Return what kind of estimator it is, by its own tags."""
    tags = estimator.__sklearn_tags__() if hasattr(estimator, "__sklearn_tags__") else None
    kind = getattr(tags, "estimator_type", None)
    if kind in ("classifier", "regressor", "clusterer"):
        return cast(Task, kind)
    if hasattr(estimator, "transform"):
        return "transformer"
    if hasattr(estimator, "predict"):
        return "clusterer"
    msg = f"Learn expects a classifier, regressor, clusterer or transformer, got {type(estimator).__name__}."
    if hasattr(estimator, "fit_transform"):
        msg += f" It places the rows it is fitted to and no others: use gp.FitTransform({type(estimator).__name__}(...))."
    raise UsageError(msg)


def classes_of(model: Any) -> tuple[Any, ...]:
    """Return a classifier's classes, in order, as plain values."""
    classes = getattr(model, "classes_", None)
    return () if classes is None else tuple(np.asarray(classes).tolist())


def probability_names(classes: Sequence[Any]) -> list[str]:
    """Return the names of a classifier's probability columns.

    Examples
    --------
    >>> probability_names([0, 1]), probability_names(["a", "b", "c"])
    (['probability'], ['probability_a', 'probability_b', 'probability_c'])
    """
    return ["probability"] if len(classes) in (0, 2) else [f"probability_{name}" for name in classes]


def outputs_of(model: Any, sketched: Learned, features: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a transformer's columns, as it names them itself where it can; what the estimator that was given has counts."""
    if sketched.task not in ("transformer", "clusterer") or "transform" not in sketched.methods:
        return ()
    try:
        return tuple(str(name) for name in model.get_feature_names_out(list(features)))
    except (AttributeError, ValueError):  # transformers without names of their own, or that were not told the features'
        width = model.transform(np.zeros((1, len(features)))).shape[1]
        return tuple(f"{sketched.estimator.lower()}{number}" for number in range(width))


def describe_model(learned: Learned) -> dict[str, Any]:
    """Return the model's parameters, feature importance and training history, as the report shows them."""
    model = learned.model
    importance, kind = _importance(model, learned.features)
    history = getattr(model, "evals_result", None)
    log = history() if callable(history) and getattr(model, "evals_result_", None) else {}
    flat = {f"{data} {metric}": [float(value) for value in values] for data, part in log.items() for metric, values in part.items()}
    parameters = {name: value for name, value in model.get_params(deep=False).items() if value is not None}
    return {
        "estimator": learned.estimator,
        "parameters": {name: value if isinstance(value, int | float | str | bool) else repr(value) for name, value in parameters.items()},
        "features": list(learned.features),
        "importance": importance,
        "importance_kind": kind,
        "history": {name.replace("validation_0", "validation"): values for name, values in flat.items()},
    }


def _importance(model: Any, features: Sequence[str]) -> tuple[list[list[Any]] | None, str | None]:
    """Return each feature's importance, highest first, and what it is."""
    try:
        values = getattr(model, "feature_importances_", None)
    except (AttributeError, ValueError, StageError):  # XGBoost's linear booster has none
        values = None
    kind = getattr(model, "importance_type", None) or "gain"
    if values is None:
        coefficients = getattr(model, "coef_", None)
        if coefficients is None or np.size(coefficients) % len(features):
            return None, None
        values, kind = np.abs(np.asarray(coefficients)).reshape(-1, len(features)).mean(axis=0), "absolute coefficient"
    pairs = sorted(zip(features, (float(value) for value in values), strict=True), key=lambda pair: -pair[1])
    return [[name, value] for name, value in pairs], kind
