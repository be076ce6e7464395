"""A linear layer whose weight is of Tucker form over the modes of input and output."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor, nn

import gpupipe.tensors as gt
from gpupipe.deep.layers._linear import FactorizedLinear, array_of, bias_of, copied_bias, held, like_of, scaled
from gpupipe.deep.layers._modes import BATCH, Modes, chosen_modes
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

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rank: Rank = 0.1,
        *,
        in_modes: Sequence[int] | None = None,
        out_modes: Sequence[int] | None = None,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(in_features, out_features)

        def products(ins: Modes, outs: Modes) -> int:
            return tucker_work(BATCH, ins, outs, gt.validate_tucker_rank((*ins, *outs), rank))[0].cost

        self.in_modes, self.out_modes = chosen_modes(in_features, out_features, in_modes, out_modes, products)
        modes = (*self.in_modes, *self.out_modes)
        self.rank = gt.validate_tucker_rank(modes, rank)
        like = {"device": device, "dtype": dtype}
        variance = (1 / (3 * in_features * prod(self.rank))) ** (1 / (len(modes) + 1))
        self.core = scaled(self.rank, variance, like)
        self.factors = nn.ParameterList(scaled((size, one), variance, like) for size, one in zip(modes, self.rank, strict=True))
        self.bias = bias_of(out_features, in_features, like) if bias else None

    @classmethod
    def from_linear(
        cls, linear: nn.Linear, rank: Rank = 0.1, *, in_modes: Sequence[int] | None = None, out_modes: Sequence[int] | None = None
    ) -> TuckerLinear:
        """Return the layer nearest to a trained dense one by Tucker decomposition of its weight.

        Examples
        --------
        >>> import torch
        >>> dense = nn.Linear(6, 4)
        >>> layer = TuckerLinear.from_linear(dense, (2, 3, 2, 2), in_modes=(2, 3), out_modes=(2, 2))
        >>> bool(torch.allclose(layer.dense_weight(), dense.weight, atol=1e-6))
        True
        """
        made = cls(linear.in_features, linear.out_features, rank, in_modes=in_modes, out_modes=out_modes, **like_of(linear))
        made.take(linear)
        return made

    def take(self, linear: nn.Linear) -> None:
        """Take core and factors from the decomposition of a dense layer's weight, and its bias."""
        core, factors = gt.tucker(array_of(linear.weight.T).reshape(*self.in_modes, *self.out_modes), self.rank)
        held(self.core, core)
        for factor, found in zip(self.factors, factors, strict=True):
            held(factor, found)
        copied_bias(self, linear)

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
