"""Tucker decomposition: a small core multiplied along each mode by a factor with orthonormal columns.

The tensor is compressed mode by mode (ST-HOSVD) a little wider than asked for, and the ranks are reached on that core by higher-order
orthogonal iteration (HOOI), which is then cheap; a sweep or two on the tensor itself follow.

Source: De Lathauwer, De Moor, Vandewalle, SIAM J. Matrix Anal. Appl. 21 (2000) for HOOI; Vannieuwenhoven, Vandebril, Meerbergen, SIAM J.
Sci. Comput. 34 (2012) for ST-HOSVD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._als import Stopping, relative_error
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares, sum_of_squares
from gpupipe.tensors._compress import compress, widths
from gpupipe.tensors._estimator import Estimator
from gpupipe.tensors._masked import masked_parts
from gpupipe.tensors._residual import checked_error
from gpupipe.tensors.mode_dot import mode_dot, multi_mode_dot
from gpupipe.tensors.rank import Rank, validate_tucker_rank
from gpupipe.tensors.tucker_tensor import TuckerTensor, tucker_canonical, tucker_to_tensor
from gpupipe.tensors.unfold import unfold

_OVERSAMPLING = 10
_LARGE, _WORTH = 1 << 17, 2.0  # elements, and how many times a mode is as large as its basis: else sweeps on the tensor itself are cheap
_POWER = 1  # step: what the bases still lack, the sweeps on the tensor itself find


def tucker(
    tensor: Any,
    rank: Rank,
    *,
    n_iter_max: int = 100,
    tol: float = 1e-8,
    compression: bool = True,
    mask: Any = None,
    random_state: int | None = 0,
    return_errors: bool = False,
) -> Any:
    """Return core and factors of the Tucker decomposition of a tensor; each factor column's largest entry is positive.

    Parameters
    ----------
    tensor
        Of order 2 or more. float32 stays float32, everything else is computed in float64.
    rank
        One number for all modes, one for each, or the share of parameters to keep; see `validate_tucker_rank`.
    n_iter_max
        How many sweeps of HOOI at most; with a mask, also how often missing cells are filled.
    tol
        Sweeps end when the relative error has changed by less than this.
    compression
        Do the sweeps on a compressed core, where the sizes allow one.
    mask
        True where a cell is observed; the others are filled with what core and factors say (EM), and errors are those of observed cells.
    random_state
        The seed of the range finder; the same one gives the same bits. None draws one.
    return_errors
        Return the relative error after each sweep, too.

    Raises
    ------
    UsageError
        The tensor has NaN without a mask, or infinite values, an empty dimension or order 1; a rank is below 1, or above its mode's size
        where each mode has its own.

    Examples
    --------
    >>> core, factors = tucker(np.diag([3.0, 1.0]), (1, 1))
    >>> core.round(6).tolist(), factors[0].round(6).tolist()
    ([[3.0]], [[1.0], [0.0]])
    """
    tensor = as_tensor(tensor)
    return partial_tucker(
        tensor,
        validate_tucker_rank(tensor.shape, rank),
        range(tensor.ndim),
        n_iter_max=n_iter_max,
        tol=tol,
        compression=compression,
        mask=mask,
        random_state=random_state,
        return_errors=return_errors,
    )


def partial_tucker(
    tensor: Any,
    rank: Rank,
    modes: Sequence[int],
    *,
    n_iter_max: int = 100,
    tol: float = 1e-8,
    compression: bool = True,
    mask: Any = None,
    random_state: int | None = 0,
    return_errors: bool = False,
) -> Any:
    """Return core and factors of a Tucker decomposition along some modes; the core has the others as they are.

    Parameters
    ----------
    rank
        For the chosen modes, in their order.
    modes
        The chosen ones; `factors` has one for each.
    n_iter_max, tol, compression, mask, random_state, return_errors
        As in `tucker`.

    Raises
    ------
    UsageError
        As in `tucker`; or a mode is chosen twice or is not there.

    Examples
    --------
    >>> core, (factor,) = partial_tucker(np.ones((2, 3, 4)), 1, [1])
    >>> core.shape, factor.shape
    ((2, 1, 4), (3, 1))
    """
    tensor = as_tensor(tensor)
    chosen = [mode % tensor.ndim for mode in modes if -tensor.ndim <= mode < tensor.ndim]
    if len(set(chosen)) != len(modes) or not chosen:
        raise UsageError(f"Modes {list(modes)} must be different ones among 0 to {tensor.ndim - 1}, and at least one.")
    if n_iter_max < 1:
        raise UsageError(f"n_iter_max must be at least 1, got {n_iter_max}.")
    ranks = dict(zip(chosen, validate_tucker_rank([tensor.shape[mode] for mode in chosen], rank), strict=True))
    seed, stopping = np.random.default_rng(random_state), Stopping(tol, n_iter_max)
    if mask is None:
        core, factors, errors = _fit(tensor, ranks, stopping, seed, compression=compression)
    else:
        core, factors, errors = _fit_masked(tensor, mask, ranks, stopping, seed, compression=compression)
    every = [factors.get(mode) for mode in range(tensor.ndim)]
    found = _turned(core, every)
    found = TuckerTensor(found.core, [found.factors[mode] for mode in chosen])
    return (found, errors) if return_errors else found


def _turned(core: Any, factors: Sequence[Any]) -> TuckerTensor:
    """Return core and factors with the signs of `tucker_canonical`; a mode without a factor has None."""
    xp = array_module(core)
    ones = [xp.ones((1, size), core.dtype) if factor is None else factor for factor, size in zip(factors, core.shape, strict=True)]
    turned = tucker_canonical((core, ones))
    return TuckerTensor(turned.core, [None if factor is None else one for factor, one in zip(factors, turned.factors, strict=True)])


def _fit(
    tensor: Any, ranks: dict[int, int], stopping: Stopping, seed: np.random.Generator, *, compression: bool
) -> tuple[Any, dict[int, Any], list[float]]:
    norm_squared = finite_sum_of_squares(tensor)
    wanted = [min(ranks[mode] + _OVERSAMPLING, size) if mode in ranks else size for mode, size in enumerate(tensor.shape)]
    sizes = widths(tensor.shape, wanted, worth=_WORTH) if compression and tensor.size >= _LARGE else tensor.shape
    compressed = compress(tensor, sizes, seed, power=_POWER, norm_squared=norm_squared)
    core, factors = _started(compressed.core, ranks)
    inside = sum_of_squares(compressed.core)

    def error(core: Any) -> float:
        return relative_error(max(inside - sum_of_squares(core), 0.0) + compressed.lost, norm_squared)

    errors = [error(core)]
    while len(errors) < stopping.n_iter_max and not stopping.met(errors) and errors[-1] > 0:
        core = _sweep(compressed.core, ranks, factors)
        errors.append(error(core))
    if compressed.core is not tensor:
        for mode, factor in factors.items():
            factors[mode] = factor if compressed.bases[mode] is None else compressed.bases[mode] @ factor
        for _ in range(stopping.n_iter_max):  # on the tensor itself: the bases may lack what is only a little above the noise
            core = _sweep(tensor, ranks, factors)
            errors.append(relative_error(norm_squared - sum_of_squares(core), norm_squared))
            if stopping.met(errors):
                break
    square = max(norm_squared - sum_of_squares(core), 0.0)
    errors[-1] = checked_error(tensor, norm_squared, square, lambda slab: _model(core, factors, slab))
    return core, factors, errors


def _model(core: Any, factors: dict[int, Any], slab: slice) -> Any:
    """Return what core and factors stand for, of some slices along mode 0."""
    if 0 not in factors:
        return multi_mode_dot(core[slab], list(factors.values()), list(factors))
    return multi_mode_dot(core, [factor[slab] if mode == 0 else factor for mode, factor in factors.items()], list(factors))


def _started(tensor: Any, ranks: dict[int, int]) -> tuple[Any, dict[int, Any]]:
    """Return core and factors of ST-HOSVD, the largest reduction first."""
    factors: dict[int, Any] = {}
    for mode in sorted(ranks, key=lambda mode: ranks[mode] / tensor.shape[mode]):
        factors[mode] = _leading(tensor, mode, ranks[mode])
        tensor = mode_dot(tensor, factors[mode], mode, transpose=True)
    return tensor, factors


def _sweep(tensor: Any, ranks: dict[int, int], factors: dict[int, Any]) -> Any:
    """Bring each factor to its best with the others held, in `factors`, and return the core."""
    for mode in sorted(ranks):
        others = [other for other in sorted(ranks) if other != mode]
        seen = multi_mode_dot(tensor, [factors[other] for other in others], others, transpose=True)
        factors[mode] = _leading(seen, mode, ranks[mode])
    return mode_dot(seen, factors[mode], mode, transpose=True)


def _leading(tensor: Any, mode: int, rank: int) -> Any:
    """Return the leading left singular vectors of an unfolding, (I, rank)."""
    xp = array_module(tensor)
    matrix = unfold(tensor, mode)
    if matrix.shape[0] > matrix.shape[1]:
        basis, triangle = xp.linalg.qr(matrix)
        if rank <= basis.shape[1]:
            return basis @ xp.linalg.svd(triangle, full_matrices=False)[0][:, :rank]
        return xp.linalg.svd(matrix, full_matrices=True)[0][:, :rank]  # more than the other modes span: any orthonormal completion
    if matrix.shape[1] > 2 * matrix.shape[0]:  # the triangle has the singular values and left vectors, to full precision
        matrix = xp.linalg.qr(matrix.T, mode="r").T
    return xp.linalg.svd(matrix, full_matrices=False)[0][:, :rank]


def _fit_masked(
    tensor: Any, mask: Any, ranks: dict[int, int], stopping: Stopping, seed: np.random.Generator, *, compression: bool
) -> tuple[Any, dict[int, Any], list[float]]:
    """Return core, factors and the errors on observed cells; a filling and a short fit in turns."""
    observed, weights = masked_parts(tensor, mask)
    norm_squared = sum_of_squares(observed)
    model: Any = observed.sum() / weights.sum()
    errors: list[float] = []
    short = Stopping(stopping.tol, 2)
    while len(errors) < stopping.n_iter_max and not stopping.met(errors):
        filled = observed + (1 - weights) * model
        core, factors, _ = _fit(filled, ranks, short, seed, compression=compression)
        model = multi_mode_dot(core, list(factors.values()), list(factors))
        errors.append(relative_error(sum_of_squares(observed - weights * model), norm_squared))
    return core, factors, errors


@dataclass
class Tucker(Estimator):
    """Tucker decomposition as an estimator; its parameters are those of `tucker`.

    After ``fit`` it has `core_`, `factors_`, `decomposition_` (both) and `errors_`.

    Examples
    --------
    >>> model = Tucker((1, 1)).fit(np.diag([3.0, 1.0]))
    >>> model.transform(np.diag([2.0, 5.0])).round(6)
    array([[2.]])
    """

    rank: Rank
    n_iter_max: int = 100
    tol: float = 1e-8
    compression: bool = True
    random_state: int | None = 0

    def fit(self, tensor: Any, y: Any = None, *, mask: Any = None) -> Self:
        """Decompose a tensor."""
        self.decomposition_, self.errors_ = tucker(tensor, **self.get_params(), mask=mask, return_errors=True)
        self.core_, self.factors_ = self.decomposition_
        return self

    def fit_transform(self, tensor: Any, y: Any = None, *, mask: Any = None) -> TuckerTensor:
        """Decompose a tensor, and return core and factors, as TensorLy's estimator does."""
        decomposition: TuckerTensor = self.fit(tensor, y, mask=mask).decomposition_
        return decomposition

    def transform(self, tensor: Any) -> Any:
        """Return the core of another tensor of the same sizes, with the factors as fitted.

        Raises
        ------
        UsageError
            It has other sizes.
        """
        return multi_mode_dot(as_tensor(tensor), self._fitted("factors_"), transpose=True)

    def reconstruct(self) -> Any:
        """Return the dense tensor that core and factors stand for."""
        return tucker_to_tensor(self._fitted("decomposition_"))
