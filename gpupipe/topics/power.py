"""Decomposition of a symmetric tensor of order 3 into orthogonal components: the robust power method, and sweeps that polish all at once.

Source: Anandkumar, Ge, Hsu, Kakade, Telgarsky, JMLR 15 (2014), algorithm 1; orthogonalised alternating least squares: Sharan, Valiant,
ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, normals

N_STARTS, N_ITERATIONS, N_LAST_ITERATIONS = 30, 30, 20
MOST_SWEEPS, LEAST_CHANGE = 200, 1e-11  # of the vectors, all at once
LEAST_VALUE, AT_REST, MOST_OVERLAP = 0.5, 1e-3, 0.3  # of a vector that is kept beside the one of largest value


@dataclass(frozen=True, eq=False)
class PowerResult:
    """Components of a symmetric tensor, T = sum of weights times vectors' outer cubes.

    Parameters
    ----------
    weights
        [n_components], never negative, from large to small.
    vectors
        [size, n_components], orthonormal.
    residual
        The norm of what is left over the tensor's.
    """

    weights: Any
    vectors: Any
    residual: float


def power_method(tensor: Any, random_state: int | None = 0) -> PowerResult:
    """Return the orthogonal components of a symmetric tensor, as many as its size.

    Random starts are iterated together. Of those that have come to rest, all that are far from one another are kept and taken off the
    tensor before the next round, which is as good as one a round and takes a round for many components.

    Parameters
    ----------
    tensor
        [size, size, size].
    random_state
        The seed of the starts.

    Raises
    ------
    UsageError
        The tensor is no cube.

    Examples
    --------
    >>> turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    >>> tensor = np.einsum("r,ir,jr,kr->ijk", [1.0, 3.0, 2.0], turn, turn, turn)
    >>> power_method(tensor).weights.round(9)
    array([3., 2., 1.])
    """
    size = len(tensor)
    if size == 0 or tensor.shape != (size, size, size):
        msg = f"Expected a tensor of three equal sizes, got shape {tuple(tensor.shape)}."
        raise UsageError(msg)
    xp, seed = array_module(tensor), np.random.default_rng(random_state)
    left, found = tensor, xp.zeros((size, 0))
    while found.shape[1] < size:
        vectors = come_to_rest(left, normals(xp, seed, (size, N_STARTS)), size - found.shape[1])
        left = left - ((vectors * _values(left, vectors)) @ _squares(vectors).T).reshape(tensor.shape)
        found = xp.concatenate([found, vectors], axis=1)
    return polished(tensor, found)


def polished(tensor: Any, vectors: Any) -> PowerResult:
    """Return the components that a few sweeps over all vectors at once lead to; deflation's error does not add up in them."""
    xp = array_module(tensor)
    for _ in range(MOST_SWEEPS):
        before = vectors
        vectors = _orthogonal(_applied(tensor, vectors))
        if float(xp.abs(vectors - before).max()) < LEAST_CHANGE:
            break
    weights = _values(tensor, vectors)
    vectors = vectors * xp.where(weights < 0, -1.0, 1.0)  # -v with -w is the same component
    order = xp.argsort(-xp.abs(weights))
    weights, vectors = xp.abs(weights)[order], vectors[:, order]
    left = tensor.reshape(len(tensor), -1) - (vectors * weights) @ _squares(vectors).T
    norm = float(xp.linalg.norm(tensor.reshape(-1)))
    return PowerResult(weights, vectors, float(xp.linalg.norm(left.reshape(-1))) / norm if norm else 0.0)


def come_to_rest(tensor: Any, tried: Any, n_most: int) -> Any:
    """Return the vectors, [size, 1 or more], that iterations lead to: the one of largest value, and others far from it and one another."""
    xp = array_module(tensor)
    tried = before = _normalised(tried)
    for _ in range(N_ITERATIONS):
        before, tried = tried, _normalised(_applied(tensor, tried))
    values = _values(tensor, tried)
    is_good = (values >= LEAST_VALUE * values.max()) & (xp.linalg.norm(tried - before, axis=0) < AT_REST)
    overlaps = xp.abs(tried.T @ tried)
    is_good, overlaps, order = (one if xp is np else one.get() for one in (is_good, overlaps, xp.argsort(-values)))
    kept = [int(order[0])]
    for place in order[1:]:
        if len(kept) < n_most and is_good[place] and overlaps[place, kept].max() < MOST_OVERLAP:
            kept.append(int(place))
    vectors = tried[:, kept]
    for _ in range(N_LAST_ITERATIONS):
        vectors = _normalised(_applied(tensor, vectors))
    return vectors


def _applied(tensor: Any, vectors: Any) -> Any:
    """Return T(I, v, v) of each column."""
    return tensor.reshape(len(tensor), -1) @ _squares(vectors)


def _squares(vectors: Any) -> Any:
    """Return the outer square of each column, flat."""
    return (vectors[:, None, :] * vectors[None, :, :]).reshape(len(vectors) ** 2, -1)


def _values(tensor: Any, vectors: Any) -> Any:
    """Return T(v, v, v) of each column."""
    return (vectors * _applied(tensor, vectors)).sum(axis=0)


def _normalised(vectors: Any) -> Any:
    xp = array_module(vectors)
    norms = xp.linalg.norm(vectors, axis=0)
    return vectors / xp.where(norms == 0, 1.0, norms)


def _orthogonal(vectors: Any) -> Any:
    """Return the orthonormal columns nearest to these: the polar factor."""
    left, _, right = array_module(vectors).linalg.svd(vectors, full_matrices=False)
    return left @ right
