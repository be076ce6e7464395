"""What regressions on tensors share: checked samples, ridge regressions, predictions and their score.

For an intercept, features and targets are centred. Features are linear in the samples, so the samples themselves are left as they are,
uncopied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, as_floats, as_tensor, finite_sum_of_squares
from gpupipe.tensors._estimator import Estimator

_FILL = "Fill missing values before, or leave these samples out."


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples, and targets less their mean.

    Parameters
    ----------
    tensor
        (n, I_1, ..., I_N).
    target
        (n,) in double precision, less `offset`.
    offset
        The targets' mean, or 0.0 where there is no intercept.
    centred
        Whether there is an intercept, so that features are centred, too.
    """

    tensor: Any
    target: Any
    offset: float
    centred: bool

    @classmethod
    def of(cls, tensor: Any, target: Any, *, fit_intercept: bool) -> Samples:
        """Return samples and targets.

        Raises
        ------
        UsageError
            There are fewer than two modes beside the samples, the targets are not one a sample, or a value is not finite.
        """
        tensor, target = as_tensor(tensor), as_floats(target, "The target").astype(np.float64)
        if tensor.ndim < 3:
            raise UsageError(
                f"A regression on tensors expected samples of order 2 or more, so X of order 3 or more, got shape {tensor.shape}. "
                "Take a linear model for vectors."
            )
        if target.shape != (len(tensor),):
            raise UsageError(f"y expected one number for each of {len(tensor)} samples, got shape {tuple(target.shape)}.")
        finite_sum_of_squares(tensor, _FILL)
        finite_sum_of_squares(target, _FILL)
        offset = float(target.mean()) if fit_intercept else 0.0
        return cls(tensor, target - offset, offset, fit_intercept)

    def correlation(self) -> Any:
        """Return the sum of samples times their targets, (I_1, ..., I_N): where the weights point if samples are like noise."""
        flat = self.tensor.reshape(len(self.tensor), -1)
        return (self.target.astype(self.tensor.dtype) @ flat).reshape(self.tensor.shape[1:])

    def ridge(self, features: Any, strength: float) -> Any:
        """Return the weights that are best for features (n, p), ``(F^T F + strength I)^-1 F^T y``, in double precision."""
        xp = array_module(features)
        if self.centred:
            features = features - features.mean(0, dtype=np.float64).astype(features.dtype)
        gram = (features.T @ features).astype(np.float64)
        right = (features.T @ self.target.astype(features.dtype)).astype(np.float64)
        size = len(gram)
        step = float(np.finfo(features.dtype).eps) * float(xp.trace(gram)) / size + float(np.finfo(np.float64).tiny)
        return xp.linalg.solve(gram + (strength + step) * xp.eye(size), right)


class TensorRegressor(Estimator):
    """The base of regressions whose weights are a tensor, `weight_tensor_`, with `intercept_`."""

    def _weigh(self, weights: Any, samples: Samples) -> Self:
        self.weight_tensor_ = weights.astype(samples.tensor.dtype)
        self.intercept_ = 0.0
        if samples.centred:
            self.intercept_ = samples.offset - float(self.predict(samples.tensor).mean(dtype=np.float64))
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803  (scikit-learn's name)
        """Return a number for each sample.

        Raises
        ------
        UsageError
            Samples have another shape than in the fit.
        """
        weights = self._fitted("weight_tensor_")
        tensor = as_floats(X)
        if tensor.shape[1:] != weights.shape:
            raise UsageError(f"Samples of shape {tuple(tensor.shape[1:])} do not fit weights of shape {tuple(weights.shape)}.")
        return tensor.reshape(len(tensor), -1) @ weights.reshape(-1) + tensor.dtype.type(self.intercept_)

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Return the coefficient of determination, R^2."""
        target = y.astype(np.float64)
        left = ((target - self.predict(X)) ** 2).sum()
        return 1.0 - float(left) / float(((target - target.mean()) ** 2).sum())
