"""Linear regression on tensors with weights in CP form, by alternating ridge regressions.

Source: Guo, Kotsia, Patras, "Tensor learning for regression", IEEE Transactions on Image Processing 21 (2012); Zhou, Li, Zhu, JASA 108
(2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, normals
from gpupipe.tensors._regression import Samples, TensorRegressor
from gpupipe.tensors.cp import parafac
from gpupipe.tensors.cp_tensor import CPTensor, cp_canonical, cp_norm, cp_to_tensor
from gpupipe.tensors.khatri_rao import khatri_rao_rows
from gpupipe.tensors.rank import validate_cp_rank

_START_SWEEPS = 50


@dataclass
class CPRegressor(TensorRegressor):
    """y = <X, W> + b with W a sum of `weight_rank` rank-one tensors.

    After ``fit`` it has `weight_tensor_`, `cp_weight_` (weights and factors), `intercept_`, `n_iter_`.

    Parameters
    ----------
    weight_rank
        The number of components of the weights.
    tol
        The fit ends when the weights have changed by less than this, relative to their norm.
    reg_W
        The strength of the ridge on the factors.
    n_iter_max
        How many sweeps over the modes at most.
    random_state
        The seed; the same one gives the same bits. None draws one.
    fit_intercept
        Fit b. TensorLy's regressor has none.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3, 4))
    >>> model = CPRegressor(1, reg_W=0.0).fit(X, X[:, 1, 2] + 5)
    >>> model.weight_tensor_.round(6)[1, 2], round(model.intercept_, 6)
    (np.float64(1.0), 5.0)
    """

    weight_rank: int
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
            The samples are of order below 2, the targets are not one a sample, a value is not finite, or the rank is below 1.
        """
        samples = Samples.of(X, y, fit_intercept=self.fit_intercept)
        rank = validate_cp_rank(samples.tensor.shape[1:], self.weight_rank)
        if self.n_iter_max < 1:
            raise UsageError(f"n_iter_max must be at least 1, got {self.n_iter_max}.")
        rows = _start(samples, rank, self.random_state)
        features = _Features(samples.tensor, rows)
        for number in range(1, self.n_iter_max + 1):
            before = list(features.rows)
            for mode in range(len(rows)):
                _update(features, mode, samples, self.reg_W)
            self.n_iter_ = number
            features.balance()
            if _change(before, features.rows) <= self.tol:
                break
        weights, factors = cp_canonical((None, [row.T for row in features.rows]))
        dtype = samples.tensor.dtype
        self.cp_weight_ = CPTensor(weights.astype(dtype), [factor.astype(dtype) for factor in factors])
        return self._weigh(cp_to_tensor((weights, factors)), samples)


def _start(samples: Samples, rank: int, random_state: int | None) -> list[Any]:
    """Return the factors, as rows, of the CP decomposition of samples times targets; random ones where that is zero."""
    xp, seed = array_module(samples.tensor), np.random.default_rng(random_state)
    correlation = samples.correlation()
    if not bool((correlation != 0).any()):
        return [normals(xp, seed, (rank, size)) for size in correlation.shape]
    weights, factors = parafac(correlation, rank, n_iter_max=_START_SWEEPS, n_starts=4, random_state=random_state)
    share = (weights.astype(np.float64) / len(samples.target)) ** (1 / len(factors))
    # a component that came out as zero would stay so
    return [factor.T * share[:, None] + 1e-3 * normals(xp, seed, factor.T.shape) * float(share.max()) for factor in factors]


def _update(features: _Features, mode: int, samples: Samples, strength: float) -> None:
    """Bring a mode's factor to its best, with the others held."""
    found = samples.ridge(features.of(mode), strength)
    features.set(mode, found.reshape(features.rows[mode].shape))


def _change(before: Sequence[Any], after: Sequence[Any]) -> float:
    """Return how far the weights moved, relative to their norm: that of the difference, a CP tensor of twice the rank."""
    xp = array_module(after[0])
    sign = xp.concatenate([xp.ones(len(after[0])), -xp.ones(len(before[0]))])
    moved = cp_norm((sign, [xp.concatenate([new, old]).T for new, old in zip(after, before, strict=True)]))
    size = cp_norm((None, [new.T for new in after]))
    return moved / size if size else 0.0


class _Features:
    """What a mode's factor is regressed on: each sample contracted with all other factors, (n, R * I_mode).

    As in an MTTKRP's dimension tree, the contraction with the factors of one half of the modes is kept for the modes of the other half.
    """

    def __init__(self, tensor: Any, rows: Sequence[Any]) -> None:
        self.tensor, self.rows = tensor, list(rows)
        self.shape = tuple(tensor.shape[1:])
        self.cut = min(range(1, len(self.shape)), key=lambda cut: prod(self.shape[:cut]) + prod(self.shape[cut:]))
        self._left: Any = None
        self._right: Any = None

    def set(self, mode: int, rows: Any) -> None:
        """Replace a factor, (R, I)."""
        self.rows[mode] = rows
        if mode < self.cut:
            self._right = None
        else:
            self._left = None

    def balance(self) -> None:
        """Give a component the same norm in each mode, so that the ridge weighs on all alike."""
        xp = array_module(self.rows[0])
        norms = [xp.sqrt((row**2).sum(1)) for row in self.rows]
        product = norms[0]
        for _, norm in pairwise(norms):
            product = product * norm
        even = product ** (1 / len(norms))
        for mode, (row, norm) in enumerate(zip(self.rows, norms, strict=True)):
            self.set(mode, row * (even / xp.where(norm == 0, 1.0, norm))[:, None])

    def of(self, mode: int) -> Any:
        """Return the features of a mode, components slowest."""
        group, first = (self._left_group(), 0) if mode < self.cut else (self._right_group(), self.cut)
        xp = array_module(group)
        rank, n, *sizes = group.shape
        kept = mode - first
        for place in range(len(sizes) - 1, kept, -1):
            group = xp.matmul(group.reshape(rank, -1, sizes[place]), self._row(first + place)[:, :, None])
        for place in range(kept):
            group = xp.matmul(self._row(first + place)[:, None, None, :], group.reshape(rank, n, sizes[place], -1))
        return xp.ascontiguousarray(group.reshape(rank, n, -1).transpose(1, 0, 2)).reshape(n, -1)

    def _row(self, mode: int) -> Any:
        return self.rows[mode].astype(self.tensor.dtype, copy=False)

    def _left_group(self) -> Any:
        """The samples contracted with the factors on the right: (R, n, left sizes)."""
        if self._left is None:
            right = khatri_rao_rows([self._row(mode) for mode in range(self.cut, len(self.shape))])
            product = right @ self.tensor.reshape(-1, right.shape[1]).T
            self._left = product.reshape(len(right), len(self.tensor), *self.shape[: self.cut])
        return self._left

    def _right_group(self) -> Any:
        """The samples contracted with the factors on the left: (R, n, right sizes)."""
        if self._right is None:
            xp = array_module(self.tensor)
            left = khatri_rao_rows([self._row(mode) for mode in range(self.cut)])
            product = xp.matmul(left, self.tensor.reshape(len(self.tensor), left.shape[1], -1))
            self._right = product.transpose(1, 0, 2).reshape(len(left), len(self.tensor), *self.shape[self.cut :])
        return self._right
