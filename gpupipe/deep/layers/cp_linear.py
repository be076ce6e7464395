"""A linear layer whose weight is a sum of few rank-one tensors over the modes of input and output (CP)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn

import gpupipe.tensors as gt
from gpupipe.deep.layers._linear import FactorizedLinear, array_of, bias_of, copied_bias, held, like_of, scaled
from gpupipe.deep.layers._modes import BATCH, Modes, chosen_modes
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
            return _work(BATCH, in_features, out_features, gt.validate_cp_rank((*ins, *outs), rank))[0].cost

        self.in_modes, self.out_modes = chosen_modes(in_features, out_features, in_modes, out_modes, products)
        modes = (*self.in_modes, *self.out_modes)
        self.rank = gt.validate_cp_rank(modes, rank)
        like = {"device": device, "dtype": dtype}
        variance = (1 / (3 * in_features * self.rank)) ** (1 / len(modes))
        self.factors = nn.ParameterList(scaled((size, self.rank), variance, like) for size in modes)
        self.bias = bias_of(out_features, in_features, like) if bias else None

    @classmethod
    def from_linear(
        cls, linear: nn.Linear, rank: Rank = 0.1, *, in_modes: Sequence[int] | None = None, out_modes: Sequence[int] | None = None
    ) -> CPLinear:
        """Return the layer nearest to a trained dense one by CP decomposition of its weight.

        Examples
        --------
        >>> import torch
        >>> dense = nn.Linear(6, 4)
        >>> layer = CPLinear.from_linear(dense, 4, in_modes=(6,), out_modes=(4,))
        >>> bool(torch.allclose(layer.dense_weight(), dense.weight, atol=1e-4))
        True
        """
        made = cls(linear.in_features, linear.out_features, rank, in_modes=in_modes, out_modes=out_modes, **like_of(linear))
        weights, factors = gt.parafac(array_of(linear.weight.T).reshape(*made.in_modes, *made.out_modes), made.rank)
        for place, (factor, found) in enumerate(zip(made.factors, factors, strict=True)):
            held(factor, found if place else found * weights)
        copied_bias(made, linear)
        return made

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
