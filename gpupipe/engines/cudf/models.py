"""Training and predicting on the device: cuML's counterparts of scikit-learn's estimators, and which estimator is trained how.

Features are one CuPy array, predictions are CuPy arrays or cuDF columns. ``from_sklearn`` sets the estimator to answer in NumPy; here it is
set to answer on the device. XGBoost is in `boosters`.

Forests are trained in single precision: cuML splits at values that are in the rows, and scikit-learn's trees, as which a forest is saved,
round the rows they are asked about to single precision. A threshold in double precision would then send a row that lies on it to
the other side once the model is saved. As it is, every row goes the same way in both; what they answer differs by the rounding of a mean
in single precision, about one part in a million.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import cudf
import cupy as cp
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import StageError, UnsupportedError
from gpupipe.core.task import Training
from gpupipe.engines._estimators import is_xgboost, train_estimator
from gpupipe.engines.cudf.counterparts import as_forest, counterpart_of, require_heard, witness_of
from gpupipe.engines.cudf.device_boosters import BoosterOnDevice, Labelled, single_precision, train_booster
from gpupipe.engines.cudf.frames import Crossing, feature_array, lazy_of, null_mask
from gpupipe.engines.cudf.naive_bayes import as_sklearn_bayes, naive_bayes

FORESTS = ("IsolationForest", "RandomForestClassifier", "RandomForestRegressor")  # which scikit-learn asks in single precision
ROWWISE = ("embedding_", "labels_")  # what an estimator found for each row that it was fitted to
FACTS = ("classes_", "coef_", "intercept_", "feature_importances_", "cluster_centers_", "n_iter_")


@dataclass(frozen=True, eq=False)
class OnDevice:
    """An estimator of cuML, fitted; it answers on the device.

    Parameters
    ----------
    estimator
        cuML's.
    facts
        What reports show of it, as NumPy arrays.
    """

    estimator: Any
    facts: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name in ROWWISE:  # on the device, where it is; most estimators have none
            self.estimator.output_type = "cupy"
            return getattr(self.estimator, name)
        if name.startswith("__") or name not in self.facts:
            raise AttributeError(name)
        return self.facts[name]

    def predict(self, array: Any) -> Any:
        """Return the labels or numbers: a CuPy array, or of labels that are text a cuDF column."""
        classes = self.facts.get("classes_")
        text = classes is not None and np.asarray(classes).dtype.kind not in "iufb"
        self.estimator.output_type = "cudf" if text else "cupy"
        return self.estimator.predict(array)

    def predict_proba(self, array: Any) -> Any:
        """Return a CuPy array [n_rows, n_classes]."""
        self.estimator.output_type = "cupy"
        return self.estimator.predict_proba(array)

    def transform(self, array: Any) -> Any:
        """Return a CuPy array of the transformed columns."""
        self.estimator.output_type = "cupy"
        return self.estimator.transform(cp.asarray(array))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the estimator's parameters."""
        params: dict[str, Any] = self.estimator.get_params(deep=deep)
        return params

    def portable(self) -> Any:
        """Return scikit-learn's estimator that predicts the same on a machine without a GPU."""
        return self.estimator.as_sklearn() if hasattr(self.estimator, "as_sklearn") else as_sklearn_bayes(self.estimator)


@dataclass(frozen=True, eq=False)
class OnHost:
    """An estimator that is trained on the host because the device has none; rows cross for every answer, and are counted."""

    estimator: Any
    crossing: Crossing

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # which copying asks of an object that has nothing yet
            raise AttributeError(name)
        return getattr(self.estimator, name)

    def _asked(self, method: Callable[[Any], Any], array: Any) -> Any:
        frame = cudf.DataFrame({str(number): array[:, number] for number in range(array.shape[1])}, nan_as_null=False)
        table = self.crossing.to_host(frame, f"features for {type(self.estimator).__name__}, which is on the host")
        return method(np.column_stack([column.to_numpy(zero_copy_only=False) for column in table.columns]))

    def predict(self, array: Any) -> Any:
        """Return the labels or numbers as a NumPy array, which the verb brings back."""
        return self._asked(self.estimator.predict, array)

    def predict_proba(self, array: Any) -> Any:
        """Return a NumPy array [n_rows, n_classes]."""
        return self._asked(self.estimator.predict_proba, array)

    def transform(self, array: Any) -> Any:
        """Return a NumPy array of the transformed columns."""
        if isinstance(array, np.ndarray):
            return self.estimator.transform(array)
        return self._asked(self.estimator.transform, array)

    def fit_predict(self, array: Any) -> Any:
        """Return the labels of the rows that the estimator is fitted to."""
        return self._asked(self.estimator.fit_predict, array)

    def fit_transform(self, array: Any) -> Any:
        """Return the coordinates of the rows that the estimator is fitted to."""
        return self._asked(self.estimator.fit_transform, array)

    def portable(self) -> Any:
        """Return the estimator itself."""
        return self.estimator


def train_on_device(recipe: Training, train: Any, validation: Any | None, crossing: Crossing, fallbacks: str) -> Any:
    """Return the fitted model.

    Parameters
    ----------
    train, validation
        cuDF frames.
    fallbacks
        ``"refuse"`` or ``"host"``: what to do where cuML has no counterpart, or not with these parameters.

    Raises
    ------
    UnsupportedError
        There is no counterpart, and fallbacks are refused.
    StageError
        There are no rows, a label is missing, or the estimator refuses the data.
    """
    if len(train) == 0:
        msg = "Expected rows to train on, got an empty table. Look at the filters and splits before it."
        raise StageError(msg)
    if recipe.group is not None:
        reason = "XGBoost's ranker is not trained on the device here"
        if fallbacks != "host":
            raise UnsupportedError(f"{reason}. Use engine 'cpu', or --fallbacks host.")
        return _train_on_host(recipe, train, crossing, reason)
    if is_xgboost(recipe.estimator):
        return _train_xgboost(recipe, train, validation, crossing)
    target = None if recipe.target is None else labels_of(train, recipe.target)
    try:
        estimator = made_on_device(recipe.estimator)
        require_weights(recipe, target)
    except UnsupportedError as error:
        if fallbacks != "host":
            raise
        return _train_on_host(recipe, train, crossing, str(error))
    given = [] if target is None else [target]
    weight = None if recipe.weight is None else train[recipe.weight].astype("float64").to_cupy(na_value=np.nan)
    try:
        fitted = _fitted(estimator, _features(estimator, train, list(recipe.features)), given, weight)
    except (ValueError, TypeError, RuntimeError) as error:
        msg = f"{type(recipe.estimator).__name__} could not be trained on {len(train)} rows: {error}"
        raise StageError(msg) from error
    return OnDevice(fitted, facts_of(fitted, crossing))


def _train_xgboost(recipe: Training, train: Any, validation: Any | None, crossing: Crossing) -> BoosterOnDevice:
    """Return XGBoost's estimator, trained on the device."""
    check_boosting(recipe.estimator)
    target = str(recipe.target)
    held_out = None if validation is None else Labelled(validation, labels_of(validation, target))
    return train_booster(recipe, Labelled(train, labels_of(train, target)), held_out, crossing)


def _features(estimator: Any, frame: Any, columns: list[str]) -> Any:
    """Return the features as an estimator of cuML's takes them, in the precision in which its saved form will."""
    if type(estimator).__name__ in FORESTS:
        return single_precision(frame, columns)
    return feature_array(frame, columns)


def _fitted(estimator: Any, features: Any, given: list[Any], weight: Any) -> Any:
    """Return an estimator of cuML's, fitted with weights as scikit-learn's is.

    cuML's logistic regression divides the loss by the weights' sum, and its gradient and the penalty by the number of rows; the line search
    is right where both are one number (``cpp/src/glm/qn``). So it gets weights whose mean is 1, and a penalty that makes up for it.
    """
    if weight is None:
        return estimator.fit(features, *given)
    if type(estimator).__name__ != "LogisticRegression":
        return estimator.fit(features, *given, sample_weight=weight)
    asked, mean = estimator.C, float(cp.mean(weight)) or 1.0
    estimator.C = asked * mean
    fitted = estimator.fit(features, *given, sample_weight=weight / mean)
    fitted.C = asked
    return fitted


def require_weights(recipe: Training, target: Any) -> None:
    """Raise UnsupportedError where cuML would pass over weights: its logistic regression of three classes or more does.

    Source: ``cpp/src/glm/qn/glm_softmax.cuh``, whose loss knows none; a device trains as if there were none.
    """
    name = type(recipe.estimator).__name__
    if name != "LogisticRegression" or (recipe.weight is None and recipe.estimator.class_weight is None) or target.nunique() <= 2:
        return
    given = "weights" if recipe.weight is not None else "class_weight"
    msg = (
        f"cuML's {name} passes over {given} where there are more than two classes. Leave {'it' if recipe.weight is None else 'them'} out, "
        "use another estimator, fallbacks='host', or engine 'cpu'."
    )
    raise UnsupportedError(msg)


def labels_of(frame: Any, target: str) -> Any:
    """Return the target as a cuDF column, all present."""
    n_missing = int(null_mask(frame[target]).sum())
    if n_missing:
        msg = f"Expected a label in every row, got {n_missing} missing in target {target!r}. Drop those rows or fill them first."
        raise StageError(msg)
    return frame[target]


def made_on_device(estimator: Any) -> Any:
    """Return cuML's unfitted counterpart of an estimator, with the same parameters.

    Raises
    ------
    UnsupportedError
        There is none, or a parameter is not honoured; with cuML's own reason.
    """
    estimator = as_forest(estimator)
    name = type(estimator).__name__
    if name == "MultinomialNB":
        return naive_bayes(estimator)
    address = counterpart_of(estimator)
    if address is None:
        msg = f"cuML has no counterpart of {type(estimator).__module__}.{name}. Use another estimator, fallbacks='host', or engine 'cpu'."
        raise UnsupportedError(msg)
    module, _, member = address.partition(":")
    witness, seen = witness_of(estimator)
    try:
        made = getattr(import_module(module), member).from_sklearn(witness)
    except (ValueError, TypeError) as error:  # UnsupportedOnGPU is a ValueError
        msg = f"cuML's {member} cannot do what {name} was asked for: {error}. Change it, use fallbacks='host', or engine 'cpu'."
        raise UnsupportedError(msg) from error
    require_heard(estimator, seen, f"cuML's {member}")
    made.output_type = "cupy"
    return made


def facts_of(estimator: Any, crossing: Crossing) -> dict[str, Any]:
    """Return what reports show of a fitted estimator as NumPy arrays, counted as they come."""
    facts: dict[str, Any] = {}
    estimator.output_type = "cupy"
    for name in FACTS:
        value = getattr(estimator, name, None)
        if isinstance(value, cp.ndarray):
            flat = cudf.DataFrame({name: value.ravel()}, nan_as_null=False)
            column = crossing.to_host(flat, f"{name} of the model, for the report")[name]
            value = column.to_numpy().reshape(value.shape)
        if value is not None:
            facts[name] = value
    return facts


def check_boosting(estimator: Any) -> None:
    """Raise UnsupportedError for an estimator of XGBoost's that CUDA cannot train."""
    given = estimator.get_params()
    if given.get("tree_method") == "exact" or given.get("booster") == "gblinear":
        msg = "XGBoost has no exact trees and no linear booster on CUDA. Use tree_method='hist', or engine 'cpu'."
        raise UnsupportedError(msg)


def booster_on_device(estimator: Any) -> BoosterOnDevice:
    """Return a trained estimator of XGBoost's that answers on the device."""
    estimator.set_params(device="cuda")
    estimator.get_booster().set_param({"device": "cuda"})
    return BoosterOnDevice(estimator)


def _train_on_host(recipe: Training, train: Any, crossing: Crossing, reason: str) -> OnHost:
    """Return scikit-learn's own estimator, trained on a copy of the rows."""
    crossing.ledger.fall_back(reason)
    columns = [*recipe.features, *(name for name in (recipe.target, recipe.weight, recipe.group) if name is not None)]
    table: pa.Table = crossing.to_host(train[columns], f"training rows for {type(recipe.estimator).__name__}, which is on the host")
    eager = lazy_of(table).collect()
    return OnHost(train_estimator(recipe, eager, None, crossing.ledger), crossing)
