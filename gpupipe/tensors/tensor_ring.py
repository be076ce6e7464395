"""Tensor rings: a chain of cores of order 3 whose ends meet, by truncated SVDs.

Source: Zhao, Zhou, Xie, Zhang, Cichocki, "Tensor Ring Decomposition", arXiv 1606.05535 (2016), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from gpupipe.core.errors import UsageError
from gpupipe.tensors._als import relative_error
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares, require_mode
from gpupipe.tensors._estimator import Estimator
from gpupipe.tensors._residual import squared_distance
from gpupipe.tensors.rank import Rank, validate_tr_rank
from gpupipe.tensors.tensor_train import leading_split
from gpupipe.tensors.tt_tensor import TTTensor, tr_to_tensor


def tensor_ring(tensor: Any, rank: Rank, *, mode: int = 0, return_errors: bool = False) -> Any:
    """Return the cores of a tensor ring, (r_k, I_k, r_{k+1}), the last rank equal to the first.

    Parameters
    ----------
    tensor
        Of order 2 or more. float32 stays float32, everything else is computed in float64.
    rank
        One number for all, all N + 1, or the share of parameters to keep; see `validate_tr_rank`. A rank that an unfolding cannot give is
        made smaller, but for the two of the first core.
    mode
        The one whose core is computed first.
    return_errors
        Return a list with the relative error, too.

    Raises
    ------
    UsageError
        The tensor has NaN or infinite values, an empty dimension or order 1; a rank is below 1; the first core's two ranks multiply to more
        than its unfolding has.

    Examples
    --------
    >>> import numpy as np
    >>> tensor_ring(np.ones((4, 3, 4)), (1, 2, 2, 1)).shape
    (4, 3, 4)
    """
    tensor = as_tensor(tensor)
    xp, mode = array_module(tensor), require_mode(tensor, mode)
    ranks = validate_tr_rank(tensor.shape, rank)
    norm_squared = finite_sum_of_squares(tensor)
    turn = [*range(mode, tensor.ndim), *range(mode)]
    ranks = tuple(ranks[place] for place in turn)
    cores = _cores(xp.ascontiguousarray(tensor.transpose(turn)), (*ranks, ranks[0]), mode)
    found = TTTensor(cores[tensor.ndim - mode :] + cores[: tensor.ndim - mode])
    if not return_errors:
        return found
    return found, [relative_error(squared_distance(tensor, lambda slab: tr_to_tensor([found[0][:, slab], *found[1:]])), norm_squared)]


def _cores(tensor: Any, ranks: Sequence[int], mode: int) -> list[Any]:
    xp = array_module(tensor)
    shape, (first, second) = tensor.shape, ranks[:2]
    matrix = tensor.reshape(shape[0], -1)
    if first * second > min(matrix.shape):
        raise UsageError(
            f"The ring's first core, of mode {mode}, has ranks {first} and {second}, which multiply to {first * second}; its unfolding of "
            f"shape {matrix.shape} has {min(matrix.shape)} at most. Lower these two ranks, or begin with a larger mode."
        )
    basis, rest = leading_split(matrix, first * second)
    cores = [xp.ascontiguousarray(basis.reshape(shape[0], first, second).transpose(1, 0, 2))]
    # the rank that closes the ring goes to the end, where it stays to the last core
    rest = rest.reshape(first, second, -1).transpose(1, 2, 0)
    left = second
    for place in range(1, len(shape) - 1):
        basis, rest = leading_split(xp.ascontiguousarray(rest).reshape(left * shape[place], -1), ranks[place + 1])
        cores.append(basis.reshape(left, shape[place], -1))
        left = basis.shape[1]
    return [*cores, xp.ascontiguousarray(rest).reshape(left, shape[-1], first)]


@dataclass
class TensorRing(Estimator):
    """Tensor ring decomposition as an estimator; its parameters are those of `tensor_ring`.

    After ``fit`` it has `cores_` (also as `decomposition_`), `rank_` and `errors_`.

    Examples
    --------
    >>> import numpy as np
    >>> TensorRing(1).fit(np.ones((2, 3, 4))).rank_
    (1, 1, 1, 1)
    """

    rank: Rank
    mode: int = 0

    def fit(self, tensor: Any, y: Any = None) -> Self:
        """Decompose a tensor."""
        self.decomposition_, self.errors_ = tensor_ring(tensor, **self.get_params(), return_errors=True)
        self.cores_, self.rank_ = self.decomposition_, self.decomposition_.rank
        return self

    def fit_transform(self, tensor: Any, y: Any = None) -> TTTensor:
        """Decompose a tensor, and return the cores, as TensorLy's estimator does."""
        decomposition: TTTensor = self.fit(tensor, y).decomposition_
        return decomposition

    def reconstruct(self) -> Any:
        """Return the dense tensor that the cores stand for."""
        return tr_to_tensor(self._fitted("decomposition_"))
