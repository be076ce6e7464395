"""Conv-TT-LSTM: a ConvLSTM whose gates see several earlier hidden states through a convolutional tensor train.

Source: Su, Byeon, Kossaifi, Huang, Kautz, Anandkumar, NeurIPS 2020, arXiv 2002.09131.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gpupipe.core.errors import UsageError
from gpupipe.deep._conv_recurrent import (
    CellState,
    ConvCell,
    ConvRecurrent,
    State,
    as_kernel,
    remembered,
    same_conv,
    xavier,
    xavier_conv,
    zeros,
)

Version = Literal["v1", "v2", "v4"]


class ConvTTLSTMCell(ConvCell):
    """A cell that sees its last n hidden states H_1 (the oldest) to H_n by a train of m convolutions of rank r.

    H^_l = W_l * [H_l, ..., H_{l+n-m}] + b for l = 1..m; V_1 = H^_1, V_l = H^_l + K_{l-1} * V_{l-1} + b; then the gates of an LSTM,
    [i, f, o, g] = K_m * [x, V_m] + b.

    Parameters
    ----------
    input_channels, hidden_channels
        The channels of the images that come in and of the hidden state.
    kernel_size
        An odd size; frames keep theirs.
    order, steps, rank
        m, n (at least m) and r.
    version
        ``"v4"``: as above, windows of n - m + 1 states that slide. ``"v2"``: windows of one state, for n = m. ``"v1"``: no W_l, the
        hidden states as they are, for n = m and r = hidden_channels.
    bias, device, dtype
        As those of `torch.nn.Conv2d`.

    Raises
    ------
    UsageError
        The kernel is even, or order, steps and rank do not go with one another and the version.

    Notes
    -----
    There are m k^2 q h r + (m - 1) k^2 r^2 + k^2 (r + c) 4h weights, where q = n - m + 1 (without the first term in v1), and
    m r + (m - 1) r + 4h biases. Weights are drawn by Xavier's rule, biases 0. Each hidden state goes through all W_l that will ever see it
    in one convolution, when it is made; the state between frames holds what comes out. In mixed precision the memory c stays float32.

    Examples
    --------
    >>> import torch
    >>> cell, image = ConvTTLSTMCell(1, 16, 3, rank=8), torch.zeros(2, 1, 8, 8)
    >>> hidden, state = cell(image, cell.start(image))
    >>> hidden.shape, sum(part.numel() for part in cell.parameters())
    (torch.Size([2, 16, 8, 8]), 9896)
    """

    def __init__(
        self,
        input_channels: int,
        hidden_channels: int,
        kernel_size: int = 5,
        *,
        order: int = 3,
        steps: int = 3,
        rank: int = 8,
        version: Version = "v4",
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _require(order, steps, rank, version, hidden_channels)
        self.input_channels, self.hidden_channels = input_channels, hidden_channels
        self.order, self.steps, self.rank, self.version = order, steps, rank, version
        size, like = as_kernel(kernel_size, "ConvTTLSTM"), {"device": device, "dtype": dtype}
        self.window: nn.Parameter | None = None  # (order, states in a window, rank, hidden_channels, k, k)
        if version != "v1":
            q, area = steps - order + 1, size**2
            shape = (order, q, rank, hidden_channels, size, size)
            self.window = xavier(shape, q * hidden_channels * area, rank * area, like)
        self.train_weights = nn.ParameterList(xavier_conv(rank, rank, size, like) for _ in range(order - 1))
        self.weight = xavier_conv(4 * hidden_channels, input_channels + rank, size, like)

        def biases(*shape: int) -> nn.Parameter | None:
            return nn.Parameter(torch.zeros(*shape, **like)) if bias else None

        self.window_bias = None if version == "v1" else biases(order, rank)
        self.train_bias = biases(order - 1, rank)
        self.bias = biases(4 * hidden_channels)

    @property
    def seen_channels(self) -> int:
        """The channels of what is kept of a hidden state."""
        return self.hidden_channels if self.window is None else self.order * self.window.shape[1] * self.rank

    def start(self, image: Tensor) -> CellState:
        """Return the state before the first frame: zeros."""
        return (zeros(image, self.seen_channels),) * self.steps, zeros(image, self.hidden_channels)

    def forward(self, image: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """Return the hidden state and the state after a frame (n, input_channels, height, width)."""
        seen, memory = state
        train = self._windows(seen, 0)
        for place, weight in enumerate(self.train_weights, 1):
            bias = None if self.train_bias is None else self.train_bias[place - 1]
            train = self._windows(seen, place) + same_conv(train, weight, bias)
        gates = same_conv(torch.cat([image, train.to(image.dtype)], dim=1), self.weight, self.bias)
        hidden, memory = remembered(gates, memory)
        return hidden, ((*seen[1:], self._seen(hidden)), memory)

    def _seen(self, hidden: Tensor) -> Tensor:
        """Return what is kept of a hidden state: its convolution with its part of every window that will hold it."""
        if self.window is None:
            return hidden
        return same_conv(hidden, self.window.flatten(0, 2), None)

    def _windows(self, seen: Sequence[Tensor], place: int) -> Tensor:
        """Return H^_l, for l counted from 0: the sum of what the window's states bring to it."""
        if self.window is None:
            return seen[place]
        q = self.window.shape[1]
        parts = [seen[place + at].narrow(1, (place * q + at) * self.rank, self.rank) for at in range(q)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total if self.window_bias is None else total + self.window_bias[place][:, None, None]


def _require(order: int, steps: int, rank: int, version: str, hidden_channels: int) -> None:
    """Raise UsageError for numbers that do not go with one another."""
    if version not in ("v1", "v2", "v4"):
        raise UsageError(f"version={version!r}: ConvTTLSTM expects 'v1', 'v2' or 'v4'.")
    if min(order, rank) < 1 or steps < order:
        raise UsageError(f"ConvTTLSTM expects order and rank of at least 1 and steps of at least the order, got {order}, {rank}, {steps}.")
    if version != "v4" and steps != order:
        raise UsageError(f"ConvTTLSTM {version} expects as many steps as the order, got {steps} and {order}. Take 'v4'.")
    if version == "v1" and rank != hidden_channels:
        raise UsageError(f"ConvTTLSTM v1 takes hidden states as they are: its rank is hidden_channels, {hidden_channels}; got {rank}.")


class ConvTTLSTM(ConvRecurrent):
    """Layers of `ConvTTLSTMCell` on sequences of images; called as `torch.nn.LSTM` is.

    Parameters
    ----------
    input_channels, hidden_channels, kernel_size, order, steps, rank, version, bias, device, dtype
        As those of `ConvTTLSTMCell`.
    num_layers
        How many layers; each but the first takes the hidden states of the one before.
    batch_first
        Whether inputs are (n, time, channels, height, width) instead of (time, n, ...).
    checkpoint
        Whether to keep for the gradients only what passes from frame to frame, and compute the rest again: memory for time.

    Raises
    ------
    UsageError
        As by `ConvTTLSTMCell`.

    Notes
    -----
    The state is what is kept of the last `steps` hidden states, (num_layers, steps, n, ...), and the memories.

    Examples
    --------
    >>> import torch
    >>> network = ConvTTLSTM(1, 16, 3, num_layers=2, rank=8, batch_first=True)
    >>> output, state = network(torch.zeros(4, 10, 1, 8, 8))
    >>> output.shape, [part.shape for part in state]
    (torch.Size([4, 10, 16, 8, 8]), [torch.Size([2, 3, 4, 24, 8, 8]), torch.Size([2, 4, 16, 8, 8])])
    """

    def __init__(
        self,
        input_channels: int,
        hidden_channels: int,
        kernel_size: int = 5,
        num_layers: int = 1,
        *,
        order: int = 3,
        steps: int = 3,
        rank: int = 8,
        version: Version = "v4",
        bias: bool = True,
        batch_first: bool = False,
        checkpoint: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        channels = [input_channels] + [hidden_channels] * (num_layers - 1)
        train: dict[str, Any] = {"order": order, "steps": steps, "rank": rank, "version": version}
        like: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        cells = [ConvTTLSTMCell(size, hidden_channels, kernel_size, **train, **like) for size in channels]
        super().__init__(cells, batch_first=batch_first, checkpoint=checkpoint)

    def stacked(self, states: Sequence[CellState]) -> State:
        """Return what is kept of hidden states, (num_layers, steps, n, ...), and memories, (num_layers, n, ...)."""
        return torch.stack([torch.stack(seen) for seen, _ in states]), torch.stack([memory for _, memory in states])

    def taken_apart(self, state: State) -> list[CellState]:
        """Return each layer's state."""
        return [(tuple(seen), memory) for seen, memory in zip(*state, strict=True)]
