"""A network that goes on with a video: blocks of ConvLSTM or ConvTTLSTM, with skips, and its own frames as input where no others are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gpupipe.core.errors import UsageError
from gpupipe.deep._conv_recurrent import CellState, ConvRecurrent, forgetful
from gpupipe.deep.conv_lstm import ConvLSTM
from gpupipe.deep.conv_tt_lstm import ConvTTLSTM, Version

Cell = Literal["conv-lstm", "conv-tt-lstm"]


class FrameNetwork(nn.Module):
    """Predicts the next frame at every frame, and then frame after frame from its own.

    The defaults are the network of Su et al. (arXiv 2002.09131): four blocks of three layers, where the output of a block goes on together
    with that of the block two before it, and a 1 x 1 convolution at the end.

    Parameters
    ----------
    cell
        What a layer is: ``"conv-tt-lstm"`` or ``"conv-lstm"``.
    image_channels
        The channels of a frame.
    channels
        The hidden channels of each block.
    layers
        How many layers a block has.
    kernel_size
        Of all layers; odd.
    skip
        How many blocks back the output is that goes on beside a block's own; 0 for none.
    order, steps, rank, version
        As those of `ConvTTLSTM`; a ConvLSTM has none of them, and in ``"v1"`` the rank is each block's channels.
    sigmoid
        Whether frames come out of a sigmoid, between 0 and 1; else they are not bounded.
    bias, device, dtype
        As those of `torch.nn.Conv2d`.
    checkpoint
        Whether to keep for the gradients only what passes from frame to frame, and compute the rest again: memory for time.

    Raises
    ------
    UsageError
        There is no such cell, no block, or the numbers do not go with one another.

    Notes
    -----
    With the defaults there are 2,684,880 weights, 3,971,280 with ``"conv-lstm"``; with biases 2,687,281 and 3,973,201 numbers.

    Examples
    --------
    >>> network = FrameNetwork("conv-lstm", channels=(16,), layers=2, kernel_size=3)
    >>> clips = torch.zeros(4, 10, 1, 16, 16)
    >>> network(clips, 10).shape, network.predict(clips, 5).shape, sum(part.numel() for part in network.parameters())
    (torch.Size([4, 19, 1, 16, 16]), torch.Size([4, 5, 1, 16, 16]), 28369)
    """

    def __init__(
        self,
        cell: Cell = "conv-tt-lstm",
        *,
        image_channels: int = 1,
        channels: Sequence[int] = (32, 48, 48, 32),
        layers: int = 3,
        kernel_size: int = 5,
        skip: int = 2,
        order: int = 3,
        steps: int = 3,
        rank: int = 8,
        version: Version = "v4",
        sigmoid: bool = False,
        bias: bool = True,
        checkpoint: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if cell not in ("conv-lstm", "conv-tt-lstm"):
            raise UsageError(f"cell={cell!r}: FrameNetwork expects 'conv-lstm' or 'conv-tt-lstm'.")
        if not channels or min(*channels, layers, image_channels) < 1 or skip < 0:
            raise UsageError(
                f"FrameNetwork expects a block or more of at least one channel and layer, and a skip from 0 on; got channels {channels}, "
                f"layers {layers}, image_channels {image_channels}, skip {skip}."
            )
        self.cell, self.image_channels, self.skip = cell, image_channels, skip
        self.sigmoid, self.checkpoint = sigmoid, checkpoint
        like: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        ins = [image_channels, *(size + self._skipped(channels, block) for block, size in enumerate(channels))]
        train: dict[str, Any] = {"order": order, "steps": steps, "rank": rank, "version": version}
        sizes = zip(ins, channels, strict=False)
        self.blocks = nn.ModuleList(_block(cell, size, hidden, kernel_size, layers, train, like) for size, hidden in sizes)
        self.head = nn.Conv2d(ins[-1], image_channels, 1, **like)
        nn.init.xavier_uniform_(self.head.weight)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def _skipped(self, channels: Sequence[int], block: int) -> int:
        """Return the channels that go on beside a block's own."""
        return channels[block - self.skip] if self.skip and block >= self.skip else 0

    def _step(self, image: Tensor, states: Sequence[Sequence[CellState]]) -> tuple[Tensor, list[list[CellState]]]:
        """Return the frame that comes next, and the states of all blocks."""
        outs: list[Tensor] = []
        after = []
        for number, (block, state) in enumerate(zip(self.blocks, states, strict=True)):
            assert isinstance(block, ConvRecurrent)
            hidden, left = block.step(image, state)
            after.append(left)
            outs.append(hidden)
            image = torch.cat([hidden, outs[number - self.skip]], dim=1) if self.skip and number >= self.skip else hidden
        frame = self.head(image).to(torch.promote_types(image.dtype, torch.float32))
        return torch.sigmoid(frame) if self.sigmoid else frame, after

    def forward(self, frames: Tensor, n_ahead: int = 1, truth: Tensor | None = None, forced: Tensor | None = None) -> Tensor:
        """Return the frame that follows each one: (n, time + n_ahead - 1, image_channels, height, width).

        Parameters
        ----------
        frames
            What is seen, (n, time, image_channels, height, width).
        n_ahead
            How many frames come after the last one seen.
        truth
            Those frames, (n, n_ahead, ...), where some of them are to be shown instead of the network's own.
        forced
            Which of them are, (n, n_ahead - 1) of booleans: teacher forcing.

        Raises
        ------
        UsageError
            Shapes do not fit one another, or one of `truth` and `forced` is given without the other.
        """
        self._require(frames, n_ahead, truth, forced)
        states: Any = [block.start(frames[:, 0]) for block in self.blocks]  # type: ignore[operator]
        made: list[Tensor] = []
        n_seen = frames.shape[1]
        for at in range(n_seen + n_ahead - 1):
            image = frames[:, at] if at < n_seen else made[-1]
            if at >= n_seen and truth is not None and forced is not None:
                image = torch.where(forced[:, at - n_seen, None, None, None], truth[:, at - n_seen], image)
            frame, states = forgetful(self._step, image, states) if self.checkpoint else self._step(image, states)
            made.append(frame)
        return torch.stack(made, 1)

    def predict(self, frames: Tensor, n_ahead: int) -> Tensor:
        """Return the frames after those seen, (n, n_ahead, image_channels, height, width), limited to [0, 1]; nothing is learnt from it."""
        with torch.no_grad():
            made: Tensor = self(frames, n_ahead)
        return made[:, -n_ahead:].clamp(0.0, 1.0)

    def _require(self, frames: Tensor, n_ahead: int, truth: Tensor | None, forced: Tensor | None) -> None:
        """Raise UsageError for shapes that do not fit."""
        if frames.ndim == 5 and frames.shape[2] != self.image_channels:
            msg = f"FrameNetwork takes frames of {self.image_channels} channels, got {frames.shape[2]}, in the shape {tuple(frames.shape)}."
            raise UsageError(f"{msg} Give it the option image_channels={frames.shape[2]}.")
        if frames.ndim != 5 or frames.shape[2] != self.image_channels or not frames.shape[1] or n_ahead < 1:
            raise UsageError(
                f"FrameNetwork takes frames (n, time, {self.image_channels}, height, width) and n_ahead from 1 on, "
                f"got {tuple(frames.shape)} and {n_ahead}."
            )
        if (truth is None) != (forced is None):
            raise UsageError("FrameNetwork takes truth and forced together: the frames, and which of them are shown.")
        if truth is not None and forced is not None:
            after = (frames.shape[0], n_ahead, *frames.shape[2:])
            if tuple(truth.shape) != after or tuple(forced.shape) != (len(frames), n_ahead - 1):
                found = f"{tuple(truth.shape)} and {tuple(forced.shape)}"
                raise UsageError(f"FrameNetwork expects truth {after} and forced {after[0], n_ahead - 1}, got {found}.")


def _block(cell: Cell, size: int, hidden: int, kernel_size: int, layers: int, train: dict[str, Any], like: dict[str, Any]) -> ConvRecurrent:
    """Return the layers of a block."""
    if cell == "conv-lstm":
        return ConvLSTM(size, hidden, kernel_size, layers, **like)
    rank = hidden if train["version"] == "v1" else train["rank"]
    return ConvTTLSTM(size, hidden, kernel_size, layers, **{**train, "rank": rank}, **like)
