"""The scalers: moments for StandardScaler, extremes for MinMaxScaler and MaxAbsScaler. Missing values are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from gpupipe.engines._mergeable.checks import checked_features, checked_weight, refuse_weight, require_rows, require_weight
from gpupipe.engines._mergeable.contract import Array, EstimatorFit, Measured, Part
from gpupipe.engines._mergeable.moments import merge_moments, moments_of


class StandardScalerFit(EstimatorFit):
    """Fits StandardScaler."""

    takes_target: ClassVar[bool] = False

    def measure(self, state: Measured, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return each feature's moments."""
        rows = checked_features(self.estimator, features, state.n_features, allow_nan=True)
        weights = checked_weight(self.estimator, weight, len(rows))
        total, mean, scatter = moments_of(rows, weights)
        n_present = len(rows) - np.isnan(rows).sum(axis=0)
        counts = {"n_rows": np.int64(len(rows)), "n_present": n_present, "weights": weights.sum()}
        return {**counts, "weight": total, "mean": mean, "scatter": scatter}

    def merge(self, parts: Sequence[Part]) -> Part:
        """Return the moments of all rows."""
        total, mean, scatter = merge_moments(*(np.stack([part[name] for part in parts]) for name in ("weight", "mean", "scatter")))
        counts = {name: sum(part[name] for part in parts) for name in ("n_rows", "n_present", "weights")}
        return {**counts, "weight": total, "mean": mean, "scatter": scatter}

    def finish(self, state: Measured) -> Any:
        """Return the fitted scaler; a feature that varies by no more than rounding has the scale 1, as in scikit-learn."""
        total, fitted = state.known(), clone(self.estimator)
        require_rows(fitted, int(total["n_rows"]), state.n_features)
        require_weight(float(total["weights"]))
        weight = total["weight"]
        seen = weight > 0
        mean = np.where(seen, total["mean"], np.nan)
        variance = np.where(seen, total["scatter"] / np.where(seen, weight, 1.0), np.nan)
        fitted.n_features_in_ = state.n_features
        seen_rows = weight if fitted.with_mean or fitted.with_std else total["n_present"]
        fitted.n_samples_seen_ = seen_rows[0] if seen_rows.max() == seen_rows.min() else seen_rows
        fitted.mean_ = mean if fitted.with_mean or fitted.with_std else None
        fitted.var_, fitted.scale_ = None, None
        if fitted.with_std:
            rounding = np.finfo(np.float64).eps
            constant = variance <= weight * rounding * variance + (weight * mean * rounding) ** 2
            fitted.var_, fitted.scale_ = variance, np.where(constant, 1.0, np.sqrt(variance))
        return fitted


class ExtremesFit(EstimatorFit):
    """Fits MinMaxScaler and MaxAbsScaler: scikit-learn's own, fitted on the least and the greatest value of each feature."""

    takes_target: ClassVar[bool] = False
    takes_weight: ClassVar[bool] = False

    def measure(self, state: Measured, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return each feature's extremes."""
        refuse_weight(self.estimator, weight)
        rows = checked_features(self.estimator, features, state.n_features, allow_nan=True)
        least, greatest = (function.reduce(rows, axis=0, initial=np.nan) for function in (np.fmin, np.fmax))
        return {"n_rows": np.int64(len(rows)), "least": least, "greatest": greatest}

    def merge(self, parts: Sequence[Part]) -> Part:
        """Return the extremes of all rows."""
        least = np.fmin.reduce([part["least"] for part in parts])
        greatest = np.fmax.reduce([part["greatest"] for part in parts])
        return {"n_rows": sum(part["n_rows"] for part in parts), "least": least, "greatest": greatest}

    def finish(self, state: Measured) -> Any:
        """Return the fitted scaler."""
        total, fitted = state.known(), clone(self.estimator)
        require_rows(fitted, int(total["n_rows"]), state.n_features)
        fitted.fit(np.stack([total["least"], total["greatest"]]).astype(state.dtype))
        fitted.n_samples_seen_ = int(total["n_rows"])
        return fitted
