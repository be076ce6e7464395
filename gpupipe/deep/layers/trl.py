"""Tensor regression layer: Kossaifi et al., JMLR 21(123), 2020."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor, nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers._modes import as_modes
from gpupipe.deep.layers.tucker_linear import TuckerLinear
from gpupipe.tensors.rank import Rank


class TRL(TuckerLinear):
    """A regression on whole tensors with a weight of low rank: y = <X, W> + b, where W (D_1..D_N, O) is [[core; U_1..U_N, U_O]].

    It stands in the place of `flatten` and a dense layer.

    Parameters
    ----------
    input_shape
        The sizes D_k of a tensor, without the batch.
    output_size
        How many numbers come out, O.
    rank
        One number for all modes, N + 1 of them, or a share of the dense layer's parameters: `gpupipe.tensors.validate_tucker_rank`.
    bias, device, dtype
        As those of `torch.nn.Linear`.

    Raises
    ------
    UsageError
        The rank is none for these sizes.

    Notes
    -----
    There are prod(R_k) R_O + sum(R_k D_k) + R_O O parameters and the bias, instead of prod(D_k) O.

    Examples
    --------
    >>> import torch
    >>> layer = TRL((32, 4, 4), 10, rank=(8, 3, 3, 6))
    >>> layer(torch.zeros(5, 32, 4, 4)).shape, sum(part.numel() for part in layer.parameters()), round(layer.space_saving, 3)
    (torch.Size([5, 10]), 782, 0.848)
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        output_size: int,
        rank: Rank = 0.1,
        *,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = tuple(int(size) for size in input_shape)
        super().__init__(prod(sizes), output_size, rank, in_modes=sizes, out_modes=(output_size,), bias=bias, device=device, dtype=dtype)

    @classmethod
    def from_linear(  # type: ignore[override]  # what a tensor's sizes are is no option here
        cls, linear: nn.Linear, input_shape: Sequence[int], rank: Rank = 0.1
    ) -> TRL:
        """Return the layer nearest to a trained dense one on flattened tensors, by Tucker decomposition of its weight.

        Raises
        ------
        UsageError
            The sizes do not multiply to the dense layer's input.

        Examples
        --------
        >>> import torch
        >>> dense, tensors = nn.Linear(12, 2), torch.ones(5, 3, 4)
        >>> layer = TRL.from_linear(dense, (3, 4), (3, 4, 2))
        >>> bool(torch.allclose(layer(tensors), dense(tensors.flatten(1)), atol=1e-6))
        True
        """
        sizes = as_modes(input_shape, linear.in_features, "TRL's sizes of a tensor")
        made = cls(
            sizes,
            linear.out_features,
            rank,
            bias=linear.bias is not None,
            device=linear.weight.device,
            dtype=linear.weight.dtype,
        )
        made.take(linear)
        return made

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (n, O) for tensors (n, D_1, ..., D_N).

        Raises
        ------
        UsageError
            The tensors have other sizes.
        """
        if tuple(inputs.shape[1:]) != self.in_modes:
            raise UsageError(f"TRL takes tensors (n, {', '.join(map(str, self.in_modes))}), got {tuple(inputs.shape)}.")
        return super().forward(inputs.flatten(1))
