"""Tucker without negative entries: factors by HALS, the core by accelerated projected gradients.

Source: Phan and Cichocki, "Extended HALS algorithm for nonnegative Tucker decomposition", Neurocomputing 74 (2011); Beck and Teboulle, SIAM
J. Imaging Sciences 2 (2009) for the core's steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._als import Stopping, relative_error
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares, inner
from gpupipe.tensors._estimator import Estimator
from gpupipe.tensors._hals import hals_rows
from gpupipe.tensors.mode_dot import multi_mode_dot
from gpupipe.tensors.rank import Rank, validate_tucker_rank
from gpupipe.tensors.tucker_tensor import TuckerTensor, tucker_to_tensor
from gpupipe.tensors.unfold import unfold

_CORE_STEPS = 10


def non_negative_tucker_hals(
    tensor: Any, rank: Rank, *, n_iter_max: int = 200, tol: float = 1e-7, random_state: int | None = 0, return_errors: bool = False
) -> Any:
    """Return core and factors without negative entries; each factor column has norm 1.

    Parameters
    ----------
    tensor
        Of order 2 or more; negative values in it are allowed, and met as well as can be.
    rank, tol, random_state, return_errors
        As in `gpupipe.tensors.tucker`.
    n_iter_max
        How many sweeps over the factors and the core at most.

    Raises
    ------
    UsageError
        As in `gpupipe.tensors.tucker`.

    Examples
    --------
    >>> tucker_to_tensor(non_negative_tucker_hals(np.array([[2.0, 4.0], [1.0, 2.0]]), 1)).round(6).tolist()
    [[2.0, 4.0], [1.0, 2.0]]
    """
    tensor = as_tensor(tensor)
    ranks = validate_tucker_rank(tensor.shape, rank)
    if n_iter_max < 1:
        raise UsageError(f"n_iter_max must be at least 1, got {n_iter_max}.")
    xp, dtype = array_module(tensor), tensor.dtype
    seed, stopping = np.random.default_rng(random_state), Stopping(tol, n_iter_max)
    norm_squared = finite_sum_of_squares(tensor)
    factors = [xp.asarray(seed.uniform(size=(size, width))) for size, width in zip(tensor.shape, ranks, strict=True)]
    core = xp.asarray(seed.uniform(size=ranks))
    if norm_squared == 0:
        core, errors = xp.zeros(ranks), [0.0]
    else:
        grams = [factor.T @ factor for factor in factors]
        core = (
            core * (norm_squared / inner(multi_mode_dot(core, grams), core)) ** 0.5
        )  # a scaled tensor is decomposed as it would be otherwise
        core, errors = _run(tensor, core, factors, norm_squared, stopping)
    found = TuckerTensor(core.astype(dtype), [factor.astype(dtype) for factor in factors])
    return (found, errors) if return_errors else found


def _run(tensor: Any, core: Any, factors: list[Any], norm_squared: float, stopping: Stopping) -> tuple[Any, list[float]]:
    """Sweep until it is enough; `factors` is filled with what is found. Return the core and the errors."""
    errors: list[float] = []
    for mode in range(len(factors)):
        factors[mode], core = _scaled(factors[mode], core, mode)
    while len(errors) < stopping.n_iter_max and not stopping.met(errors):
        for mode in range(len(factors)):
            seen = _seen(tensor, factors, skip=mode)
            small = unfold(core, mode)
            grams = [None if place == mode else factor.T @ factor for place, factor in enumerate(factors)]
            gram = unfold(multi_mode_dot(core, grams), mode) @ small.T
            product = small @ unfold(seen, mode).T
            updated = hals_rows(factors[mode].T[None], product[None], gram[None])[0].T
            factors[mode], core = _scaled(updated, core, mode)
        last = len(factors) - 1
        target = multi_mode_dot(seen, [factors[last]], [last], transpose=True)
        grams = [factor.T @ factor for factor in factors]
        core = _core_steps(core, target, grams)
        model = inner(multi_mode_dot(core, grams), core)
        errors.append(relative_error(norm_squared + model - 2 * inner(core, target), norm_squared))
    return core, errors


def _seen(tensor: Any, factors: Sequence[Any], *, skip: int) -> Any:
    """Return the tensor multiplied by all transposed factors but one: in its precision, then in double."""
    matrices = [None if place == skip else factor.astype(tensor.dtype) for place, factor in enumerate(factors)]
    return multi_mode_dot(tensor, matrices, transpose=True).astype(np.float64)


def _scaled(factor: Any, core: Any, mode: int) -> tuple[Any, Any]:
    """Return the factor with columns of norm 1 and the core with their norms; columns of zeros stay."""
    xp = array_module(factor)
    norms = xp.sqrt((factor**2).sum(0))
    norms = xp.where(norms == 0, 1.0, norms)
    return factor / norms, core * norms.reshape([-1 if place == mode else 1 for place in range(core.ndim)])


def _core_steps(core: Any, target: Any, grams: Sequence[Any]) -> Any:
    """Return a core nearer to the best one without negative entries: accelerated steps, begun anew where one leads away."""
    xp = array_module(core)
    length = prod(float(xp.linalg.eigvalsh(gram)[-1]) for gram in grams)
    if length == 0:
        return core
    ahead, momentum = core, 1.0
    for _ in range(_CORE_STEPS):
        slope = multi_mode_dot(ahead, grams) - target
        moved = (ahead - slope / length).clip(0.0, None)
        away = inner(ahead - moved, moved - core) > 0  # the step turned back: O'Donoghue and Candes' restart
        following = 1.0 if away else (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = moved if away else moved + (momentum - 1) / following * (moved - core)
        core, momentum = moved, following
    return core


@dataclass
class NonNegativeTucker(Estimator):
    """Tucker without negative entries as an estimator; its parameters are those of `non_negative_tucker_hals`.

    After ``fit`` it has `core_`, `factors_`, `decomposition_` (both) and `errors_`. TensorLy's name is ``Tucker_NN_HALS``.

    Examples
    --------
    >>> NonNegativeTucker(1).fit(np.array([[2.0, 4.0], [1.0, 2.0]])).reconstruct().round(6).tolist()
    [[2.0, 4.0], [1.0, 2.0]]
    """

    rank: Rank
    n_iter_max: int = 200
    tol: float = 1e-7
    random_state: int | None = 0

    def fit(self, tensor: Any, y: Any = None) -> Self:
        """Decompose a tensor."""
        self.decomposition_, self.errors_ = non_negative_tucker_hals(tensor, **self.get_params(), return_errors=True)
        self.core_, self.factors_ = self.decomposition_
        return self

    def fit_transform(self, tensor: Any, y: Any = None) -> TuckerTensor:
        """Decompose a tensor, and return core and factors, as TensorLy's estimator does."""
        decomposition: TuckerTensor = self.fit(tensor, y).decomposition_
        return decomposition

    def reconstruct(self) -> Any:
        """Return the dense tensor that core and factors stand for."""
        return tucker_to_tensor(self._fitted("decomposition_"))
