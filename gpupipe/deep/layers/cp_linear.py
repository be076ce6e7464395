"""A linear layer whose weight is a sum of few rank-one tensors over the modes of input and output (CP)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import Tensor, nn

import gpupipe.tensors as gt
from gpupipe.deep.layers._linear import FactorizedLinear, held, scaled
from gpupipe.deep.layers._modes import BATCH, Modes
from gpupipe.deep.layers._work import Work
from gpupipe.tensors.rank import Rank


class CPLinear(FactorizedLinear):
    """A linear layer of a factor (size, R) for each mode of the weight, a tensor (m_1..m_N, n_1..n_M).

    Parameters
    ----------
    in_features, out_features, bias, device, dtype
        As those of `torch.nn.Linear`.
    rank
        The number R of components, or a share of the dense parameters: `gpupipe.tensors.validate_cp_rank`.
    in_modes, out_modes
        The m_k and the n_k; by default two of each that make the product cheaper than the dense one.

    Raises
    ------
    UsageError
        Modes do not multiply to their size, or the rank is none.

    Notes
    -----
    There are R sum(d_k) parameters and the bias. A product takes 2 n R (in + out) operations, so R components above half of what input or
    output has cost more than the dense layer, however few parameters they are: many small modes at a large share do. The default modes
    are chosen so that this does not happen. All factors have one variance, with which the weight has the variance that
    `torch.nn.Linear` draws.

    Examples
    --------
    >>> import torch
    >>> layer = CPLinear(64, 64, rank=6, in_modes=(8, 8), out_modes=(8, 8), bias=False)
    >>> layer(torch.ones(5, 64)).shape, sum(part.numel() for part in layer.parameters()), round(layer.space_saving, 3)
    (torch.Size([5, 64]), 192, 0.953)
    """

    def cost(self, in_modes: Modes, out_modes: Modes, rank: Rank) -> int:
        """Return the work of a batch of `BATCH` rows by factors over these modes."""
        return _work(BATCH, self.in_features, self.out_features, gt.validate_cp_rank((*in_modes, *out_modes), rank))[0].cost

    def draw(self, rank: Rank, like: dict[str, Any]) -> None:
        """Settle the rank, and draw the factors."""
        modes = (*self.in_modes, *self.out_modes)
        self.rank = gt.validate_cp_rank(modes, rank)
        variance = (1 / (3 * self.in_features * self.rank)) ** (1 / len(modes))
        self.factors = nn.ParameterList(scaled((size, self.rank), variance, like) for size in modes)

    def take_weight(self, weight: np.ndarray) -> None:
        """Take the factors from the decomposition of a dense weight."""
        weights, factors = gt.parafac(weight.T.reshape(*self.in_modes, *self.out_modes), self.rank)
        for place, (factor, found) in enumerate(zip(self.factors, factors, strict=True)):
            held(factor, found if place else found * weights)

    def _sides(self) -> tuple[Tensor, Tensor]:
        """Return the Khatri-Rao products of the input's factors, (in_features, R), and of the output's."""
        n = len(self.in_modes)
        return _khatri_rao(list(self.factors)[:n]), _khatri_rao(list(self.factors)[n:])

    def dense_weight(self) -> Tensor:
        """Return the dense weight that the factors stand for, (out_features, in_features)."""
        left, right = self._sides()
        return right @ left.T

    def by_factors(self, rows: Tensor) -> Tensor:
        """Return the product with the input's factors, then with the output's."""
        left, right = self._sides()
        return (rows @ left) @ right.T

    def work(self, n_rows: int) -> tuple[Work, Work]:
        """Return the work of `n_rows` rows by factors, and that of making the dense weight."""
        return _work(n_rows, self.in_features, self.out_features, self.rank)


def _khatri_rao(factors: Iterable[Tensor]) -> Tensor:
    """Return the column-wise Kronecker product, the rows of the first factor slowest."""
    first, *others = factors
    for factor in others:
        first = (first[:, None] * factor[None]).reshape(-1, factor.shape[1])
    return first


def _work(n_rows: int, in_features: int, out_features: int, rank: int) -> tuple[Work, Work]:
    """Return the work by factors, and that of making the dense weight."""
    sides = Work(rank * (in_features + out_features), 0, 2)
    return sides + Work(n_rows * rank * (in_features + out_features), 0, 2), sides + Work(rank * in_features * out_features, 0, 1)
