"""What linear layers of few parameters have in common: two ways to do the product, and the choice between them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers._modes import Modes, chosen_modes
from gpupipe.deep.layers._work import Work
from gpupipe.deep.network import n_parameters
from gpupipe.tensors.rank import Rank


class FactorizedLinear(nn.Module):
    """A linear layer whose weight, (out_features, in_features), is held as factors.

    For each batch it takes the way of less work: with one factor after the other, or with the dense weight made of them.
    """

    bias: nn.Parameter | None

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
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        chosen = chosen_modes(in_features, out_features, in_modes, out_modes, lambda ins, outs: self.cost(ins, outs, rank))
        self.in_modes, self.out_modes = chosen
        like = {"device": device, "dtype": dtype}
        self.draw(rank, like)
        self.bias = scaled((out_features,), 1 / (3 * in_features), like) if bias else None  # as `torch.nn.Linear` draws it

    @classmethod
    def from_linear(
        cls, linear: nn.Linear, rank: Rank = 0.1, *, in_modes: Sequence[int] | None = None, out_modes: Sequence[int] | None = None
    ) -> Self:
        """Return the layer nearest to a trained dense one, by the decomposition of its weight.

        Examples
        --------
        >>> import torch
        >>> from gpupipe.deep.layers import TTLinear
        >>> dense = nn.Linear(6, 4)
        >>> layer = TTLinear.from_linear(dense, 99, in_modes=(2, 3), out_modes=(2, 2))
        >>> bool(torch.allclose(layer.dense_weight(), dense.weight, atol=1e-6))
        True
        """
        made = cls(linear.in_features, linear.out_features, rank, in_modes=in_modes, out_modes=out_modes, **like_of(linear))
        made.take(linear)
        return made

    def take(self, linear: nn.Linear) -> None:
        """Take the factors from the decomposition of a dense layer's weight, and its bias."""
        self.take_weight(array_of(linear.weight))
        copied_bias(self, linear)

    @abstractmethod
    def cost(self, in_modes: Modes, out_modes: Modes, rank: Rank) -> int:
        """Return the work of a batch of `BATCH` rows by factors over these modes."""

    @abstractmethod
    def draw(self, rank: Rank, like: dict[str, Any]) -> None:
        """Settle the rank, and draw the factors so that the weight has the variance that `torch.nn.Linear` draws."""

    @abstractmethod
    def take_weight(self, weight: np.ndarray) -> None:
        """Take the factors from the decomposition of a dense weight."""

    @abstractmethod
    def dense_weight(self) -> Tensor:
        """Return the dense weight that the factors stand for, (out_features, in_features)."""

    @abstractmethod
    def by_factors(self, rows: Tensor) -> Tensor:
        """Return the product of rows (n, in_features) with one factor after the other, (n, out_features), without the bias."""

    @abstractmethod
    def work(self, n_rows: int) -> tuple[Work, Work]:
        """Return the work of `n_rows` rows by factors, and that of making the dense weight."""

    def takes_factors(self, n_rows: int) -> bool:
        """Whether a batch of so many rows goes from factor to factor, as that costs no more than making the dense weight and taking it."""
        by_factors, making = self.work(n_rows)
        return by_factors.cost <= (making + Work(n_rows * self.in_features * self.out_features, 0, 1)).cost

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``inputs @ weight.T + bias`` for inputs (..., in_features).

        Raises
        ------
        UsageError
            The last dimension of the inputs is another.
        """
        if inputs.shape[-1] != self.in_features:
            raise UsageError(f"{type(self).__name__} takes inputs (..., {self.in_features}), got {tuple(inputs.shape)}. Reshape them.")
        n_rows = prod(inputs.shape[:-1])
        if not self.takes_factors(n_rows):
            return functional.linear(inputs, self.dense_weight(), self.bias)
        made = self.by_factors(inputs.reshape(n_rows, self.in_features))
        made = made if self.bias is None else made + self.bias
        return made.reshape(*inputs.shape[:-1], self.out_features)

    @property
    def space_saving(self) -> float:
        """The share of the dense layer's parameters, bias included, that this one does without; below 0 where it has more."""
        dense = self.in_features * self.out_features + (0 if self.bias is None else self.out_features)
        return 1 - n_parameters(self) / dense

    def extra_repr(self) -> str:
        """Return what `print` says of it."""
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}, space_saving={self.space_saving:.3f}"


def scaled(shape: tuple[int, ...], variance: float, like: dict[str, Any]) -> nn.Parameter:
    """Return a parameter of uniform numbers around 0 of that variance."""
    bound = (3 * variance) ** 0.5
    return nn.Parameter(torch.empty(shape, **like).uniform_(-bound, bound))


def held(parameter: nn.Parameter | Tensor, values: Any) -> None:
    """Write an array's values into a parameter of the same shape."""
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def array_of(weight: Tensor) -> np.ndarray:
    """Return a weight as an array of double precision on the host, where decompositions are done."""
    return weight.detach().cpu().to(torch.float64).numpy()


def copied_bias(layer: nn.Module, dense: Any) -> None:
    """Give a layer the dense one's bias."""
    if isinstance(layer.bias, nn.Parameter):
        held(layer.bias, array_of(dense.bias))


def like_of(dense: Any) -> dict[str, Any]:
    """Return the options that make a layer on the dense layer's device and of its dtype, with a bias where that has one."""
    return {"bias": dense.bias is not None, "device": dense.weight.device, "dtype": dense.weight.dtype}
