"""How many components a tensor has: the error and the core consistency of CP decompositions of several ranks.

Source: Bro and Kiers, "A new efficient method for determining the number of components in PARAFAC models", Journal of Chemometrics 17
(2003).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares
from gpupipe.tensors.cp import parafac
from gpupipe.tensors.mode_dot import multi_mode_dot


def core_consistency(tensor: Any, cp_tensor: tuple[Any, Sequence[Any]]) -> float:
    """Return how nearly a tensor's best core for the factors of a CP decomposition is the diagonal one: 100 is perfect, it can be below 0.

    Near 100 the components are trilinear; a steep fall from one rank to the next says that the last component was one too many.

    Raises
    ------
    UsageError
        The factors do not fit the tensor, or the values are not finite numbers.

    Examples
    --------
    >>> tensor = np.multiply.outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> round(core_consistency(tensor, parafac(tensor, 1)), 6)
    100.0
    """
    tensor = as_tensor(tensor)
    finite_sum_of_squares(tensor)
    xp = array_module(tensor)
    weights, factors = cp_tensor
    if tuple(factor.shape[0] for factor in factors) != tensor.shape:
        raise UsageError(f"Factors of shapes {[tuple(one.shape) for one in factors]} do not fit a tensor of shape {tensor.shape}.")
    rank = factors[0].shape[1]
    inverses = [xp.linalg.pinv(factor.astype(np.float64)) for factor in factors]
    if weights is not None:
        exact = weights.astype(np.float64)
        inverses[0] = inverses[0] * xp.where(exact == 0, 0.0, 1 / xp.where(exact == 0, 1.0, exact))[:, None]
    core = multi_mode_dot(tensor, [inverse.astype(tensor.dtype) for inverse in inverses]).astype(np.float64)
    places = xp.arange(rank)
    core[(places,) * tensor.ndim] -= 1.0
    return float(100.0 * (1.0 - float((core**2).sum()) / rank))


class RankPoint(NamedTuple):
    """What a CP decomposition of one rank comes to; `core_consistency` is None with a mask, where a core is not defined by all cells."""

    rank: int
    error: float
    core_consistency: float | None


def rank_curve(tensor: Any, ranks: Iterable[int], *, mask: Any = None, **options: Any) -> list[RankPoint]:
    """Return the relative error and the core consistency of CP decompositions, one for each rank.

    Parameters
    ----------
    ranks
        For instance ``range(1, 6)``.
    mask, options
        As `parafac` takes them.

    Raises
    ------
    UsageError
        As of `parafac`; or there is no rank.

    Examples
    --------
    >>> curve = rank_curve(np.diag([2.0, 1.0]), range(1, 3))
    >>> [(point.rank, round(point.error, 6)) for point in curve]
    [(1, 0.447214), (2, 0.0)]
    """
    found = []
    for rank in ranks:
        decomposition, errors = parafac(tensor, rank, mask=mask, return_errors=True, **options)
        consistency = core_consistency(tensor, decomposition) if mask is None else None
        found.append(RankPoint(rank, errors[-1], consistency))
    if not found:
        raise UsageError("rank_curve expected at least one rank, such as range(1, 6).")
    return found
