"""Naive Bayes: moments of each class for GaussianNB, counts for the others, exact in any grouping of the rows.

scikit-learn makes its probabilities out of the counts itself: the merged counts are put in place, and `partial_fit` is given one row twice,
with the weights 1 and -1, which changes no count.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_non_negative

from gpupipe.engines._mergeable.checks import checked_features, checked_labels, checked_weight, chunks, require_rows, require_weight
from gpupipe.engines._mergeable.contract import Array, EstimatorFit, Measured, Part
from gpupipe.engines._mergeable.labels import count_labels, merge_labels, positions_of, require_classes, spread, unite
from gpupipe.engines._mergeable.moments import merge_moments, moments_of

OF_CLASS = ("total", "mean", "scatter")
OF_ALL = ("all_total", "all_mean", "all_scatter")


class GaussianNBFit(EstimatorFit):
    """Fits GaussianNB."""

    def measure(self, state: Measured, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return the moments of each class, weighted, and of all rows, not weighted: the smoothing is by those."""
        rows = checked_features(self.estimator, features, state.n_features)
        labels = checked_labels(self.estimator, target, len(rows))
        weights = checked_weight(self.estimator, weight, len(rows))
        counted = count_labels(labels, weights)
        positions = positions_of(labels, counted["classes"])
        each = [moments_of(rows[positions == number], weights[positions == number]) for number in range(len(counted["classes"]))]
        shape = (len(each), state.n_features)
        of_class = {name: np.reshape([moments[place] for moments in each], shape) for place, name in enumerate(OF_CLASS)}
        return {**counted, **of_class, **dict(zip(OF_ALL, moments_of(rows, np.ones(len(rows))), strict=True))}

    def merge(self, parts: Sequence[Part]) -> Part:
        """Return the moments of all rows."""
        classes, where = unite(parts)
        pairs = list(zip(parts, where, strict=True))
        of_class = merge_moments(*(np.stack([spread(part[name], at, len(classes)) for part, at in pairs]) for name in OF_CLASS))
        of_all = merge_moments(*(np.stack([part[name] for part in parts]) for name in OF_ALL))
        return {**merge_labels(parts), **dict(zip(OF_CLASS, of_class, strict=True)), **dict(zip(OF_ALL, of_all, strict=True))}

    def finish(self, state: Measured) -> Any:
        """Return the fitted GaussianNB."""
        total, fitted, dtype = state.known(), clone(self.estimator), state.dtype
        _require(fitted, state)
        weight = total["class_weight"]
        overall = total["all_scatter"] / total["all_total"]
        fitted.n_features_in_, fitted.classes_ = state.n_features, _plain(total["classes"])
        fitted.epsilon_ = dtype.type(fitted.var_smoothing * overall.max())
        fitted.class_count_ = weight.astype(dtype)
        fitted.theta_ = total["mean"].astype(dtype)
        variance = total["scatter"] / np.where(weight == 0, 1.0, weight)[:, None]
        fitted.var_ = (variance + fitted.epsilon_).astype(dtype)
        priors = weight / weight.sum() if fitted.priors is None else _checked_priors(fitted.priors, len(weight))
        fitted.class_prior_ = priors.astype(dtype)
        return fitted


def _require(estimator: Any, state: Measured) -> None:
    """Raise what scikit-learn raises where all rows together are no set to learn classes from."""
    total = state.known()
    require_rows(estimator, int(total["n_rows"]), state.n_features)
    require_weight(float(total["class_weight"].sum()))
    require_classes(total["classes"])


def _plain(classes: Array) -> Array:
    """Return the classes in NumPy's own dtype of strings where they are objects: so scikit-learn's naive Bayes has them."""
    return np.asarray(classes.tolist()) if classes.dtype == object else classes


def _checked_priors(priors: Any, n_classes: int) -> Array:
    """Return the priors that were given, where they are such."""
    values = np.asarray(priors, dtype=np.float64)
    if len(values) != n_classes:
        msg = "Number of priors must match number of classes."
        raise ValueError(msg)
    if not np.isclose(values.sum(), 1.0):
        msg = "The sum of the priors should be 1."
        raise ValueError(msg)
    if (values < 0).any():
        msg = "Priors must be non-negative."
        raise ValueError(msg)
    return values


class _CountingFit(EstimatorFit):
    """Fits a naive Bayes of counts."""

    @abstractmethod
    def counts(self, rows: Array, positions: Array, weights: Array, n_classes: int) -> dict[str, Array]:
        """Return the counts of a block, by class."""

    @abstractmethod
    def merge_counts(self, parts: Sequence[Part], where: Sequence[Array], n_classes: int) -> dict[str, Array]:
        """Return the counts of all parts, whose classes stand at these positions."""

    @abstractmethod
    def place_counts(self, fitted: Any, total: Part) -> Array:
        """Put the counts into the estimator, and return a row of features that the estimator can take."""

    def checked_rows(self, features: Array, n_features: int) -> Array:
        """Return the features of a block, as they are counted."""
        rows = checked_features(self.estimator, features, n_features)
        if len(rows):
            check_non_negative(rows, f"{type(self.estimator).__name__} (input X)")
        return rows

    def measure(self, state: Measured, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return the counts of a block."""
        rows = self.checked_rows(features, state.n_features)
        labels = checked_labels(self.estimator, target, len(rows))
        weights = checked_weight(self.estimator, weight, len(rows))
        counted = count_labels(labels, weights)
        return {**counted, **self.counts(rows, positions_of(labels, counted["classes"]), weights, len(counted["classes"]))}

    def merge(self, parts: Sequence[Part]) -> Part:
        """Return the counts of all rows."""
        classes, where = unite(parts)
        return {**merge_labels(parts), **self.merge_counts(parts, where, len(classes))}

    def finish(self, state: Measured) -> Any:
        """Return the estimator with the counts in place, and its probabilities made of them."""
        total, fitted = state.known(), clone(self.estimator)
        _require(fitted, state)
        fitted.n_features_in_ = state.n_features
        fitted.classes_, fitted.class_count_ = _plain(total["classes"]), total["class_weight"].copy()
        row = self.place_counts(fitted, total)
        fitted.partial_fit(np.stack([row, row]), np.repeat(fitted.classes_[:1], 2), sample_weight=np.array([1.0, -1.0]))
        return fitted


class FeatureCountFit(_CountingFit):
    """Fits MultinomialNB, ComplementNB and BernoulliNB: the sum of each feature in each class."""

    def checked_rows(self, features: Array, n_features: int) -> Array:
        """Return the features; of a BernoulliNB, whether each is over its threshold."""
        if not hasattr(self.estimator, "binarize"):
            return super().checked_rows(features, n_features)
        rows = checked_features(self.estimator, features, n_features)
        threshold = self.estimator.binarize
        return rows if threshold is None else (rows > threshold).astype(np.float64)

    def counts(self, rows: Array, positions: Array, weights: Array, n_classes: int) -> dict[str, Array]:
        """Return each feature's sum in each class."""
        counted, classes = np.zeros((n_classes, rows.shape[1])), np.arange(n_classes)[:, None]
        for some, own, weighing in chunks(rows, positions, weights):
            counted += ((classes == own) * weighing) @ some
        return {"feature_count": counted}

    def merge_counts(self, parts: Sequence[Part], where: Sequence[Array], n_classes: int) -> dict[str, Array]:
        """Return the sums over all parts."""
        spread_out = [spread(part["feature_count"], at, n_classes) for part, at in zip(parts, where, strict=True)]
        return {"feature_count": np.sum(spread_out, axis=0)}

    def place_counts(self, fitted: Any, total: Part) -> Array:
        """Put the sums into the estimator."""
        fitted.feature_count_ = total["feature_count"].copy()
        return np.zeros(fitted.n_features_in_)


class CategoricalNBFit(_CountingFit):
    """Fits CategoricalNB: how often each feature has each category in each class, one feature's counts beside the other's."""

    def checked_rows(self, features: Array, n_features: int) -> Array:
        """Return the features as the integers that scikit-learn takes them for."""
        return super().checked_rows(features, n_features).astype(np.int64)

    def counts(self, rows: Array, positions: Array, weights: Array, n_classes: int) -> dict[str, Array]:
        """Return the count of each feature, category and class, and how many categories each feature has."""
        sizes = rows.max(axis=0) + 1 if len(rows) else np.zeros(rows.shape[1], np.int64)
        counted = [np.zeros((n_classes, 0))]
        for column, size in zip(rows.T, sizes, strict=True):
            flat = np.bincount(positions * size + column, weights=weights, minlength=n_classes * size)
            counted.append(flat.astype(np.float64).reshape(n_classes, size))
        return {"sizes": sizes, "category_count": np.hstack(counted)}

    def merge_counts(self, parts: Sequence[Part], where: Sequence[Array], n_classes: int) -> dict[str, Array]:
        """Return the counts over all parts, with room for the most categories any part has."""
        sizes = np.max([part["sizes"] for part in parts], axis=0)
        ends = np.cumsum(sizes)
        counts = np.zeros((n_classes, int(sizes.sum())))
        for part, at in zip(parts, where, strict=True):
            own_ends = np.cumsum(part["sizes"])
            within = np.arange(int(part["sizes"].sum())) - np.repeat(own_ends - part["sizes"], part["sizes"])
            columns = np.repeat(ends - sizes, part["sizes"]) + within
            counts[np.ix_(at, columns)] += part["category_count"]
        return {"sizes": sizes, "category_count": counts}

    def place_counts(self, fitted: Any, total: Part) -> Array:
        """Put each feature's counts into the estimator; the row holds the last category of each."""
        sizes = total["sizes"]
        fitted.category_count_ = [part.copy() for part in np.split(total["category_count"], np.cumsum(sizes)[:-1], axis=1)]
        last: Array = (sizes - 1).astype(np.float64)
        return last
