"""XGBoost on cuDF frames: trained on CUDA, from external memory where the device's does not suffice, and answering on the device.

XGBoost gets CuPy arrays that are its own, in single precision, in which it computes anyway, and never a frame's columns: of a column with
missing values cuDF tells the mask's address only when it is asked for, and XGBoost cannot write that down (cuDF 26.10, XGBoost 3.4, with
cuDF's spilling on); and a column whose address was told can be spilled no more. Only a batch is there twice.

XGBoost's scikit-learn classes copy every prediction to the host (``XGBModel.predict``, 3.2 to 3.4), so the booster is asked instead.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import cupy as cp
import numpy as np
import xgboost

from gpupipe.core.errors import StageError
from gpupipe.core.task import Training
from gpupipe.engines._estimators import xgboost_callbacks
from gpupipe.engines.cudf.boosting import Outside, RowBatches, can_be_outside, fit_in_batches, n_cached_bytes, rows_at_once
from gpupipe.engines.cudf.frames import Crossing, numbers_of
from gpupipe.engines.cudf.memory import is_short, make_room

Batch = Callable[[int, int], Any]


@dataclass(frozen=True, eq=False)
class BoosterOnDevice:
    """An XGBoost estimator, trained on CUDA; its booster is asked in place and answers on the device."""

    estimator: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # which copying asks of an object that has nothing yet
            raise AttributeError(name)
        return getattr(self.estimator, name)

    def _asked(self, array: Any, what: str = "value") -> Any:
        booster = self.estimator.get_booster()
        best = getattr(self.estimator, "best_iteration", None) if self.estimator.get_params().get("early_stopping_rounds") else None
        rounds = (0, 0) if best is None else (0, best + 1)
        return booster.inplace_predict(array, iteration_range=rounds, predict_type=what, missing=missing_of(self.estimator))

    def predict(self, array: Any) -> Any:
        """Return a CuPy array of the labels or numbers."""
        found = self._asked(array)
        if not isinstance(self.estimator, xgboost.XGBClassifier):
            return found
        if self.estimator.objective == "multi:softmax":
            return found.astype(cp.int64)
        return found.argmax(axis=1) if found.ndim > 1 else (found > 0.5).astype(cp.int64)  # as XGBClassifier.predict does

    def predict_proba(self, array: Any) -> Any:
        """Return a CuPy array [n_rows, n_classes]."""
        if self.estimator.objective == "multi:softmax":
            margins = self._asked(array, "margin")
            raised = cp.exp(margins - cp.max(margins, axis=1, keepdims=True))
            return raised / cp.sum(raised, axis=1, keepdims=True)
        found = self._asked(array)
        return found if found.ndim > 1 else cp.stack((1 - found, found), axis=1)

    def portable(self) -> Any:
        """Return the estimator itself, which any machine can load."""
        return self.estimator


def single_precision(frame: Any, columns: Sequence[str], missing: float = np.nan) -> Any:
    """Return columns of numbers as a CuPy array [n_rows, n_columns] of float32, which shares no memory with the frame.

    Parameters
    ----------
    missing
        What stands for a missing value, and for NaN.
    """
    array = cp.empty((len(frame), len(columns)), dtype=np.float32, order="F")
    for position, name in enumerate(columns):
        array[:, position] = without_mask(frame[name], np.float32, missing).to_cupy()
    return array


def without_mask(column: Any, dtype: Any, missing: float = np.nan) -> Any:
    """Return a copy of a column of numbers in another dtype, with a number where a value is missing, and so without a mask.

    A column that has the dtype is multiplied by 1: cuDF would share its memory, and once an address of it is told it is never spilled.
    """
    made = column * 1 if column.dtype == dtype else column
    return made.astype(dtype).fillna(missing)


def missing_of(estimator: Any) -> float:
    """Return the number by which an estimator of XGBoost's knows a missing value."""
    return float("nan") if estimator.missing is None else float(estimator.missing)


@dataclass(frozen=True, eq=False)
class Labelled:
    """A cuDF frame, and its column of labels."""

    frame: Any
    target: Any


def train_booster(recipe: Training, train: Labelled, held_out: Labelled | None, crossing: Crossing) -> BoosterOnDevice:
    """Return XGBoost's estimator, trained on CUDA; from external memory where the device is short even once room was made.

    Raises
    ------
    StageError
        XGBoost refuses the parameters or the rows; its own words are kept.
    """
    if xgboost.build_info().get("USE_RMM"):
        xgboost.set_config(use_rmm=True)
    for _ in range(2):
        try:
            rows = [_rows_of(recipe, part, _from_device(recipe, part)) for part in (train, held_out) if part is not None]
            return BoosterOnDevice(_fitted(recipe, rows, None))
        except Exception as error:
            if not is_short(error) or not can_be_outside(recipe.estimator):
                raise
            told = str(error.__cause__ or error).strip().partition("\n")[0]
        make_room()  # here, where the error has let go of what the attempt held
    return BoosterOnDevice(_fitted_outside(recipe, train, held_out, crossing, told))


def _rows_of(recipe: Training, part: Labelled, features: Batch) -> RowBatches:
    """Return labelled rows as XGBoost takes them."""
    weight = None if recipe.weight is None else without_mask(part.frame[recipe.weight], np.float32).to_cupy()
    return RowBatches(recipe.features, features, _label(part.target), weight, rows_at_once(len(recipe.features)))


def _label(target: Any) -> Any:
    """Return a column of labels as a CuPy array of its own."""
    return numbers_of(target * 1 if target.dtype.kind in "iuf" else target.copy(deep=True))  # shares no memory; see `without_mask`


def _from_device(recipe: Training, part: Labelled) -> Batch:
    """Return what makes batches of a frame that is on the device."""
    missing = missing_of(recipe.estimator)
    return lambda start, stop: single_precision(part.frame.iloc[start:stop], recipe.features, missing)


def _from_host(recipe: Training, part: Labelled, crossing: Crossing) -> Batch:
    """Return what makes batches of a copy of a frame's features on the host; they cross once there, and each time XGBoost asks back.

    A batch of a frame would bring all of the frame back to the device: cuDF spills and brings back whole columns.
    """
    reason = f"features of {type(recipe.estimator).__name__}, which is trained from external memory"
    missing = missing_of(recipe.estimator)
    started = time.perf_counter()
    held = np.empty((len(recipe.features), len(part.frame)), dtype=np.float32)
    for position, name in enumerate(recipe.features):
        held[position] = cp.asnumpy(without_mask(part.frame[name], np.float32, missing).to_cupy())
    crossing.ledger.cross("device_to_host", held.nbytes, time.perf_counter() - started, reason)
    make_room()

    def batch(start: int, stop: int) -> Any:
        begun = time.perf_counter()
        array = cp.asarray(held[:, start:stop]).T
        crossing.ledger.cross("host_to_device", array.nbytes, time.perf_counter() - begun, reason)
        return array

    return batch


def _fitted(recipe: Training, rows: Sequence[RowBatches], outside: Outside | None) -> Any:
    """Return a copy of the recipe's estimator, fitted on CUDA to the first rows, evaluated on the second if there are any."""
    estimator = import_module("sklearn.base").clone(recipe.estimator).set_params(device="cuda")
    xgboost_callbacks(estimator, recipe.progress)
    try:
        fitted = fit_in_batches(estimator, rows[0], rows[1] if len(rows) > 1 else None, outside)
    except (ValueError, TypeError) as error:
        msg = f"{type(estimator).__name__} could not be trained on {len(rows[0].label)} rows: {error}"
        raise StageError(msg) from error
    fitted.set_params(callbacks=None)
    return fitted


def _fitted_outside(recipe: Training, train: Labelled, held_out: Labelled | None, crossing: Crossing, told: str) -> Any:
    """Return the estimator, trained from bins in the host's memory; entered in the ledger before it begins."""
    name, parts = type(recipe.estimator).__name__, [part for part in (train, held_out) if part is not None]
    n_bytes = n_cached_bytes(sum(len(part.frame) for part in parts), len(recipe.features), recipe.estimator.max_bin)
    crossing.ledger.fall_back(
        f"{name} was trained from external memory, about {n_bytes:,} bytes of bins that are kept on the host: the device was short ({told})"
    )
    rows = [_rows_of(recipe, part, _from_host(recipe, part, crossing)) for part in parts]
    crossing.ledger.cross("device_to_host", n_bytes, 0.0, f"bins of {name} in external memory; each level of a tree brings them back")
    pool = {} if xgboost.get_config().get("use_rmm") else {"use_cuda_async_pool": True}  # without one, every page that comes is slow
    with tempfile.TemporaryDirectory() as folder, xgboost.config_context(**pool):
        return _fitted(recipe, rows, Outside(Path(folder), 1.0))
