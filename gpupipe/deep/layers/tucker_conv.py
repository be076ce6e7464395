"""A convolution whose weight is of Tucker form along its channels: Kim et al., arXiv 1511.06530."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.deep.layers._conv import FactorizedConv2d, pointwise
from gpupipe.deep.layers._linear import held, scaled
from gpupipe.tensors.rank import Rank


class TuckerConv2d(FactorizedConv2d):
    """A convolution between few channels, (R_out, R_in, kh, kw), with a factor (in, R_in) before and (out, R_out) after it.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, bias, device, dtype
        As those of `torch.nn.Conv2d`.
    rank
        One number for both, (R_out, R_in), or a share of the dense parameters: `gpupipe.tensors.validate_tucker_rank`, which leaves the
        kernel's own dimensions as they are.

    Raises
    ------
    UsageError
        The rank is none, or the padding is not known.

    Notes
    -----
    There are R_out R_in kh kw + in R_in + out R_out parameters and the bias.

    Examples
    --------
    >>> import torch
    >>> layer = TuckerConv2d(16, 32, 3, rank=(8, 4), padding=1, bias=False)
    >>> layer(torch.zeros(2, 16, 10, 10)).shape, sum(part.numel() for part in layer.parameters()), round(layer.space_saving, 3)
    (torch.Size([2, 32, 10, 10]), 608, 0.868)
    """

    def draw(self, rank: Rank, like: dict[str, Any]) -> None:
        """Settle the rank, and draw the factors."""
        self.rank = _ranks((self.out_channels, self.in_channels, *self.kernel_size), rank)
        right, left = self.rank
        variance = (self.variance / (left * right)) ** (1 / 3)
        self.core = scaled((right, left, *self.kernel_size), variance, like)
        self.factors = nn.ParameterList(
            (scaled((self.out_channels, right), variance, like), scaled((self.in_channels, left), variance, like))
        )

    def take(self, weight: np.ndarray) -> None:
        """Take the factors from the decomposition of a dense weight."""
        core, factors = gt.partial_tucker(weight, self.rank, (0, 1))
        held(self.core, core)
        for factor, found in zip(self.factors, factors, strict=True):
            held(factor, found)

    def dense_weight(self) -> Tensor:
        """Return the dense weight that core and factors stand for, (out_channels, in_channels, kh, kw)."""
        out, ins = self.factors
        made: Tensor = out @ self.core.flatten(1)
        made = ins @ made.reshape(self.out_channels, self.rank[1], -1)
        return made.reshape(self.out_channels, self.in_channels, *self.kernel_size)

    def by_factors(self, images: Tensor) -> Tensor:
        """Return the convolution by three small ones."""
        out, ins = self.factors
        made = functional.conv2d(pointwise(images, ins.T), self.core, None, self.stride, self.padding, self.dilation)
        return pointwise(made, out, self.bias)

    def products(self, n_in: int, n_between: int, n_out: int) -> tuple[int, int]:
        """Return multiplications by factors, and those of making the dense weight."""
        (right, left), kernel = self.rank, prod(self.kernel_size)
        by_factors = n_in * self.in_channels * left + n_out * (kernel * left * right + right * self.out_channels)
        return by_factors, self.out_channels * left * kernel * (right + self.in_channels)


def _ranks(sizes: Sequence[int], rank: Rank) -> tuple[int, int]:
    """Return the ranks of the channels that come out and go in."""
    if isinstance(rank, Sequence) and not isinstance(rank, str):
        if len(rank) != 2:
            raise UsageError(f"TuckerConv2d's rank has {len(rank)} numbers; expected two, of the channels that come out and that go in.")
        rank = (*rank, *sizes[2:])
    right, left, *_ = gt.validate_tucker_rank(sizes, rank, fixed_modes=(2, 3))
    return right, left
