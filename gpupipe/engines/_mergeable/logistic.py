"""Logistic regression by L-BFGS-B, a pass over the rows for each value and gradient that it asks for.

SciPy's optimizer calls a function; here the value of the function comes from a cluster, and the state between two passes must pickle. So
the optimizer is run from the start each time and given the answers of earlier passes again, up to the question that has none yet: it is
deterministic, so it asks the same questions. That costs about 0.1 ms for each answer, in each pass. The start, the options and the
objective are those of scikit-learn (its `_logistic_regression_path`), hence so are the steps, the number of iterations and where it stops.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import expit  # type: ignore[import-untyped]
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from gpupipe.engines._mergeable.checks import checked_features, checked_labels, checked_weight, chunks, require_rows, require_weight
from gpupipe.engines._mergeable.contract import Array, EstimatorFit, Part
from gpupipe.engines._mergeable.labels import count_labels, merge_labels, positions_of, require_classes


@dataclass(frozen=True)
class Descent:
    """How far the search is: first the classes are unknown, then a point is to be measured, at last there is an optimum.

    Parameters
    ----------
    point
        Where the loss is wanted next, or the optimum; for three classes or more [n_classes, n_features + 1] by columns.
    answers
        Value and gradient at each point asked for so far.
    """

    n_features: int
    dtype: np.dtype[Any]
    classes: Array | None = None
    class_weight: Array | None = None
    total_weight: float = 0.0
    point: Array | None = None
    answers: tuple[tuple[float, Array], ...] = ()
    n_iter: int = 0


class _Asked(Exception):  # noqa: N818  (no error: it carries the optimizer's question out of it)
    """The optimizer asks for the function at a point."""

    def __init__(self, point: Array) -> None:
        super().__init__()
        self.point = point.copy()


class LogisticRegressionFit(EstimatorFit):
    """Fits LogisticRegression with an l2 penalty or none."""

    def start(self, n_features: int, dtype: npt.DTypeLike = np.float64) -> Descent:
        """Return the state before the classes are known."""
        self.estimator._validate_params()
        return Descent(n_features, np.dtype(dtype))

    def asked(self, state: Descent) -> Descent:
        """Return the state without the answers that are there."""
        return replace(state, answers=())

    def measure(self, state: Descent, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return the classes in a block, or the sums of its rows' losses and gradients."""
        rows = checked_features(self.estimator, features, state.n_features)
        labels = checked_labels(self.estimator, target, len(rows))
        weights = checked_weight(self.estimator, weight, len(rows))
        if state.classes is None:
            return count_labels(labels, weights)
        positions = positions_of(labels, state.classes)
        assert state.class_weight is not None
        weights = weights * state.class_weight[positions]
        coefficients = self._matrix(state)
        loss, gradient = 0.0, np.zeros((coefficients.shape[0], state.n_features + 1))
        for chunk in chunks(rows, positions, weights):
            more_loss, more_gradient = _loss_gradient(coefficients, *chunk)
            loss, gradient = loss + more_loss, gradient + more_gradient
        return {"loss": np.float64(loss), "gradient": gradient}

    def merge(self, parts: Sequence[Part]) -> Part:
        """Return the classes of all rows, or the sums over them."""
        if "classes" in parts[0]:
            return merge_labels(parts)
        return {name: np.sum([part[name] for part in parts], axis=0) for name in ("loss", "gradient")}

    def advance(self, state: Descent, total: Part) -> tuple[Descent, bool]:
        """Return the state with the next point to measure, or with the optimum."""
        if state.classes is None:
            return self._begin(state, total), False
        state = replace(state, answers=(*state.answers, self._objective(state, total)))
        return self._search(state)

    def finish(self, state: Descent) -> Any:
        """Return the fitted LogisticRegression."""
        assert state.classes is not None
        fitted, coefficients = clone(self.estimator), self._matrix(state).astype(state.dtype)
        fitted.n_features_in_, fitted.classes_ = state.n_features, state.classes
        fitted.coef_ = coefficients[:, : state.n_features].copy()
        fitted.intercept_ = coefficients[:, -1].copy() if fitted.fit_intercept else np.zeros(len(coefficients), state.dtype)
        fitted.n_iter_ = np.array([state.n_iter], dtype=np.int32)
        return fitted

    def _begin(self, state: Descent, total: Part) -> Descent:
        """Return the state with the classes and their weights, at the origin, where the search begins."""
        classes, counts = total["classes"], total["class_weight"]
        require_rows(self.estimator, int(total["n_rows"]), state.n_features)
        require_weight(float(counts.sum()))
        require_classes(classes)
        if len(classes) < 2:
            msg = f"This solver needs samples of at least 2 classes in the data, but the data contains only one class: {classes[0]!r}"
            raise ValueError(msg)
        weights = compute_class_weight(self.estimator.class_weight, classes=classes, y=classes, sample_weight=counts)
        size = (1 if len(classes) == 2 else len(classes)) * (state.n_features + int(self.estimator.fit_intercept))
        return replace(state, classes=classes, class_weight=weights, total_weight=float(counts @ weights), point=np.zeros(size))

    def _matrix(self, state: Descent) -> Array:
        """Return the point as coefficients [1 or n_classes, n_features + 1], with an intercept of zero where there is none."""
        assert state.point is not None and state.classes is not None
        n_rows = 1 if len(state.classes) == 2 else len(state.classes)
        matrix = state.point.reshape((n_rows, -1), order="F")
        return matrix if self.estimator.fit_intercept else np.column_stack([matrix, np.zeros(n_rows)])

    def _objective(self, state: Descent, total: Part) -> tuple[float, Array]:
        """Return the mean loss with the penalty, and its gradient, laid out as the point is."""
        inverse = 0.0 if self.estimator.penalty is None else 1.0 / self.estimator.C
        strength = inverse / state.total_weight
        coefficients = self._matrix(state)[:, : state.n_features]
        gradient = total["gradient"] / state.total_weight
        gradient[:, : state.n_features] += strength * coefficients
        if not self.estimator.fit_intercept:
            gradient = gradient[:, :-1]
        loss = float(total["loss"]) / state.total_weight + 0.5 * strength * float((coefficients**2).sum())
        return loss, gradient.ravel(order="F")

    def _search(self, state: Descent) -> tuple[Descent, bool]:
        """Return the state with the next point that the optimizer asks for, or with the one it ends at."""
        answers = iter(state.answers)

        def answer(point: Array) -> tuple[float, Array]:
            known = next(answers, None)
            if known is None:
                raise _Asked(point)
            return known[0], known[1].copy()

        assert state.point is not None
        max_iter = self.estimator.max_iter
        options = {"maxiter": max_iter, "maxls": 50, "gtol": self.estimator.tol, "ftol": 64 * np.finfo(float).eps}
        try:
            with threadpool_limits(limits=1, user_api="blas"):  # vectors this short are slower with threads, by far where cores are busy
                result = minimize(answer, np.zeros(len(state.point)), method="L-BFGS-B", jac=True, options=options)
        except _Asked as asked:
            return replace(state, point=asked.point), False
        if result.status != 0:
            message = (
                f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}): {result.message}. "
                f"Increase the number of iterations (max_iter={max_iter}), or scale the features, which may be enough."
            )
            warnings.warn(message, ConvergenceWarning, stacklevel=3)
        return replace(state, point=result.x, answers=(), n_iter=min(int(result.nit), max_iter)), True


def _loss_gradient(coefficients: Array, rows: Array, positions: Array, weights: Array) -> tuple[float, Array]:
    """Return the sums of some rows' losses and of their gradients [1 or n_classes, n_features + 1]."""
    scores = rows @ coefficients[:, :-1].T + coefficients[:, -1]
    if len(coefficients) == 1:
        raw = scores[:, 0]
        loss = float(weights @ (np.logaddexp(0.0, raw) - positions * raw))
        slopes = (weights * (expit(raw) - positions))[:, None]
    else:
        every = np.arange(len(rows))
        highest = scores.max(axis=1)
        slopes = np.exp(scores - highest[:, None])
        total = slopes.sum(axis=1)
        loss = float(weights @ (np.log(total) + highest - scores[every, positions]))
        slopes /= total[:, None]
        slopes[every, positions] -= 1.0
        slopes *= weights[:, None]
    return loss, np.column_stack([slopes.T @ rows, slopes.sum(axis=0)])


def why_not_logistic(estimator: Any) -> str | None:
    """Return why a LogisticRegression with these parameters is not fitted from parts, or nothing."""
    if estimator.solver in ("sag", "saga"):
        return f"solver={estimator.solver!r} goes through the rows one by one, in an order of its own; take solver='lbfgs'"
    if estimator.solver == "liblinear":
        return "solver='liblinear' penalises the intercept too, and needs all rows at once; take solver='lbfgs'"
    if estimator.solver != "lbfgs":
        return f"solver={estimator.solver!r} needs second derivatives, and its steps are not followed here; take solver='lbfgs'"
    if estimator.penalty not in ("deprecated", "l2", None) or estimator.l1_ratio not in (0, None):
        return "an l1 penalty is not smooth, and needs solver='saga', which goes through the rows one by one; take l1_ratio=0"
    if estimator.dual:
        return "dual=True has one unknown for each row; take dual=False"
    return None
