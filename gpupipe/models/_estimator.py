"""What is asked of an estimator before it is fitted: its kind, what it takes, and the names of the columns it will make."""

from __future__ import annotations

import glob
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np

from gpupipe.core.errors import StageError, UsageError, listing
from gpupipe.core.named_features import takes_names

Task = Literal["classifier", "regressor", "clusterer", "transformer"]
METHODS: Mapping[Task, tuple[str, ...]] = {
    "classifier": ("apply", "predict", "predict_proba"),
    "regressor": ("apply", "predict"),
    "clusterer": ("apply", "predict", "transform"),
    "transformer": ("apply", "transform"),
}


def require_estimator(given: Any, stage: str, method: str, example: str) -> None:
    """Raise UsageError for what is no unfitted estimator with that method."""
    if isinstance(given, type):
        msg = f"{stage} expects an estimator, got the class {given.__name__}. Make one of it: {given.__name__}()."
        raise UsageError(msg)
    if not hasattr(given, method) or not hasattr(given, "get_params"):
        msg = f"{stage} expects an unfitted estimator with {method} and get_params, such as {example}, got {given!r}."
        raise UsageError(msg)


def task_of(estimator: Any) -> Task:
    """Return what kind of estimator it is, by its own tags."""
    kind = getattr(_tags(estimator), "estimator_type", None)
    if kind in ("classifier", "regressor", "clusterer"):
        return cast(Task, kind)
    if is_ranker(estimator):
        return "regressor"  # of scores, which mean something beside those of the same group
    if hasattr(estimator, "transform"):
        return "transformer"
    if hasattr(estimator, "predict"):
        return "clusterer"
    msg = f"Learn expects a classifier, regressor, clusterer or transformer, got {type(estimator).__name__}."
    if hasattr(estimator, "fit_transform"):
        msg += f" It places the rows it is fitted to and no others: use gp.FitTransform({type(estimator).__name__}(...))."
    raise UsageError(msg)


def is_ranker(estimator: Any) -> bool:
    """Whether the estimator is XGBoost's ranker, which learns the order of rows within groups."""
    return type(estimator).__name__ == "XGBRanker"


def require_roles(estimator: Any, features: Sequence[str] | None, target: str | None, weight: str | None, group: str | None) -> None:
    """Raise UsageError where columns have roles that exclude one another, or that the estimator does not know, or lacks."""
    name = type(estimator).__name__
    for column, what in ((target, "target"), (weight, "weight"), (group, "group")):
        if features is not None and column in features:
            msg = f"Learn's features are what the model sees, and {column!r} is its {what}. Leave it out of the features."
            raise UsageError(msg)
    if (needs_target(estimator) and target is None) or (target is not None and not takes_target(estimator)):
        needs = "needs a target column" if target is None else "takes no target column"
        msg = f"{name} is a {task_of(estimator)}: it {needs}."
        raise UsageError(msg)
    if is_ranker(estimator) and group is None:
        msg = f"{name} learns the order of rows within groups: give the column that tells them apart, group='query'."
        raise UsageError(msg)
    if group is not None and not is_ranker(estimator):
        msg = f"{name} knows no groups of rows, got group={group!r}. Leave it out, or take XGBRanker."
        raise UsageError(msg)
    if weight is not None and (is_ranker(estimator) or not takes_weights(estimator)):
        reason = "XGBoost has one for each of its groups" if is_ranker(estimator) else "its fit has no sample_weight"
        msg = f"{name} takes no weights of rows: {reason}. Leave the weight out."
        raise UsageError(msg)


def _tags(estimator: Any) -> Any:
    """Return scikit-learn's tags of an estimator, or None where it has none."""
    return estimator.__sklearn_tags__() if hasattr(estimator, "__sklearn_tags__") else None


def needs_target(estimator: Any) -> bool:
    """Whether the estimator learns from a target; some transformers do, such as ``SelectKBest``."""
    target = getattr(_tags(estimator), "target_tags", None)
    return task_of(estimator) in ("classifier", "regressor") or bool(getattr(target, "required", False))


def takes_target(estimator: Any) -> bool:
    """Whether the estimator can learn from a target; transformers that choose among the features may."""
    return needs_target(estimator) or any(base.__name__ == "SelectorMixin" for base in type(estimator).__mro__)


def takes_missing(estimator: Any) -> bool:
    """Whether features may be missing, by the estimator's own tags; true where it has none, or where others within it see to that."""
    others = len(estimator.get_params(deep=True)) > len(estimator.get_params(deep=False))  # whose tags say nothing of those
    taken = getattr(_tags(estimator), "input_tags", None)
    return others or bool(getattr(taken, "allow_nan", True))


def takes_text(estimator: Any) -> bool:
    """Whether features may be text: those of encoders of categories, by their own tags, and of what chooses its columns by name."""
    if takes_names(estimator):
        return True
    return hasattr(estimator, "transform") and bool(getattr(getattr(_tags(estimator), "input_tags", None), "categorical", False))


def missing_text(estimator: Any, columns: Sequence[str]) -> str:
    """Return what is to be said where an estimator takes no missing values and some columns have them."""
    one = columns[0]
    return (
        f"{type(estimator).__name__} takes no missing values, and there are some in {listing(columns)}. Fill them, with gp.FillNull or "
        f"gp.Learn(SimpleImputer(), features=[{one!r}]).fit(table), leave those rows out, with gp.Filter(~nw.col({one!r}).is_null()), "
        "or take an estimator that knows missing values, such as XGBoost's or HistGradientBoostingClassifier."
    )


def told_of_missing(function: Callable[[Any], Sequence[Any]], estimator: Any, features: Sequence[str], array: Any) -> Sequence[Any]:
    """Return what an estimator's function makes of an array; where it takes no missing values, its error says which features have some."""
    try:
        return function(array)
    except ValueError as error:
        lacking = [name for name, is_missing in zip(features, np.isnan(array).any(0), strict=True) if is_missing]
        if not lacking or "NaN" not in str(error):
            raise
        raise StageError(missing_text(estimator, lacking)) from error


def takes_weights(estimator: Any) -> bool:
    """Whether rows may have weights, as far as its ``fit`` tells."""
    known = inspect.signature(estimator.fit).parameters
    return "sample_weight" in known or any(given.kind is given.VAR_KEYWORD for given in known.values())


def is_xgboost(estimator: Any) -> bool:
    """Whether the estimator is one of XGBoost's, which stop early, and whose classifiers take the classes 0, 1, 2, ... alone."""
    return type(estimator).__module__.startswith("xgboost")


def fills_missing(estimator: Any) -> bool:
    """Whether nothing is missing in the columns that a transformer makes: an imputer fills them, others refuse them."""
    return type(estimator).__module__.startswith("sklearn.impute") or not takes_missing(estimator)


def made_columns(estimator: Any, features: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that a transformer will make, as a plan shows them, and patterns (shell style) of every name there may be.

    Names follow scikit-learn's conventions for ``get_feature_names_out`` (developer guide of scikit-learn 1.7 to 1.9). Where they depend on
    the data, a pattern stands for them in the plan, such as ``plan_*``; where only their number may, there are no patterns but the names.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.preprocessing import KBinsDiscretizer, StandardScaler
    >>> made_columns(StandardScaler(), ["a", "b"])
    (('a', 'b'), ())
    >>> made_columns(KBinsDiscretizer(), ["a"])[0], made_columns(KBinsDiscretizer(encode="ordinal"), ["a"])[0]
    (('a_*',), ('a',))
    >>> made_columns(PCA(2), ["a", "b"]), made_columns(PCA(), ["a", "b"])
    ((('pca0', 'pca1'), ('pca0', 'pca1')), (('pca*',), ('pca*',)))
    """
    kind, parameters = type(estimator), estimator.get_params(deep=False)
    kinds = {base.__name__ for base in kind.__mro__}
    word, names = kind.__name__.lower(), tuple(features)
    each = [glob.escape(name) for name in names]
    if "OneToOneFeatureMixin" in kinds and not needs_target(estimator):
        return names, ()
    if "SelectorMixin" in kinds or "OneToOneFeatureMixin" in kinds or parameters.get("encode") == "ordinal":
        return names, (*each, *([f"{name}_*" for name in each] if "OneToOneFeatureMixin" in kinds else []))
    if kind.__module__.startswith("sklearn.impute") and kind.__name__ != "MissingIndicator":
        return names, (*each, *(f"missingindicator_{name}" for name in each if parameters.get("add_indicator")))
    if not hasattr(estimator, "get_feature_names_out") or "ClassNamePrefixFeaturesOutMixin" in kinds:
        n_made = parameters.get("n_components")
        numbered = tuple(f"{word}{number}" for number in range(n_made)) if isinstance(n_made, int) else (f"{word}*",)
        return numbered, numbered
    if kind.__module__.startswith("sklearn.preprocessing") and kind.__name__ != "FunctionTransformer":
        whole = [*each, *(f"{name}[ ^]*" for name in each), "1"] if "degree" in parameters and "n_knots" not in parameters else []
        return tuple(f"{name}_*" for name in names), (*(f"{name}_*" for name in each), *whole)
    return (f"{word}*",), ("*",)  # names of its own: those of several estimators, of a user's function, of another package
