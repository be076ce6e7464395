"""What convolutions of few parameters have in common: two ways to do them, and the choice between them."""

from __future__ import annotations

from abc import abstractmethod
from math import prod
from typing import Any, Self

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers._linear import array_of, copied_bias, scaled
from gpupipe.deep.network import n_parameters
from gpupipe.tensors.rank import Rank

Pair = tuple[int, int]


def as_pair(value: Any) -> Pair:
    """Return a number for each of the two dimensions."""
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


class FactorizedConv2d(nn.Module):
    """A convolution whose weight, (out_channels, in_channels, kh, kw), is held as factors.

    For each batch it takes the way of fewer multiplications: by several small convolutions, or by the dense weight made of the factors.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        rank: Rank = 0.1,
        *,
        stride: int | Pair = 1,
        padding: int | Pair | str = 0,
        dilation: int | Pair = 1,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.dilation = as_pair(kernel_size), as_pair(stride), as_pair(dilation)
        self.padding = self._padding(padding)
        like = {"device": device, "dtype": dtype}
        self.draw(rank, like)
        self.bias = scaled((out_channels,), self.variance, like) if bias else None

    @classmethod
    def from_conv(cls, conv: nn.Conv2d, rank: Rank = 0.1) -> Self:
        """Return the layer nearest to a trained dense one, by the decomposition of its weight.

        Raises
        ------
        UsageError
            It has groups, or pads with something else than zeros.

        Examples
        --------
        >>> import torch
        >>> from gpupipe.deep.layers import TTConv2d
        >>> dense = nn.Conv2d(2, 3, 3)
        >>> layer = TTConv2d.from_conv(dense, 99)
        >>> bool(torch.allclose(layer.dense_weight(), dense.weight, atol=1e-6))
        True
        """
        made = cls(conv.in_channels, conv.out_channels, as_pair(conv.kernel_size), rank, **options_of(conv))
        made.take(array_of(conv.weight))
        copied_bias(made, conv)
        return made

    @abstractmethod
    def draw(self, rank: Rank, like: dict[str, Any]) -> None:
        """Settle the rank, and draw the factors so that the weight has the variance that `torch.nn.Conv2d` draws."""

    @abstractmethod
    def take(self, weight: np.ndarray) -> None:
        """Take the factors from the decomposition of a dense weight."""

    def _padding(self, padding: Any) -> Pair:
        """Return how many zeros stand on each side."""
        if not isinstance(padding, str):
            return as_pair(padding)
        reach = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        if padding == "valid":
            return (0, 0)
        if padding != "same" or any(one % 2 for one in reach) or self.stride != (1, 1):
            raise UsageError(
                f"padding={padding!r} is not known here for kernel {self.kernel_size} and stride {self.stride}. Give a number, 'valid', "
                "or, for odd kernels and stride 1, 'same'."
            )
        return (reach[0] // 2, reach[1] // 2)

    @abstractmethod
    def dense_weight(self) -> Tensor:
        """Return the dense weight that the factors stand for, (out_channels, in_channels, kh, kw)."""

    @abstractmethod
    def by_factors(self, images: Tensor) -> Tensor:
        """Return the convolution of images by several small ones, bias included."""

    @abstractmethod
    def products(self, n_in: int, n_between: int, n_out: int) -> tuple[int, int]:
        """Return multiplications by factors, and those of making the dense weight.

        Parameters
        ----------
        n_in, n_between, n_out
            How many places the images have, those convolved along the height alone, and those that come out, over the batch.
        """

    def takes_factors(self, images: Tensor) -> bool:
        """Whether images go through several small convolutions, as that takes no more multiplications than one dense one."""
        n, height, width = images.shape[0], images.shape[2], images.shape[3]
        tall, wide = self._reduced(height, 0), self._reduced(width, 1)
        by_factors, making = self.products(n * height * width, n * tall * width, n * tall * wide)
        return by_factors <= making + n * tall * wide * self.out_channels * self.in_channels * prod(self.kernel_size)

    def _reduced(self, size: int, along: int) -> int:
        """Return how many places come out along a dimension."""
        return (size + 2 * self.padding[along] - self.dilation[along] * (self.kernel_size[along] - 1) - 1) // self.stride[along] + 1

    def forward(self, images: Tensor) -> Tensor:
        """Return the convolution of images (n, in_channels, height, width).

        Raises
        ------
        UsageError
            They have other dimensions or channels.
        """
        if images.ndim != 4 or images.shape[1] != self.in_channels:
            raise UsageError(f"{type(self).__name__} takes images (n, {self.in_channels}, height, width), got {tuple(images.shape)}.")
        if self.takes_factors(images):
            return self.by_factors(images)
        return functional.conv2d(images, self.dense_weight(), self.bias, self.stride, self.padding, self.dilation)

    def along_height(self, images: Tensor, weight: Tensor, groups: int = 1) -> Tensor:
        """Return the convolution with a kernel (out, in, kh, 1)."""
        return functional.conv2d(images, weight, None, (self.stride[0], 1), (self.padding[0], 0), (self.dilation[0], 1), groups)

    def along_width(self, images: Tensor, weight: Tensor, groups: int = 1) -> Tensor:
        """Return the convolution with a kernel (out, in, 1, kw)."""
        return functional.conv2d(images, weight, None, (1, self.stride[1]), (0, self.padding[1]), (1, self.dilation[1]), groups)

    @property
    def variance(self) -> float:
        """The variance of the weight that `torch.nn.Conv2d` draws."""
        return 1 / (3 * self.in_channels * prod(self.kernel_size))

    @property
    def space_saving(self) -> float:
        """The share of the dense convolution's parameters, bias included, that this one does without; below 0 where it has more."""
        dense = self.in_channels * self.out_channels * prod(self.kernel_size) + (0 if self.bias is None else self.out_channels)
        return 1 - n_parameters(self) / dense

    def extra_repr(self) -> str:
        """Return what `print` says of it."""
        shown = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{shown}, bias={self.bias is not None}, space_saving={self.space_saving:.3f}"


def pointwise(images: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return each place's channels multiplied by a matrix (out, in)."""
    return functional.conv2d(images, matrix[:, :, None, None], bias)


def options_of(conv: nn.Conv2d) -> dict[str, Any]:
    """Return the options that make a layer like a dense convolution.

    Raises
    ------
    UsageError
        It has groups, or pads with something else than zeros.
    """
    if conv.groups != 1 or conv.padding_mode != "zeros":
        raise UsageError(
            f"Expected a convolution without groups, padded with zeros; got groups={conv.groups}, padding_mode={conv.padding_mode!r}."
        )
    return {
        "stride": conv.stride,
        "padding": conv.padding,
        "dilation": conv.dilation,
        "bias": conv.bias is not None,
        "device": conv.weight.device,
        "dtype": conv.weight.dtype,
    }
