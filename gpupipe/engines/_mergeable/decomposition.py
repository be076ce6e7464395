"""Principal components and truncated singular values, from the singular value decomposition of the triangle.

The decomposition is the full one, whatever `svd_solver` or `algorithm` says: iterations and random projections are ways to come near it
when the rows are many, and the triangle has few. Signs follow scikit-learn's: in each component the entry of largest absolute value is
positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_array
from sklearn.utils.extmath import svd_flip

from gpupipe.engines._mergeable.checks import checked_features, refuse_weight, require_rows
from gpupipe.engines._mergeable.contract import Array, EstimatorFit, Measured, Part
from gpupipe.engines._mergeable.triangle import about_origin, merge_triangles, triangle_of


class _DecompositionFit(EstimatorFit):
    """Measures the triangle of the features."""

    takes_target: ClassVar[bool] = False
    takes_weight: ClassVar[bool] = False

    def measure(self, state: Measured, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return the triangle of the features."""
        refuse_weight(self.estimator, weight)
        rows = checked_features(self.estimator, features, state.n_features)
        return triangle_of(rows, np.ones(len(rows)))

    def merge(self, parts: Sequence[Part]) -> Part:
        """Return the triangle of all rows."""
        return merge_triangles(parts)


class PCAFit(_DecompositionFit):
    """Fits PCA; follows Tipping and Bishop's noise variance as scikit-learn does (Bishop, PRML, eq. 12.46)."""

    def finish(self, state: Measured) -> Any:
        """Return the fitted PCA."""
        total, fitted, dtype = state.known(), clone(self.estimator), state.dtype
        n_rows = int(total["n_rows"])
        require_rows(fitted, n_rows, state.n_features)
        rank = min(n_rows, state.n_features)
        singular, components = _singular(total["triangle"], rank)
        with np.errstate(divide="ignore", invalid="ignore"):  # one row has no variance: NaN, as in scikit-learn
            variance = singular**2 / np.float64(n_rows - 1)
            ratio = variance / variance.sum()
        kept = _n_components(fitted, ratio, rank, n_rows)
        fitted.n_features_in_ = state.n_features
        fitted.mean_ = total["mean"].astype(dtype)
        fitted.n_samples_, fitted.n_components_ = n_rows, kept
        fitted.components_ = components[:kept].astype(dtype)
        fitted.explained_variance_ = variance[:kept].astype(dtype)
        fitted.explained_variance_ratio_ = ratio[:kept].astype(dtype)
        fitted.singular_values_ = singular[:kept].astype(dtype)
        fitted.noise_variance_ = dtype.type(variance[kept:].mean()) if kept < rank else 0.0
        fitted._fit_svd_solver = "full"
        return fitted


class TruncatedSVDFit(_DecompositionFit):
    """Fits TruncatedSVD."""

    def finish(self, state: Measured) -> Any:
        """Return the fitted TruncatedSVD."""
        total, fitted, dtype = state.known(), clone(self.estimator), state.dtype
        n_rows, n_features, n_components = int(total["n_rows"]), state.n_features, fitted.n_components
        check_array(np.zeros((min(n_rows, 1), n_features)), ensure_min_features=2, estimator=fitted, input_name="X")
        if n_components > n_features:
            msg = f"n_components({n_components}) must be <= n_features({n_features})."
            raise ValueError(msg)
        if fitted.algorithm == "arpack" and n_components >= min(n_rows, n_features):
            msg = "`k` must be an integer satisfying `0 < k < min(A.shape)`."
            raise ValueError(msg)
        singular, components = _singular(about_origin(total), min(n_components, n_rows))
        centred = total["triangle"]
        variance = ((centred @ components.T) ** 2).sum(axis=0) / n_rows
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = variance / ((centred**2).sum() / n_rows)
        fitted.n_features_in_ = n_features
        fitted.components_ = components.astype(dtype)
        fitted.singular_values_ = singular.astype(dtype)
        fitted.explained_variance_ = variance.astype(dtype)
        fitted.explained_variance_ratio_ = ratio.astype(dtype)
        return fitted


def _singular(triangle: Array, n_components: int) -> tuple[Array, Array]:
    """Return the largest singular values and their right vectors, with scikit-learn's signs."""
    _, singular, vectors = np.linalg.svd(triangle, full_matrices=False)
    _, vectors = svd_flip(None, vectors, u_based_decision=False)
    return singular[:n_components], vectors[:n_components]


def _n_components(pca: Any, ratio: Array, rank: int, n_rows: int) -> int:
    """Return how many components a PCA keeps.

    Raises
    ------
    ValueError
        It asks for more than there are.
    """
    asked = pca.n_components
    if asked is None:
        return rank - 1 if pca.svd_solver == "arpack" else rank
    least = 1 if pca.svd_solver in ("arpack", "randomized") else 0
    most = rank - 1 if pca.svd_solver == "arpack" else rank
    if not least <= asked <= most:
        msg = (
            f"n_components={asked!r} must be between {least} and min(n_samples, n_features)={rank} with svd_solver={pca.svd_solver!r}, "
            f"which takes at most {most} of these {n_rows} rows"
        )
        raise ValueError(msg)
    if 0 < asked < 1:
        return int(np.searchsorted(np.cumsum(ratio), asked, side="right")) + 1
    return int(asked)


def why_not_decomposition(estimator: Any) -> str | None:
    """Return why a PCA or TruncatedSVD with these parameters is not fitted from parts, or nothing."""
    if estimator.n_components == "mle":
        return "n_components='mle' is estimated by a function that scikit-learn keeps to itself; give a number or a share of the variance"
    return None
