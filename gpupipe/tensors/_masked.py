"""CP of a tensor of which only some cells are observed; objective and errors are those of the observed cells alone.

Two routes. Few components: each row of a factor by its own weighted normal equations, whose left sides are an MTTKRP of the mask with the
products of all pairs of columns. Many: an ordinary sweep over the tensor with missing cells filled by what the factors say (EM), which is
slower where little is observed but needs no pairs.

Source: Tomasi and Bro, Chemometrics and Intelligent Laboratory Systems 75 (2005), on both routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._als import Measure, Stopping, Sweeper, Update, normalized, relative_error, solve
from gpupipe.tensors._arrays import array_module, finite_sum_of_squares, sum_of_squares
from gpupipe.tensors._starts import leading_rows, random_rows
from gpupipe.tensors.khatri_rao import khatri_rao_rows
from gpupipe.tensors.mttkrp import DenseTree

MOST_WEIGHTED = 30  # components: above it, the pairs of columns cost more than EM's further sweeps
_START_SWEEPS = 10
_WEAK = 1e-8  # the ridge of a row with fewer observed cells than components, beside the mean of all rows


def masked_parts(tensor: Any, mask: Any) -> tuple[Any, Any]:
    """Return the tensor with zeros where it is not observed, and the mask as numbers of its dtype.

    Raises
    ------
    UsageError
        The mask has another shape, is not of truth values, or nothing is observed; or an observed value is not finite.
    """
    xp = array_module(tensor)
    if tuple(mask.shape) != tuple(tensor.shape):
        raise UsageError(f"The mask has shape {tuple(mask.shape)}, the tensor {tensor.shape}. Give one truth value for each cell.")
    observed = xp.asarray(mask)
    if observed.dtype.kind != "b":
        if not bool(((observed == 0) | (observed == 1)).all()):
            raise UsageError("A mask has True (1) where a cell is observed and False (0) where it is not, and nothing else.")
        observed = observed.astype(bool)
    if not bool(observed.any()):
        raise UsageError("The mask hides every cell: there is nothing to fit to.")
    filled = xp.where(observed, tensor, xp.zeros((), tensor.dtype))
    finite_sum_of_squares(filled, "The mask says that they are observed: make it False there.")
    return filled, observed.astype(tensor.dtype)


def fit_masked(
    observed: Any, weights: Any, rank: int, given: list[Any] | None, n_starts: int, stopping: Stopping, seed: np.random.Generator
) -> tuple[list[Any], list[float]]:
    """Return the factors as rows (1, R, I) and the relative error on the observed cells after each sweep."""
    norm_squared = sum_of_squares(observed)
    if norm_squared == 0:
        xp = array_module(observed)
        return [xp.zeros((1, rank, size)) for size in observed.shape], [0.0]
    starts = [given] if given is not None else _starts(observed, weights, rank, n_starts, seed)
    make = Weighted if rank <= MOST_WEIGHTED else Filled
    tried = []
    for rows in starts:
        fit = make(observed, weights, rows)
        tried.append((fit, [relative_error(fit.sweep(), norm_squared) for _ in range(_START_SWEEPS if len(starts) > 1 else 1)]))
    fit, errors = min(tried, key=lambda pair: pair[1][-1])
    while len(errors) < stopping.n_iter_max and not stopping.met(errors):
        errors.append(relative_error(fit.sweep(), norm_squared))
    return fit.rows, errors


def _starts(observed: Any, weights: Any, rank: int, n_starts: int, seed: np.random.Generator) -> list[list[Any]]:
    """Return starts: the leading directions of the tensor with the observed mean where it is not observed, and random ones."""
    xp = array_module(observed)
    mean = float(observed.sum(dtype=np.float64)) / float(weights.sum(dtype=np.float64))
    leading = leading_rows(observed + (1 - weights) * weights.dtype.type(mean), rank, seed)
    drawn = [random_rows(xp, observed.shape, rank, 1, seed) for _ in range(n_starts - 1)]
    return [[one[None] for one in leading], *drawn]


class Weighted:
    """Sweeps by weighted normal equations."""

    def __init__(self, observed: Any, weights: Any, rows: Sequence[Any]) -> None:
        xp = array_module(observed)
        rank = rows[0].shape[1]
        self.pairs = [xp.asarray(places) for places in np.triu_indices(rank)]
        self.place = xp.asarray(_places_of_pairs(rank))
        self.counts = [
            weights.sum(axis=tuple(n for n in range(weights.ndim) if n != mode), dtype=np.float64) for mode in range(weights.ndim)
        ]
        self.data = DenseTree(observed, rows)
        self.mask = DenseTree(weights, [self._paired(one) for one in rows])
        self.norm_squared = sum_of_squares(observed)

    @property
    def rows(self) -> list[Any]:
        """The factors."""
        return self.data.rows

    def _paired(self, rows: Any) -> Any:
        return rows[:, self.pairs[0]] * rows[:, self.pairs[1]]

    def sweep(self) -> float:
        """Bring each mode to its best on the observed cells, and return the squared distance there."""
        square = 0.0
        last = len(self.rows) - 1
        for mode in range(last + 1):
            found, left, right = self.best(mode)
            rows = found.T[None]
            self._replace(mode, rows if mode == last else normalized(rows))
            if mode == last:
                square = self._square(found, left, right)
        return square

    def best(self, mode: int) -> tuple[Any, Any, Any]:
        """Return a mode's best factor (I, R) with the others held, and both sides of its normal equations: (I, R, R) and (I, R)."""
        right = self.data.mttkrp(mode)[0].T
        left = self.mask.mttkrp(mode)[0].T[:, self.place]
        return self._solved(left, right, self.counts[mode]), left, right

    def _square(self, found: Any, left: Any, right: Any) -> float:
        """Return ``|X|^2 - 2 <X, Y> + |Y|^2`` over the observed cells; where rounding is all of it, the distance itself."""
        model = float((found[:, None, :] @ left @ found[:, :, None]).sum())
        square = self.norm_squared - 2 * float((found * right).sum()) + model
        step = float(np.finfo(self.data.tensor.dtype).eps)
        if square < 1e3 * step * self.norm_squared:
            square = masked_square(self.data.tensor, self.mask.tensor, self.rows)
        return max(square, 0.0)

    @staticmethod
    def _solved(left: Any, right: Any, counts: Any) -> Any:
        xp = array_module(left)
        n_columns = right.shape[1]
        sizes = xp.trace(left, axis1=-2, axis2=-1)
        weak = xp.where(counts < n_columns, _WEAK * float(sizes.mean()), 0.0)
        return solve(left + weak[:, None, None] * xp.eye(n_columns), right[:, :, None])[:, :, 0]

    def _replace(self, mode: int, rows: Any) -> None:
        self.data.set(mode, rows)
        self.mask.set(mode, self._paired(rows))


class Filled:
    """Sweeps over the tensor filled with what the factors say.

    Parameters
    ----------
    update
        How a mode is brought to its best; least squares without bounds by default.
    """

    def __init__(self, observed: Any, weights: Any, rows: Sequence[Any], update: Update | None = None) -> None:
        self.observed, self.weights, self.rows, self.update = observed, weights, list(rows), update

    def sweep(self) -> float:
        """Fill, sweep once, and return the squared distance on the observed cells."""
        filled = self.observed + (1 - self.weights) * _model(self.observed, self.rows)
        tree = DenseTree(filled, self.rows)
        sweeper = Sweeper(tree, Measure(1.0), self.update) if self.update else Sweeper(tree, Measure(1.0))
        sweeper.sweep()
        self.rows = tree.rows
        return masked_square(self.observed, self.weights, self.rows)


def _model(tensor: Any, rows: Sequence[Any]) -> Any:
    """Return what the factors stand for, in the dtype of the tensor."""
    return (rows[0][0].T.astype(tensor.dtype) @ khatri_rao_rows([one[0] for one in rows[1:]]).astype(tensor.dtype)).reshape(tensor.shape)


def masked_square(observed: Any, weights: Any, rows: Sequence[Any]) -> float:
    """Return the squared distance of the factors of a first start to the observed cells."""
    return sum_of_squares(observed - weights * _model(observed, rows))


def _places_of_pairs(rank: int) -> Any:
    """Return for each entry of a symmetric matrix its place among the pairs of the upper triangle."""
    places = np.zeros((rank, rank), np.int64)
    first, second = np.triu_indices(rank)
    places[first, second] = places[second, first] = np.arange(len(first))
    return places
