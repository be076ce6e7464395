"""A tensor in CP form: a sum of rank-one tensors, held as weights and one factor matrix for each mode."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, signs_of_largest, stable_argsort
from gpupipe.tensors.khatri_rao import khatri_rao_rows


class CPTensor(NamedTuple):
    """The weights (R,) and factors (I_n, R) of ``sum_r weights[r] * a_1r o ... o a_Nr``.

    It unpacks as TensorLy's does, and TensorLy's functions take it.
    """

    weights: Any
    factors: list[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the tensor that it stands for."""
        return tuple(factor.shape[0] for factor in self.factors)

    @property
    def rank(self) -> int:
        """The number of components."""
        return int(self.factors[0].shape[1])

    def to_tensor(self) -> Any:
        """Return the dense tensor."""
        return cp_to_tensor(self)


def cp_to_tensor(cp_tensor: tuple[Any, Sequence[Any]]) -> Any:
    """Return the dense tensor of weights and factors; weights that are None are ones.

    Raises
    ------
    UsageError
        The factors differ in their numbers of columns.

    Examples
    --------
    >>> import numpy as np
    >>> cp_to_tensor((np.array([2.0]), [np.array([[1.0], [3.0]]), np.array([[1.0], [5.0]])]))
    array([[ 2., 10.],
           [ 6., 30.]])
    """
    weights, factors = cp_tensor
    _require_factors(factors)
    shape = tuple(factor.shape[0] for factor in factors)
    if len(factors) == 1:
        return factors[0].sum(1) if weights is None else factors[0] @ weights
    left = max(range(1, len(shape)), key=lambda cut: -(prod(shape[:cut]) + prod(shape[cut:])))
    first = factors[0] if weights is None else factors[0] * weights
    xp = array_module(first)
    rows = [khatri_rao_rows([xp.ascontiguousarray(one.T) for one in part]) for part in ([first, *factors[1:left]], factors[left:])]
    return (rows[0].T @ rows[1]).reshape(shape)


def cp_norm(cp_tensor: tuple[Any, Sequence[Any]]) -> float:
    """Return the Frobenius norm of the tensor, from the factors alone.

    Examples
    --------
    >>> import numpy as np
    >>> cp_norm((None, [np.array([[3.0]]), np.array([[2.0]])]))
    6.0
    """
    weights, factors = cp_tensor
    _require_factors(factors)
    exact = [factor.astype(np.float64, copy=False) for factor in factors]
    gram = prod((factor.T @ factor for factor in exact[1:]), start=exact[0].T @ exact[0])
    if weights is not None:
        gram = gram * weights[:, None] * weights[None, :]
    return float(max(float(gram.sum()), 0.0) ** 0.5)


def cp_canonical(cp_tensor: tuple[Any, Sequence[Any]]) -> CPTensor:
    """Return the same tensor in the one form that runs and libraries agree on.

    Columns have norm 1 and weights fall; in every mode but the last the entry of largest absolute value (the first of equals) is positive,
    and the last mode takes the sign that remains. So weights are never negative. A component of zeros has weight 0 and keeps columns of
    zeros.

    Examples
    --------
    >>> import numpy as np
    >>> weights, factors = cp_canonical((np.array([1.0]), [np.array([[-3.0], [0.0]]), np.array([[0.0], [2.0]])]))
    >>> weights.tolist(), factors[0].T.tolist(), factors[1].T.tolist()
    ([6.0], [[1.0, 0.0]], [[0.0, -1.0]])
    """
    weights, factors = cp_tensor
    _require_factors(factors)
    xp, dtype = array_module(factors[0]), factors[0].dtype
    rows = [factor.T.astype(np.float64) for factor in factors]
    scale = xp.ones(rows[0].shape[0]) if weights is None else weights.astype(np.float64)
    sign = xp.where(scale < 0, -1.0, 1.0)
    scale = xp.abs(scale)
    for mode, row in enumerate(rows):
        norms = xp.sqrt((row**2).sum(1))
        scale = scale * norms
        turn = signs_of_largest(row) if mode < len(rows) - 1 else sign
        sign = sign * turn
        rows[mode] = row * (turn / xp.where(norms == 0, 1.0, norms))[:, None] + 0.0  # no zero is negative
    order = stable_argsort(-scale)
    return CPTensor(scale[order].astype(dtype), [xp.ascontiguousarray(row[order].T.astype(dtype)) for row in rows])


def _require_factors(factors: Sequence[Any]) -> None:
    if not factors or any(factor.ndim != 2 or factor.shape[1] != factors[0].shape[1] for factor in factors):
        raise UsageError(
            f"A CP tensor's factors are matrices with equal numbers of columns, got shapes {[tuple(one.shape) for one in factors]}."
        )
