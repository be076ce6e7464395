"""Least squares, plain and penalised: scikit-learn's own estimator, fitted on the triangle instead of the rows.

The triangle has one row more than there are features, and the same inner products as the centred and weighted rows. scikit-learn's solvers
see nothing else, so they take the same steps on it: rank, singular values and numbers of iterations come out as on all rows.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gpupipe.engines._mergeable.checks import checked_features, checked_numbers, checked_weight, require_rows, require_weight
from gpupipe.engines._mergeable.contract import Array, EstimatorFit, Measured, Part
from gpupipe.engines._mergeable.triangle import about_origin, merge_triangles, triangle_of


class LinearFit(EstimatorFit):
    """Fits LinearRegression and Ridge, whose penalty is beside the sum over the rows."""

    per_row: ClassVar[bool] = False

    def measure(self, state: Measured, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return the triangle of the features and the target."""
        rows = checked_features(self.estimator, features, state.n_features)
        numbers = checked_numbers(self.estimator, target, len(rows))
        return triangle_of(rows, checked_weight(self.estimator, weight, len(rows)), numbers)

    def merge(self, parts: Any) -> Part:
        """Return the triangle of all rows."""
        return merge_triangles(parts)

    def finish(self, state: Measured) -> Any:
        """Return the estimator, fitted on the triangle, with the intercept put back."""
        total, with_intercept = state.known(), bool(self.estimator.fit_intercept)
        n_rows, weight = int(total["n_rows"]), float(total["weight"])
        require_rows(self.estimator, n_rows, state.n_features)
        require_weight(weight)
        triangle = total["triangle"] if with_intercept else about_origin(total)
        if self.per_row:  # the estimator divides by the number of rows it sees
            triangle = triangle * np.sqrt(len(triangle) / weight)
        fitted = type(self.estimator)(**{**self.estimator.get_params(deep=False), "fit_intercept": False})
        fitted.fit(triangle[:, :-1], triangle[:, -1])
        mean = total["mean"]
        offset = mean[-1] - mean[:-1] @ fitted.coef_
        fitted.coef_ = fitted.coef_.astype(state.dtype)
        if with_intercept:
            fitted.intercept_ = state.dtype.type(offset)
        if hasattr(fitted, "dual_gap_"):
            fitted.dual_gap_ = state.dtype.type(fitted.dual_gap_)
        if hasattr(fitted, "singular_"):
            fitted.singular_ = fitted.singular_[: min(n_rows, state.n_features)].astype(state.dtype)
        fitted.set_params(fit_intercept=self.estimator.fit_intercept)
        return fitted


class PenalisedFit(LinearFit):
    """Fits Lasso and ElasticNet, whose penalty is beside the mean over the rows."""

    per_row: ClassVar[bool] = True


def why_not_linear(estimator: Any) -> str | None:
    """Return why a LinearRegression, Ridge, Lasso or ElasticNet with these parameters is not fitted from parts, or nothing."""
    solver = getattr(estimator, "solver", None)
    if solver in ("sag", "saga"):
        return f"solver={solver!r} goes through the rows one by one, in an order of its own; take solver='auto'"
    precompute = getattr(estimator, "precompute", False)
    if not isinstance(precompute, bool):
        return "precompute is an array made of all rows; take precompute=False"
    return None
