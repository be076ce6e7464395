"""Linear regression on tensors with weights in Tucker form, by alternating ridge regressions.

Source: Li, Xu, Zhou, Li, "Tucker tensor regression and neuroimaging analysis", Statistics in Biosciences 10 (2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, normals
from gpupipe.tensors._regression import Samples, TensorRegressor
from gpupipe.tensors.mode_dot import mode_dot, multi_mode_dot
from gpupipe.tensors.rank import validate_tucker_rank
from gpupipe.tensors.tucker import tucker
from gpupipe.tensors.tucker_tensor import TuckerTensor, tucker_canonical, tucker_to_tensor
from gpupipe.tensors.unfold import unfold


@dataclass
class TuckerRegressor(TensorRegressor):
    """y = <X, W> + b with W a core of sizes `weight_ranks` times a factor along each mode.

    After ``fit`` it has `weight_tensor_`, `tucker_weight_` (core and factors), `intercept_`, `n_iter_`.

    Parameters
    ----------
    weight_ranks
        The core's sizes, or one for all.
    tol
        The fit ends when the weights have changed by less than this, relative to their norm.
    reg_W
        The strength of the ridge on factors and core.
    n_iter_max
        How many sweeps over the modes and the core at most.
    random_state
        The seed; the same one gives the same bits. None draws one.
    fit_intercept
        Fit b. TensorLy's regressor has none.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3, 4))
    >>> model = TuckerRegressor((1, 1), reg_W=0.0).fit(X, X[:, 1, 2] + 5)
    >>> model.weight_tensor_.round(6)[1, 2], round(model.intercept_, 6)
    (np.float64(1.0), 5.0)
    """

    weight_ranks: int | Sequence[int]
    tol: float = 1e-6
    reg_W: float = 1.0  # noqa: N815  (TensorLy's name)
    n_iter_max: int = 100
    random_state: int | None = 0
    fit_intercept: bool = True

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  (scikit-learn's name)
        """Fit the weights to samples (n, I_1, ..., I_N) and targets (n,).

        Raises
        ------
        UsageError
            The samples are of order below 2, the targets are not one a sample, a value is not finite, or a rank cannot be had.
        """
        samples = Samples.of(X, y, fit_intercept=self.fit_intercept)
        ranks = validate_tucker_rank(samples.tensor.shape[1:], self.weight_ranks)
        if self.n_iter_max < 1:
            raise UsageError(f"n_iter_max must be at least 1, got {self.n_iter_max}.")
        core, factors = _start(samples, ranks, self.random_state)
        before = tucker_to_tensor((core, factors))
        for number in range(1, self.n_iter_max + 1):
            core = _sweep(samples, core, factors, self.reg_W)
            weights = tucker_to_tensor((core, factors))
            moved, size = float(((weights - before) ** 2).sum()), float((weights**2).sum())
            self.n_iter_, before = number, weights
            if moved <= self.tol**2 * size:
                break
        found, dtype = tucker_canonical((core, factors)), samples.tensor.dtype
        self.tucker_weight_ = TuckerTensor(found.core.astype(dtype), [factor.astype(dtype) for factor in found.factors])
        return self._weigh(before, samples)


def _start(samples: Samples, ranks: Sequence[int], random_state: int | None) -> tuple[Any, list[Any]]:
    """Return core and factors of the Tucker decomposition of samples times targets; random ones where that is zero."""
    xp, seed = array_module(samples.tensor), np.random.default_rng(random_state)
    correlation = samples.correlation()
    if bool((correlation != 0).any()):
        core, factors = tucker(correlation.astype(np.float64), ranks, random_state=random_state)
        return core / len(samples.target), factors
    factors = [xp.linalg.qr(normals(xp, seed, (size, width)))[0] for size, width in zip(correlation.shape, ranks, strict=True)]
    return normals(xp, seed, ranks), factors


def _sweep(samples: Samples, core: Any, factors: list[Any], strength: float) -> Any:
    """Bring each factor and then the core to their best; `factors` is filled with what is found. Return the core."""
    xp, n, order = array_module(samples.tensor), len(samples.tensor), len(factors)
    cast = [factor.astype(samples.tensor.dtype) for factor in factors]
    for mode in range(order):
        others = [other for other in range(order) if other != mode]
        seen = multi_mode_dot(samples.tensor, [cast[other] for other in others], [other + 1 for other in others], transpose=True)
        # (n, I_mode, all other ranks) times the core's unfolding
        matrices = xp.ascontiguousarray(xp.moveaxis(seen, mode + 1, 1)).reshape(n, seen.shape[mode + 1], -1)
        features = matrices @ unfold(core, mode).T.astype(samples.tensor.dtype)
        found = samples.ridge(features.reshape(n, -1), strength).reshape(features.shape[1:])
        factors[mode], triangle = xp.linalg.qr(found)
        cast[mode] = factors[mode].astype(samples.tensor.dtype)
        core = mode_dot(core, triangle, mode)
    small = mode_dot(seen, cast[-1], order, transpose=True)
    return samples.ridge(small.reshape(n, -1), strength).reshape(core.shape)
