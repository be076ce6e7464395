"""Training and scoring on a CPU: scikit-learn's and XGBoost's own estimators, fed from columns.

XGBoost takes a Polars or Arrow table as it is; scikit-learn gets one NumPy array. Nothing goes through pandas.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from gpupipe.core.errors import MissingExtraError, StageError, listing, nearest
from gpupipe.core.ledger import Ledger
from gpupipe.core.metrics import OF_CLUSTERS, OF_FEATURES, OF_LABELS, OF_NUMBERS, OF_PROBABILITY
from gpupipe.core.named_features import takes_names
from gpupipe.core.progress import Progress
from gpupipe.core.task import Scoring, Training
from gpupipe.engines._arrow import as_array, named_frame, table_of
from gpupipe.engines._score_cards import calibration, confusion_card, precision_recall, residuals_card

Frame = nw.DataFrame[Any]


def train_estimator(recipe: Training, train: Frame, validation: Frame | None, ledger: Ledger) -> Any:
    """Return a copy of the recipe's estimator, fitted on the training rows.

    Raises
    ------
    StageError
        Where there are no rows, the target has missing values, or the estimator refuses the data; its own words are kept.
    """
    if len(train) == 0:
        msg = "Expected rows to train on, got an empty table. Look at the filters and splits before it."
        raise StageError(msg)
    estimator = unfitted_copy(recipe.estimator)
    train, validation = (in_groups(frame, recipe.group) for frame in (train, validation))
    target = None if recipe.target is None else target_values(train, recipe.target)
    features = feature_matrix(estimator, train, recipe.features, ledger)
    options: dict[str, Any] = {}
    if recipe.weight is not None:
        options["sample_weight"] = weight_values(train, recipe.weight)
    if is_xgboost(estimator):
        options.update(_xgboost_options(estimator, recipe, validation, ledger))
    if recipe.group is not None:
        options["qid"] = group_numbers(train, recipe.group)
    try:
        fitted = estimator.fit(features, **options) if target is None else estimator.fit(features, target, **options)
    except (ValueError, TypeError, RuntimeError) as error:
        msg = f"{type(estimator).__name__} could not be trained on {len(train)} rows: {reason_of(error)}"
        raise StageError(msg) from error
    if fitted.get_params().get("callbacks") and is_xgboost(estimator):
        fitted.set_params(callbacks=None)
    return fitted


def unfitted_copy(estimator: Any) -> Any:
    """Return an unfitted copy of an estimator."""
    return _sklearn("base").clone(estimator)


def _sklearn(module: str) -> Any:
    """Return a module of scikit-learn, or say how to install it."""
    try:
        return __import__(f"sklearn.{module}", fromlist=[module])
    except ImportError as error:
        raise MissingExtraError.of("Training needs scikit-learn", "cpu") from error


def is_xgboost(estimator: Any) -> bool:
    """Whether the estimator is one of XGBoost's."""
    return type(estimator).__module__.startswith("xgboost")


def target_values(frame: Frame, target: str) -> Any:
    """Return the target as an array of labels or numbers, all present."""
    column = frame[target]
    missing = int(column.null_count())
    if missing:
        msg = f"Expected a label in every row, got {missing} missing in target {target!r}. Drop those rows or fill them first."
        raise StageError(msg)
    return column.to_numpy()


def in_groups(frame: Any, group: str | None) -> Any:
    """Return the rows of each group together, as XGBoost wants them; within a group as they came."""
    if frame is None or group is None:
        return frame
    if missing := int(frame[group].null_count()):
        msg = f"Expected a group in every row, got {missing} missing in {group!r}. Drop those rows or fill them first."
        raise StageError(msg)
    return frame[np.argsort(group_numbers(frame, group), kind="stable").tolist()]


def group_numbers(frame: Frame, group: str) -> Any:
    """Return a number for each row, the same for the rows of a group; ascending where these stand together."""
    column = table_of(frame.select(group))[group].combine_chunks()
    return np.asarray(column.dictionary_encode().indices)


def weight_values(frame: Frame, weight: str) -> Any:
    """Return the weights as an array of Float64, all present, and none of them negative."""
    column = frame[weight].cast(nw.Float64)
    missing = int(column.null_count()) + int(column.is_nan().sum() or 0)
    least = None if missing or not len(column) else column.min()
    if missing or (least is not None and least < 0):
        got = f"{missing} missing" if missing else f"{least}"
        msg = f"Expected a weight of 0 or more in every row, got {got} in {weight!r}. Drop those rows or fill them first."
        raise StageError(msg)
    return column.to_numpy().astype(np.float64)


def reason_of(error: Exception) -> str:
    r"""Return what a library says of its error, without where in its own code that was.

    Examples
    --------
    >>> reason_of(ValueError("[12:00:00] a.cc:1: Check failed: Input data contains `inf`\nStack trace:\n  [bt] (0) lib.so"))
    'Input data contains `inf`'
    """
    return re.sub(r"^\[[\d:]+\] \S+:\d+: (?:Check failed: (?:\w+: )?)?", "", str(error).partition("\nStack trace:")[0]).strip()


def feature_matrix(estimator: Any, frame: Frame, features: tuple[str, ...], ledger: Ledger) -> Any:
    """Return the features as the estimator takes them: columns for XGBoost's trees, one array for the others.

    XGBoost's linear booster keeps the columns' names, and then predicts nothing that comes without them.
    """
    chosen = frame.select(list(features))
    if is_xgboost(estimator) and estimator.booster != "gblinear":
        native = chosen.to_native()
        return native if isinstance(native, pl.DataFrame) else pl.from_arrow(table_of(chosen))
    started = time.perf_counter()
    if takes_names(estimator):
        return named_frame(table_of(chosen))
    array = as_array(table_of(chosen), whole_numbers=True)
    ledger.cross("host_copy", array.nbytes, time.perf_counter() - started, "columns to one array, for scikit-learn")
    return array


def _xgboost_options(estimator: Any, recipe: Training, validation: Frame | None, ledger: Ledger) -> dict[str, Any]:
    """Return what XGBoost's fit gets beside the training rows."""
    options: dict[str, Any] = {"verbose": False}
    xgboost_callbacks(estimator, recipe.progress)
    if validation is not None and recipe.target is not None:
        held_out = feature_matrix(estimator, validation, recipe.features, ledger)
        options["eval_set"] = [(held_out, target_values(validation, recipe.target))]
        if recipe.group is not None:
            options["eval_qid"] = [group_numbers(validation, recipe.group)]
        if recipe.weight is not None:
            options["sample_weight_eval_set"] = [weight_values(validation, recipe.weight)]
    return options


def xgboost_callbacks(estimator: Any, progress: Progress | None) -> None:
    """Have an XGBoost estimator tell `progress` of each round, beside its own callbacks."""
    if type(estimator).__name__.startswith("XGBRF"):  # forests are one round, and take none
        return
    callbacks = list(estimator.get_params().get("callbacks") or [])
    if progress is not None:
        callbacks.append(_round_callback(progress, estimator.get_params().get("n_estimators")))
    if callbacks:
        estimator.set_params(callbacks=callbacks)


def _round_callback(progress: Callable[[int, int | None, Mapping[str, float]], None], n_rounds: int | None) -> Any:
    """Return the XGBoost callback that tells `progress` of each round."""
    from xgboost.callback import TrainingCallback  # local: only a caller with an XGBoost estimator has xgboost

    class Rounds(TrainingCallback):
        """Tells of each boosting round."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:
            latest = {f"{data} {metric}": float(values[-1]) for data, log in evals_log.items() for metric, values in log.items()}
            progress(epoch + 1, n_rounds, latest)
            return False

    return Rounds()


def score_arrays(recipe: Scoring, frame: Frame) -> Mapping[str, Any]:
    """Return the metrics of the predictions, and the curves that the report draws."""
    metrics = _sklearn("metrics")
    if len(frame) == 0:
        msg = "Expected rows to evaluate, got an empty table. Look at the filters and splits before it."
        raise StageError(msg)
    truth = target_values(frame, recipe.target)
    weight = None if recipe.weight is None else frame[recipe.weight].to_numpy()
    values: dict[str, float] = {}
    for metric in recipe.metrics:
        values[metric] = _metric(metrics, metric, recipe, frame, truth, weight)
    curves = _curves(metrics, recipe, frame, truth, weight, values)
    return {"values": values, "curves": curves, "cards": _cards(metrics, recipe, frame, truth)}


def _curves(metrics: Any, recipe: Scoring, frame: Frame, truth: Any, weight: Any, values: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the curves of the probability of one class, those that belong to the metrics that are asked for."""
    if recipe.probability is None or recipe.probability not in frame.columns or not set(recipe.metrics) & set(OF_PROBABILITY):
        return []
    score, positive = frame[recipe.probability].to_numpy(), (truth == np.unique(truth)[-1]).astype(int)
    curves = [_roc(metrics, truth, score, weight, values["roc_auc"])] if "roc_auc" in values else []
    curves += [precision_recall(metrics, positive, score, weight, values["average_precision"])] if "average_precision" in values else []
    return [*curves, calibration(positive, score, weight)] if {"log_loss", "brier"} & set(values) else curves


def _cards(metrics: Any, recipe: Scoring, frame: Frame, truth: Any) -> list[Mapping[str, Any]]:
    """Return the cards of what was predicted."""
    weight = None if recipe.weight is None else frame[recipe.weight].to_numpy()
    if recipe.prediction is None or not set(recipe.metrics) & {*OF_NUMBERS, *OF_LABELS}:
        return []
    if set(recipe.metrics) & set(OF_NUMBERS):
        return [residuals_card(truth, frame[recipe.prediction].to_numpy())]
    card = confusion_card(metrics, truth, frame[recipe.prediction].to_numpy(), weight)
    return [] if card is None else [card]


def _metric(metrics: Any, metric: str, recipe: Scoring, frame: Frame, truth: Any, weight: Any) -> float:
    """Return one metric."""
    options = {} if weight is None else {"sample_weight": weight}
    try:
        if metric in OF_FEATURES:
            return float(_internal(metrics, metric, recipe, frame))
        if metric in OF_PROBABILITY:
            return float(_of_probability(metrics, metric, recipe, frame, truth, options))
        predicted = _column(frame, recipe.prediction, metric, "prediction").to_numpy()
        if metric in OF_CLUSTERS:
            return float(_function(metrics, metric)(truth, predicted))
        fixed: dict[str, Any] = {"average": "macro", "zero_division": 0.0} if metric in _OF_EACH_CLASS else {}
        if fixed and len(np.unique(truth)) <= 2:
            fixed |= {"average": "binary", "pos_label": np.unique(np.concatenate([truth, predicted]))[-1]}
        return float(_function(metrics, metric)(truth, predicted, **fixed, **options))
    except ValueError as error:
        msg = f"{metric} cannot be computed on these {len(frame)} rows: {error}"
        raise StageError(msg) from error


# scikit-learn's name of each metric, where it is not the metric's own with "_score" behind it.
_NAMES = {
    "log_loss": "log_loss",
    "brier": "brier_score_loss",
    "matthews": "matthews_corrcoef",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "median_ae": "median_absolute_error",
    "mape": "mean_absolute_percentage_error",
}
_OF_EACH_CLASS = ("precision", "recall", "f1")


def _function(metrics: Any, metric: str) -> Any:
    """Return scikit-learn's function for a metric."""
    return getattr(metrics, _NAMES.get(metric, f"{metric}_score"))


def _column(frame: Frame, name: str | None, metric: str, what: str) -> Any:
    """Return a column that a metric needs."""
    if name is None or name not in frame.columns:
        near = "" if name is None else nearest(name, frame.columns)
        msg = f"{metric} needs the {what} column {name!r}, which is not among {listing(frame.columns)}.{near}"
        raise StageError(msg)
    return frame[name]


def _of_probability(metrics: Any, metric: str, recipe: Scoring, frame: Frame, truth: Any, options: dict[str, Any]) -> float:
    """Return a metric of probabilities: of the positive class where there are two, of every class where there are more."""
    classes = np.unique(truth)
    prefix = f"{recipe.probability}_"
    several = [name for name in frame.columns if name.startswith(prefix)]
    if several and recipe.probability not in frame.columns:
        given = [name.removeprefix(prefix) for name in several]
        scores = frame.select(several).to_numpy()
        if metric == "log_loss":
            return float(metrics.log_loss(truth.astype(str), _by_sorted(scores, given), labels=sorted(given), **options))
        if metric == "roc_auc":
            ordered = _by_sorted(scores, given)
            return float(metrics.roc_auc_score(truth.astype(str), ordered, multi_class="ovr", labels=sorted(given), **options))
        msg = f"{metric} is of two classes, got {len(given)}."
        raise StageError(msg)
    score = _column(frame, recipe.probability, metric, "probability").to_numpy()
    if len(classes) != 2:
        msg = f"{metric} needs two classes among the rows, got {len(classes)}: {listing(map(str, classes))}. Take more rows."
        raise StageError(msg)
    positive = (truth == classes[-1]).astype(int)
    return float(_function(metrics, metric)(positive, score, **options))


def _by_sorted(scores: Any, given: list[str]) -> Any:
    """Return the class columns in the order of the sorted class names, each row summing to one."""
    ordered = scores[:, np.argsort(given)]
    return ordered / ordered.sum(axis=1, keepdims=True)


def _internal(metrics: Any, metric: str, recipe: Scoring, frame: Frame) -> float:
    """Return a metric of clusters among the features themselves."""
    features = as_array(table_of(frame.select(list(recipe.features))))
    labels = _column(frame, recipe.prediction, metric, "prediction").to_numpy()
    return float(_function(metrics, metric)(features, labels))


def _roc(metrics: Any, truth: Any, score: Any, weight: Any, auc: float) -> dict[str, Any]:
    """Return the ROC curve, thinned to at most 400 points."""
    false, true, _ = metrics.roc_curve((truth == np.unique(truth)[-1]).astype(int), score, sample_weight=weight)
    keep = np.unique(np.linspace(0, len(false) - 1, min(len(false), 400)).astype(int))
    return {"kind": "roc", "x": [float(x) for x in false[keep]], "y": [float(y) for y in true[keep]], "auc": auc}
