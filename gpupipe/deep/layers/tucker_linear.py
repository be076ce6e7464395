"""A linear layer whose weight is of Tucker form over the modes of input and output."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from torch import Tensor, nn

import gpupipe.tensors as gt
from gpupipe.deep.layers._linear import FactorizedLinear, held, scaled
from gpupipe.deep.layers._modes import BATCH, Modes
from gpupipe.deep.layers._tucker import along, groups_of, kronecker, order_of, tucker_work
from gpupipe.deep.layers._work import Work
from gpupipe.tensors.rank import Rank


class TuckerLinear(FactorizedLinear):
    """A linear layer of a core and a factor for each mode: the weight, a tensor (m_1..m_N, n_1..n_M), is [[core; factors]].

    Parameters
    ----------
    in_features, out_features, bias, device, dtype
        As those of `torch.nn.Linear`.
    rank
        One number for all modes, one for each (those of the input first), or a share of the dense parameters:
        `gpupipe.tensors.validate_tucker_rank`.
    in_modes, out_modes
        The m_k and the n_k; by default two of each that make the product cheaper than the dense one.

    Raises
    ------
    UsageError
        Modes do not multiply to their size, or the rank is none.

    Notes
    -----
    There are prod(R_k) + sum(R_k d_k) parameters and the bias. Core and factors are uniform, of one variance, with which the weight has
    the variance that `torch.nn.Linear` draws.

    Examples
    --------
    >>> layer = TuckerLinear(64, 64, rank=4, in_modes=(8, 8), out_modes=(8, 8), bias=False)
    >>> tuple(layer.core.shape), [tuple(factor.shape) for factor in layer.factors][:2], layer.space_saving
    ((4, 4, 4, 4), [(8, 4), (8, 4)], 0.90625)
    """

    def cost(self, in_modes: Modes, out_modes: Modes, rank: Rank) -> int:
        """Return the work of a batch of `BATCH` rows by factors over these modes."""
        return tucker_work(BATCH, in_modes, out_modes, gt.validate_tucker_rank((*in_modes, *out_modes), rank))[0].cost

    def draw(self, rank: Rank, like: dict[str, Any]) -> None:
        """Settle the ranks, and draw core and factors."""
        modes = (*self.in_modes, *self.out_modes)
        self.rank = gt.validate_tucker_rank(modes, rank)
        variance = (1 / (3 * self.in_features * prod(self.rank))) ** (1 / (len(modes) + 1))
        self.core = scaled(self.rank, variance, like)
        self.factors = nn.ParameterList(scaled((size, one), variance, like) for size, one in zip(modes, self.rank, strict=True))

    def take_weight(self, weight: np.ndarray) -> None:
        """Take core and factors from the decomposition of a dense weight."""
        core, factors = gt.tucker(weight.T.reshape(*self.in_modes, *self.out_modes), self.rank)
        held(self.core, core)
        for factor, found in zip(self.factors, factors, strict=True):
            held(factor, found)

    def _matrices(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return the matrices of the input's groups of modes, and of the output's."""
        n, factors = len(self.in_modes), list(self.factors)
        left, right = groups_of(self.rank[:n]), groups_of(self.rank[n:])
        return [kronecker([factors[mode] for mode in group]) for group in left], [
            kronecker([factors[n + mode] for mode in group]) for group in right
        ]

    def dense_weight(self) -> Tensor:
        """Return the dense weight that core and factors stand for, (out_features, in_features)."""
        left, right = self._matrices()
        made = _spread(self.core[None], [*left, *right])
        return made.reshape(self.in_features, self.out_features).T

    def by_factors(self, rows: Tensor) -> Tensor:
        """Return the product with the input's factors, the core, and the output's factors."""
        left, right = self._matrices()
        state = rows.reshape(-1, *(matrix.shape[0] for matrix in left))
        for mode in order_of(*zip(*(matrix.shape for matrix in left), strict=True)):
            state = along(state, left[mode], mode + 1)
        rank = prod(matrix.shape[1] for matrix in left)
        return _spread(state.reshape(-1, rank) @ self.core.reshape(rank, -1), right).reshape(-1, self.out_features)

    def work(self, n_rows: int) -> tuple[Work, Work]:
        """Return the work of `n_rows` rows by factors, and that of making the dense weight."""
        return tucker_work(n_rows, self.in_modes, self.out_modes, self.rank)


def _spread(core: Tensor, matrices: list[Tensor]) -> Tensor:
    """Return tensors (n, ranks...) brought to their sizes by matrices (size, rank), the smallest growth first."""
    sizes, ranks = zip(*(matrix.shape for matrix in matrices), strict=True)
    state = core.reshape(-1, *ranks)
    for mode in reversed(order_of(sizes, ranks)):
        state = along(state, matrices[mode].T, mode + 1)
    return state
