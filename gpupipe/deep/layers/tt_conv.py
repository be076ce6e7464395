"""A convolution whose weight is a tensor train (in, kh, kw, out)."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

import gpupipe.tensors as gt
from gpupipe.deep.layers._conv import FactorizedConv2d, pointwise
from gpupipe.deep.layers._linear import held, scaled
from gpupipe.tensors.rank import Rank


class TTConv2d(FactorizedConv2d):
    """A convolution of four cores: to r_1 channels, along the height to r_2, along the width to r_3, and to the channels that come out.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, bias, device, dtype
        As those of `torch.nn.Conv2d`.
    rank
        One number for r_1 to r_3, five with 1 at both ends, or a share of the dense parameters: `gpupipe.tensors.validate_tt_rank` of
        (in, kh, kw, out).

    Raises
    ------
    UsageError
        The rank is none, or the padding is not known.

    Notes
    -----
    There are in r_1 + r_1 kh r_2 + r_2 kw r_3 + r_3 out parameters and the bias.

    Examples
    --------
    >>> import torch
    >>> layer = TTConv2d(16, 32, 3, rank=4, padding=1, bias=False)
    >>> layer(torch.zeros(2, 16, 10, 10)).shape, sum(part.numel() for part in layer.parameters()), round(layer.space_saving, 3)
    (torch.Size([2, 32, 10, 10]), 288, 0.938)
    """

    def draw(self, rank: Rank, like: dict[str, Any]) -> None:
        """Settle the rank, and draw the factors."""
        sizes = (self.in_channels, *self.kernel_size, self.out_channels)
        self.rank = gt.validate_tt_rank(sizes, rank)
        shapes = list(zip(self.rank[:-1], sizes, self.rank[1:], strict=True))
        fans = [self.in_channels, self.rank[1] * sizes[1], self.rank[2] * sizes[2], 3 * self.rank[3]]
        self.cores = nn.ParameterList(scaled(shape, 1 / fan, like) for shape, fan in zip(shapes, fans, strict=True))

    def take(self, weight: np.ndarray) -> None:
        """Take the factors from the decomposition of a dense weight."""
        for core, found in zip(self.cores, gt.tensor_train(weight.transpose(1, 2, 3, 0), self.rank), strict=True):
            wide = np.zeros(core.shape)
            wide[: found.shape[0], :, : found.shape[2]] = found
            held(core, wide)

    def dense_weight(self) -> Tensor:
        """Return the dense weight that the cores stand for, (out_channels, in_channels, kh, kw)."""
        made: Tensor = self.cores[0]
        for core in list(self.cores)[1:]:
            made = made.reshape(-1, core.shape[0]) @ core.reshape(core.shape[0], -1)
        return made.reshape(self.in_channels, *self.kernel_size, self.out_channels).permute(3, 0, 1, 2)

    def by_factors(self, images: Tensor) -> Tensor:
        """Return the convolution by four small ones."""
        ins, tall, wide, out = self.cores
        made = self.along_height(pointwise(images, ins[0].T), tall.permute(2, 0, 1)[..., None])
        return pointwise(self.along_width(made, wide.permute(2, 0, 1)[:, :, None]), out[..., 0].T, self.bias)

    def products(self, n_in: int, n_between: int, n_out: int) -> tuple[int, int]:
        """Return multiplications by factors, and those of making the dense weight."""
        (tall, wide), (_, first, second, third, _) = self.kernel_size, self.rank
        inner = n_in * self.in_channels * first + n_between * first * tall * second
        making = self.in_channels * tall * second * (first + wide * third) + self.in_channels * tall * wide * third * self.out_channels
        return inner + n_out * third * (second * wide + self.out_channels), making
