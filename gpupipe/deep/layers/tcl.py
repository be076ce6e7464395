"""Tensor contraction layer: Kossaifi et al., arXiv 1706.00439."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from torch import Tensor, nn

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.deep.layers._linear import array_of, held, like_of, scaled
from gpupipe.deep.layers._modes import as_modes
from gpupipe.deep.layers._tucker import along, order_of
from gpupipe.deep.network import n_parameters
from gpupipe.tensors.rank import Rank


class TCL(nn.Module):
    """Makes each tensor of a batch smaller along its modes: Y = X x_1 V_1 ... x_N V_N, with V_k (R_k, D_k).

    Parameters
    ----------
    input_shape
        The sizes D_k of a tensor, without the batch.
    rank
        The sizes R_k that come out: one number for all, one for each, or the share that `gpupipe.tensors.validate_tucker_rank` takes.
    bias
        Whether a number is added to each cell that comes out.
    device, dtype
        As those of `torch.nn.Linear`.

    Raises
    ------
    UsageError
        The rank is none for these sizes.

    Notes
    -----
    There are sum(R_k D_k) parameters, and prod(R_k) with a bias. The dense layer that it stands for is the Kronecker product of the V_k,
    (prod(R_k), prod(D_k)). Factors are drawn as `torch.nn.Linear` draws its weight.

    Examples
    --------
    >>> import torch
    >>> layer = TCL((32, 8, 8), (16, 4, 4))
    >>> layer(torch.zeros(5, 32, 8, 8)).shape, sum(part.numel() for part in layer.parameters()), round(layer.space_saving, 4)
    (torch.Size([5, 16, 4, 4]), 576, 0.9989)
    """

    bias: nn.Parameter | None

    def __init__(self, input_shape: Sequence[int], rank: Rank, *, bias: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.input_shape = tuple(int(size) for size in input_shape)
        self.rank = gt.validate_tucker_rank(self.input_shape, rank)
        like = {"device": device, "dtype": dtype}
        pairs = zip(self.rank, self.input_shape, strict=True)
        self.factors = nn.ParameterList(scaled((one, size), 1 / (3 * size), like) for one, size in pairs)
        self.bias = scaled(self.rank, 1 / (3 * prod(self.input_shape)), like) if bias else None

    @classmethod
    def from_linear(cls, linear: nn.Linear, input_shape: Sequence[int], output_shape: Sequence[int]) -> TCL:
        """Return the layer whose Kronecker product is nearest to a trained dense layer on flattened tensors.

        Parameters
        ----------
        input_shape, output_shape
            The sizes D_k and R_k, which multiply to the dense layer's input and output.

        Raises
        ------
        UsageError
            They do not, or are not as many.

        Notes
        -----
        The weight as a tensor (R_1 D_1, ..., R_N D_N) has rank one where it is a Kronecker product (Van Loan and Pitsianis 1993).

        Examples
        --------
        >>> import torch
        >>> dense = nn.Linear(6, 4)
        >>> _ = dense.weight.data.copy_(torch.kron(torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.ones(2, 3)))
        >>> layer = TCL.from_linear(dense, (2, 3), (2, 2))
        >>> bool(torch.allclose(layer.dense_weight(), dense.weight, atol=1e-5))
        True
        """
        sizes = as_modes(input_shape, linear.in_features, "TCL's sizes of a tensor")
        ranks = as_modes(output_shape, linear.out_features, "TCL's sizes of what comes out")
        if len(sizes) != len(ranks):
            raise UsageError(f"TCL expects as many sizes of what comes out as of what goes in, got {ranks} and {sizes}.")
        made = cls(sizes, ranks, **like_of(linear))
        n = len(sizes)
        paired = array_of(linear.weight).reshape(*ranks, *sizes).transpose([place for k in range(n) for place in (k, n + k)])
        paired = paired.reshape([r * d for r, d in zip(ranks, sizes, strict=True)])
        weights, factors = gt.parafac(paired, 1) if n > 1 else (np.ones(1), [paired[:, None]])
        for place, (factor, found) in enumerate(zip(made.factors, factors, strict=True)):
            held(factor, (found if place else found * weights).reshape(factor.shape))
        if made.bias is not None:
            held(made.bias, array_of(linear.bias).reshape(ranks))
        return made

    def dense_weight(self) -> Tensor:
        """Return the weight of the dense layer on flattened tensors that it stands for, (prod(R_k), prod(D_k))."""
        first: Tensor = self.factors[0]
        for factor in list(self.factors)[1:]:
            first = (first[:, None, :, None] * factor[None, :, None, :]).reshape(
                first.shape[0] * factor.shape[0], first.shape[1] * factor.shape[1]
            )
        return first

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (n, R_1, ..., R_N) for tensors (n, D_1, ..., D_N), the mode that shrinks most first.

        Raises
        ------
        UsageError
            The tensors have other sizes.
        """
        if tuple(inputs.shape[1:]) != self.input_shape:
            raise UsageError(f"TCL takes tensors (n, {', '.join(map(str, self.input_shape))}), got {tuple(inputs.shape)}.")
        for mode in order_of(self.input_shape, self.rank):
            inputs = along(inputs, self.factors[mode].T, mode + 1)
        return inputs if self.bias is None else inputs + self.bias

    @property
    def space_saving(self) -> float:
        """The share of the parameters of the dense layer on flattened tensors, bias included, that this one does without."""
        cells = prod(self.rank)
        return 1 - n_parameters(self) / (cells * prod(self.input_shape) + (0 if self.bias is None else cells))

    def extra_repr(self) -> str:
        """Return what `print` says of it."""
        return f"{self.input_shape}, {self.rank}, bias={self.bias is not None}, space_saving={self.space_saving:.4f}"
