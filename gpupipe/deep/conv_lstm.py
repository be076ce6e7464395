"""ConvLSTM: an LSTM whose states are images and whose products are convolutions (Shi et al., arXiv 1506.04214; without peepholes)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gpupipe.deep._conv_recurrent import CellState, ConvCell, ConvRecurrent, State, as_kernel, remembered, same_conv, xavier_conv, zeros


class ConvLSTMCell(ConvCell):
    """A cell of gates [i, f, o, g] = K * [x, h] + b, with c' = s(f) c + s(i) tanh(g) and h' = s(o) tanh(c').

    Parameters
    ----------
    input_channels, hidden_channels
        The channels of the images that come in and of the hidden state.
    kernel_size
        An odd size; frames keep theirs.
    bias, device, dtype
        As those of `torch.nn.Conv2d`.

    Raises
    ------
    UsageError
        The kernel is even.

    Notes
    -----
    There are k^2 (c + h) 4h weights and 4h biases, drawn by Xavier's rule and 0. In mixed precision the memory c stays float32.

    Examples
    --------
    >>> import torch
    >>> cell, image = ConvLSTMCell(1, 16, 3), torch.zeros(2, 1, 8, 8)
    >>> hidden, state = cell(image, cell.start(image))
    >>> hidden.shape, sum(part.numel() for part in cell.parameters())
    (torch.Size([2, 16, 8, 8]), 9856)
    """

    def __init__(
        self, input_channels: int, hidden_channels: int, kernel_size: int = 5, *, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_channels, self.hidden_channels = input_channels, hidden_channels
        like = {"device": device, "dtype": dtype}
        size = as_kernel(kernel_size, "ConvLSTM")
        self.weight = xavier_conv(4 * hidden_channels, input_channels + hidden_channels, size, like)
        self.bias = nn.Parameter(torch.zeros(4 * hidden_channels, **like)) if bias else None

    def start(self, image: Tensor) -> CellState:
        """Return the state before the first frame: zeros."""
        return (zeros(image, self.hidden_channels),), zeros(image, self.hidden_channels)

    def forward(self, image: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """Return the hidden state and the state after a frame (n, input_channels, height, width)."""
        (hidden,), memory = state
        gates = same_conv(torch.cat([image, hidden.to(image.dtype)], dim=1), self.weight, self.bias)
        hidden, memory = remembered(gates, memory)
        return hidden, ((hidden,), memory)


class ConvLSTM(ConvRecurrent):
    """Layers of `ConvLSTMCell` on sequences of images; called as `torch.nn.LSTM` is.

    Parameters
    ----------
    input_channels, hidden_channels, kernel_size, bias, device, dtype
        As those of `ConvLSTMCell`.
    num_layers
        How many layers; each but the first takes the hidden states of the one before.
    batch_first
        Whether inputs are (n, time, channels, height, width) instead of (time, n, ...).
    checkpoint
        Whether to keep for the gradients only what passes from frame to frame, and compute the rest again: memory for time.

    Raises
    ------
    UsageError
        The kernel is even.

    Examples
    --------
    >>> import torch
    >>> network = ConvLSTM(1, 16, 3, num_layers=2, batch_first=True)
    >>> output, (hidden, memory) = network(torch.zeros(4, 10, 1, 8, 8))
    >>> output.shape, hidden.shape
    (torch.Size([4, 10, 16, 8, 8]), torch.Size([2, 4, 16, 8, 8]))
    """

    def __init__(
        self,
        input_channels: int,
        hidden_channels: int,
        kernel_size: int = 5,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = False,
        checkpoint: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        channels = [input_channels] + [hidden_channels] * (num_layers - 1)
        cells = [ConvLSTMCell(size, hidden_channels, kernel_size, bias=bias, device=device, dtype=dtype) for size in channels]
        super().__init__(cells, batch_first=batch_first, checkpoint=checkpoint)

    def stacked(self, states: Sequence[CellState]) -> State:
        """Return hidden states and memories, (num_layers, n, hidden_channels, height, width) each."""
        return torch.stack([hidden for (hidden,), _ in states]), torch.stack([memory for _, memory in states])

    def taken_apart(self, state: State) -> list[CellState]:
        """Return each layer's state."""
        return [((hidden,), memory) for hidden, memory in zip(*state, strict=True)]
