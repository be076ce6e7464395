"""A convolution whose weight is a sum of few rank-one tensors: Lebedev et al., arXiv 1412.6553."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

import gpupipe.tensors as gt
from gpupipe.deep.layers._conv import FactorizedConv2d, pointwise
from gpupipe.deep.layers._linear import held, scaled
from gpupipe.tensors.rank import Rank


class CPConv2d(FactorizedConv2d):
    """A convolution of four factors: (in, R), (kh, R), (kw, R), (out, R). By factors it is one to R channels, two of each alone, one back.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, bias, device, dtype
        As those of `torch.nn.Conv2d`.
    rank
        The number R of components, or a share of the dense parameters: `gpupipe.tensors.validate_cp_rank`.

    Raises
    ------
    UsageError
        The rank is none, or the padding is not known.

    Notes
    -----
    There are R (in + out + kh + kw) parameters and the bias.

    Examples
    --------
    >>> import torch
    >>> layer = CPConv2d(16, 32, 3, rank=8, padding=1, bias=False)
    >>> layer(torch.zeros(2, 16, 10, 10)).shape, sum(part.numel() for part in layer.parameters()), round(layer.space_saving, 3)
    (torch.Size([2, 32, 10, 10]), 432, 0.906)
    """

    def draw(self, rank: Rank, like: dict[str, Any]) -> None:
        """Settle the rank, and draw the factors."""
        sizes = (self.out_channels, self.in_channels, *self.kernel_size)
        self.rank = gt.validate_cp_rank(sizes, rank)
        variance = (self.variance / self.rank) ** (1 / 4)
        self.factors = nn.ParameterList(scaled((size, self.rank), variance, like) for size in sizes)

    def take(self, weight: np.ndarray) -> None:
        """Take the factors from the decomposition of a dense weight."""
        weights, factors = gt.parafac(weight, self.rank)
        for place, (factor, found) in enumerate(zip(self.factors, factors, strict=True)):
            held(factor, found if place else found * weights)

    def dense_weight(self) -> Tensor:
        """Return the dense weight that the factors stand for, (out_channels, in_channels, kh, kw)."""
        out, ins, tall, wide = self.factors
        kernel = (tall[:, None] * wide[None]).reshape(-1, self.rank)
        inner = (ins[:, None] * kernel[None]).reshape(-1, self.rank)
        made: Tensor = out @ inner.T
        return made.reshape(self.out_channels, self.in_channels, *self.kernel_size)

    def by_factors(self, images: Tensor) -> Tensor:
        """Return the convolution by four small ones."""
        out, ins, tall, wide = self.factors
        made = self.along_height(pointwise(images, ins.T), tall.T[:, None, :, None], self.rank)
        return pointwise(self.along_width(made, wide.T[:, None, None], self.rank), out, self.bias)

    def products(self, n_in: int, n_between: int, n_out: int) -> tuple[int, int]:
        """Return multiplications by factors, and those of making the dense weight."""
        tall, wide = self.kernel_size
        by_factors = n_in * self.in_channels + n_between * tall + n_out * (wide + self.out_channels)
        return self.rank * by_factors, self.rank * tall * wide * self.in_channels * (1 + self.out_channels)
