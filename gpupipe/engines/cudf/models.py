"""Training and predicting on the device: XGBoost on CUDA, and cuML's counterparts of scikit-learn's estimators.

Features are cuDF columns (XGBoost) or one CuPy array (cuML), predictions are CuPy arrays or cuDF columns. Two ways of the libraries
themselves lead to the host and are not taken: ``from_sklearn`` sets the estimator to answer in NumPy, and XGBoost's scikit-learn classes
copy every prediction to the host (``XGBModel.predict``, 3.2 to 3.4), so the booster is asked instead.
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
import xgboost

from gpupipe.core.engine import TrainingRecipe
from gpupipe.core.errors import StageError, UnsupportedError
from gpupipe.engines._estimators import is_xgboost, train_estimator, xgboost_callbacks
from gpupipe.engines.cudf.counterparts import as_forest, counterpart_of, require_heard, witness_of
from gpupipe.engines.cudf.frames import Crossing, feature_array, lazy_of, null_mask
from gpupipe.engines.cudf.naive_bayes import as_sklearn_bayes, naive_bayes

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
class BoosterOnDevice:
    """An XGBoost estimator, trained on CUDA; its booster is asked in place and answers on the device."""

    estimator: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # which copying asks of an object that has nothing yet
            raise AttributeError(name)
        return getattr(self.estimator, name)

    def _asked(self, array: Any) -> Any:
        booster = self.estimator.get_booster()
        best = getattr(self.estimator, "best_iteration", None) if self.estimator.get_params().get("early_stopping_rounds") else None
        rounds = (0, 0) if best is None else (0, best + 1)
        return booster.inplace_predict(array, iteration_range=rounds, missing=self.estimator.missing)

    def predict(self, array: Any) -> Any:
        """Return a CuPy array of the labels or numbers."""
        found = self._asked(array)
        if not isinstance(self.estimator, xgboost.XGBClassifier):
            return found
        return found.argmax(axis=1) if found.ndim > 1 else (found > 0.5).astype(cp.int64)  # as XGBClassifier.predict does

    def predict_proba(self, array: Any) -> Any:
        """Return a CuPy array [n_rows, n_classes]."""
        found = self._asked(array)
        return found if found.ndim > 1 else cp.stack((1 - found, found), axis=1)

    def portable(self) -> Any:
        """Return the estimator itself, which any machine can load."""
        return self.estimator


@dataclass(frozen=True, eq=False)
class OnHost:
    """An estimator that was trained on the host because the device has none; rows cross for every answer, and are counted."""

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

    def portable(self) -> Any:
        """Return the estimator itself."""
        return self.estimator


def train_on_device(recipe: TrainingRecipe, train: Any, validation: Any | None, crossing: Crossing, fallbacks: str) -> Any:
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
    target = None if recipe.target is None else labels_of(train, recipe.target)
    weight = None if recipe.weight is None else train[recipe.weight].to_cupy()
    if is_xgboost(recipe.estimator):
        return _train_booster(recipe, train, validation, target, weight)
    try:
        estimator = made_on_device(recipe.estimator)
    except UnsupportedError as error:
        if fallbacks != "host":
            raise
        return _train_on_host(recipe, train, crossing, str(error))
    options = {} if weight is None else {"sample_weight": weight}
    features = feature_array(train, list(recipe.features))
    try:
        fitted = estimator.fit(features, **options) if target is None else estimator.fit(features, target, **options)
    except (ValueError, TypeError, RuntimeError) as error:
        msg = f"{type(recipe.estimator).__name__} could not be trained on {len(train)} rows: {error}"
        raise StageError(msg) from error
    return OnDevice(fitted, facts_of(fitted, crossing))


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


def _train_booster(recipe: TrainingRecipe, train: Any, validation: Any | None, target: Any, weight: Any) -> BoosterOnDevice:
    """Return XGBoost's estimator trained on cuDF columns; its scikit-learn class makes a QuantileDMatrix of them."""
    if xgboost.build_info().get("USE_RMM"):
        xgboost.set_config(use_rmm=True)
    estimator = import_module("sklearn.base").clone(recipe.estimator).set_params(device="cuda")
    check_boosting(estimator)
    features = list(recipe.features)
    options: dict[str, Any] = {"verbose": False} | ({} if weight is None else {"sample_weight": weight})
    xgboost_callbacks(estimator, recipe.progress)
    if validation is not None and recipe.target is not None:
        options["eval_set"] = [(validation[features], labels_of(validation, recipe.target))]
        if recipe.weight is not None:
            options["sample_weight_eval_set"] = [validation[recipe.weight].to_cupy()]
    try:
        fitted = estimator.fit(train[features], target, **options)
    except (ValueError, TypeError, xgboost.core.XGBoostError) as error:
        msg = f"{type(estimator).__name__} could not be trained on {len(train)} rows: {error}"
        raise StageError(msg) from error
    fitted.set_params(callbacks=None)
    return BoosterOnDevice(fitted)


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


def _train_on_host(recipe: TrainingRecipe, train: Any, crossing: Crossing, reason: str) -> OnHost:
    """Return scikit-learn's own estimator, trained on a copy of the rows."""
    crossing.ledger.fall_back(reason)
    columns = [*recipe.features, *(name for name in (recipe.target, recipe.weight) if name is not None)]
    table: pa.Table = crossing.to_host(train[columns], f"training rows for {type(recipe.estimator).__name__}, which is on the host")
    eager = lazy_of(table).collect()
    return OnHost(train_estimator(recipe, eager, None, crossing.ledger), crossing)
