"""Tensor trains: a tensor as a chain of cores of order 3, by truncated decompositions from left to right.

Source: Oseledets, SIAM J. Sci. Comput. 33 (2011), algorithm 1; Halko, Martinsson, Tropp (2011) for the range finder that stands in for an
SVD of a large unfolding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares, signs_of_largest, sum_of_squares
from gpupipe.tensors._compress import range_finder
from gpupipe.tensors._estimator import Estimator
from gpupipe.tensors._residual import checked_error
from gpupipe.tensors.rank import Rank, validate_tt_rank
from gpupipe.tensors.tt_tensor import TTTensor, tt_to_tensor

_OVERSAMPLING = 10
_POWER = 2
_SKETCHED = 20  # an unfolding is sketched where its smaller side is more than so many times the rank and the oversampling


def tensor_train(
    tensor: Any,
    rank: Rank | None = None,
    *,
    eps: float | None = None,
    svd: str = "randomized_svd",
    random_state: int | None = 0,
    return_errors: bool = False,
) -> Any:
    """Return the cores of a tensor train, by ranks or by the error that is allowed; all but the last are left-orthogonal.

    Parameters
    ----------
    tensor
        Of order 2 or more. float32 stays float32, everything else is computed in float64.
    rank
        One number for all inner ranks, all N + 1, or the share of parameters to keep; see `validate_tt_rank`.
    eps
        The relative error that is allowed, instead of ranks: each becomes as small as that guarantees.
    svd
        ``"randomized_svd"``: large unfoldings are sketched where ranks are given. ``"truncated_svd"``: none is.
    random_state
        The seed of the sketch; the same one gives the same bits. None draws one.
    return_errors
        Return a list with the relative error, too.

    Raises
    ------
    UsageError
        The tensor has NaN or infinite values, an empty dimension or order 1; a rank is below 1; both rank and eps are given, or neither.

    Examples
    --------
    >>> train = tensor_train(np.ones((2, 3, 4)), eps=1e-6)
    >>> train.rank, bool(np.allclose(train.to_tensor(), 1))
    ((1, 1, 1, 1), True)
    """
    tensor = as_tensor(tensor)
    if (rank is None) == (eps is None):
        raise UsageError("tensor_train expected either rank or eps, the ranks or the relative error that is allowed.")
    if eps is not None and not 0 <= eps < 1:
        raise UsageError(f"eps is a relative error from 0 up to 1, got {eps}.")
    if svd not in ("randomized_svd", "truncated_svd"):
        raise UsageError(f"svd is {svd!r}; expected 'randomized_svd' or 'truncated_svd'.")
    ranks = None if rank is None else validate_tt_rank(tensor.shape, rank)
    norm_squared = finite_sum_of_squares(tensor)
    seed = np.random.default_rng(random_state)
    budget = 0.0 if eps is None else eps**2 / (tensor.ndim - 1) * norm_squared  # of each truncation, squared
    cores: list[Any] = []
    rest, left = tensor, 1
    for mode in range(tensor.ndim - 1):
        size = tensor.shape[mode]
        matrix = rest.reshape(left * size, -1)
        if ranks is not None:
            basis, rest = _by_rank(matrix, ranks[mode + 1], seed, sketched=svd == "randomized_svd")
        else:
            basis, rest = _by_budget(matrix, budget, _fine_enough(tensor.dtype, eps or 0.0))
        cores.append(basis.reshape(left, size, -1))
        left = basis.shape[1]
    cores.append(rest.reshape(left, tensor.shape[-1], 1))
    found = TTTensor(cores)
    if not return_errors:
        return found
    lost = max(norm_squared - sum_of_squares(rest), 0.0)
    return found, [checked_error(tensor, norm_squared, lost, lambda slab: tt_to_tensor([cores[0][:, slab], *cores[1:]]))]


def _fine_enough(dtype: Any, eps: float) -> bool:
    """Whether eigenvalues of a Gram matrix show singular values as small as the allowed error; they end at the root of rounding."""
    return eps >= (1e-3 if dtype == np.float32 else 1e-6)


def _by_rank(matrix: Any, rank: int, seed: np.random.Generator, *, sketched: bool) -> tuple[Any, Any]:
    """Return leading left singular vectors and the matrix in terms of them, by a sketch where the matrix is large and that is wanted."""
    width = rank + _OVERSAMPLING
    if sketched and min(matrix.shape) > _SKETCHED * width:
        basis, seen = range_finder(matrix, 0, width, seed, power=_POWER)
        inner, rest = leading_split(seen, rank)
        return _turned(basis @ inner, rest)
    return leading_split(matrix, rank)


def leading_split(matrix: Any, rank: int) -> tuple[Any, Any]:
    """Return leading left singular vectors, and the matrix in terms of them."""
    values, vectors = _gram_vectors(matrix)
    if values[rank:].sum() < sqrt(float(np.finfo(matrix.dtype).eps)) * values.sum():
        basis = _svd_vectors(matrix)[1][:, :rank]  # so little is left out that a Gram matrix's rounding would show
    else:
        basis = _on_the_left(matrix, vectors[:, :rank])
    return _turned(basis, basis.T @ matrix)


def _by_budget(matrix: Any, budget: float, by_gram: bool) -> tuple[Any, Any]:
    """Return as few leading left singular vectors as leave at most `budget` of the squared norm, and the matrix in terms of them."""
    values, vectors = _gram_vectors(matrix) if by_gram else _svd_vectors(matrix)
    tails = np.cumsum(values[::-1])[::-1]  # of dropping value k and all after it
    rank = max(1, int((tails > budget).sum()))
    basis = _on_the_left(matrix, vectors[:, :rank]) if by_gram else vectors[:, :rank]
    return _turned(basis, basis.T @ matrix)


def _gram_vectors(matrix: Any) -> tuple[Any, Any]:
    """Return the squared singular values, on the host and the largest first, and the singular vectors of the matrix's shorter side."""
    xp = array_module(matrix)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    values, vectors = xp.linalg.eigh(gram.astype(np.float64))
    return np.asarray(values[::-1].clip(0.0, None).tolist()), vectors[:, ::-1].astype(matrix.dtype)


def _on_the_left(matrix: Any, vectors: Any) -> Any:
    """Return left singular vectors, given those of the shorter side."""
    if matrix.shape[0] <= matrix.shape[1]:
        return vectors
    return array_module(matrix).linalg.qr(matrix @ vectors)[0]


def _svd_vectors(matrix: Any) -> tuple[Any, Any]:
    """Return the squared singular values, on the host and the largest first, and left singular vectors."""
    xp = array_module(matrix)
    if matrix.shape[1] > 2 * matrix.shape[0]:
        matrix = xp.linalg.qr(matrix.T, mode="r").T
    vectors, values, _ = xp.linalg.svd(matrix, full_matrices=False)
    return np.asarray(values.tolist()) ** 2, vectors


def _turned(basis: Any, rest: Any) -> tuple[Any, Any]:
    """Return the basis with each column's entry of largest absolute value positive, and the rest to match."""
    signs = signs_of_largest(basis.T)
    return basis * signs, rest * signs[:, None]


@dataclass
class TensorTrain(Estimator):
    """Tensor train decomposition as an estimator; its parameters are those of `tensor_train`.

    After ``fit`` it has `cores_` (also as `decomposition_`), `rank_` and `errors_`.

    Examples
    --------
    >>> TensorTrain(1).fit(np.ones((2, 3, 4))).rank_
    (1, 1, 1, 1)
    """

    rank: Rank | None = None
    eps: float | None = None
    svd: str = "randomized_svd"
    random_state: int | None = 0

    def fit(self, tensor: Any, y: Any = None) -> Self:
        """Decompose a tensor."""
        self.decomposition_, self.errors_ = tensor_train(tensor, **self.get_params(), return_errors=True)
        self.cores_, self.rank_ = self.decomposition_, self.decomposition_.rank
        return self

    def fit_transform(self, tensor: Any, y: Any = None) -> TTTensor:
        """Decompose a tensor, and return the cores, as TensorLy's estimator does."""
        decomposition: TTTensor = self.fit(tensor, y).decomposition_
        return decomposition

    def reconstruct(self) -> Any:
        """Return the dense tensor that the cores stand for."""
        return tt_to_tensor(self._fitted("decomposition_"))
