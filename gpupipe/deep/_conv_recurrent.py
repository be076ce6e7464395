"""What recurrent networks on images have in common: layers of cells, frame after frame, with what each frame leaves for the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint as checkpointed

from gpupipe.core.errors import UsageError

CellState = tuple[tuple[Tensor, ...], Tensor]  # what a cell has of earlier hidden states, and its memory
State = tuple[Tensor, Tensor]  # the same of all layers, stacked


class ConvCell(nn.Module, ABC):
    """A cell on images: ``cell(image, state)`` gives the hidden state, (n, hidden_channels, height, width), and the state after it."""

    input_channels: int
    hidden_channels: int

    @abstractmethod
    def start(self, image: Tensor) -> CellState:
        """Return the state before the first frame: zeros."""

    @abstractmethod
    def forward(self, image: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """Return the hidden state and the state after a frame."""


class ConvRecurrent(nn.Module, ABC):
    """Layers of cells on sequences of images; shapes and names are those of `torch.nn.LSTM`."""

    def __init__(self, cells: Sequence[ConvCell], *, batch_first: bool, checkpoint: bool) -> None:
        super().__init__()
        self.cells = nn.ModuleList(cells)
        self.batch_first, self.checkpoint = batch_first, checkpoint
        self.input_channels, self.hidden_channels = cells[0].input_channels, cells[0].hidden_channels

    @abstractmethod
    def stacked(self, states: Sequence[CellState]) -> State:
        """Return the states of all layers as two tensors."""

    @abstractmethod
    def taken_apart(self, state: State) -> list[CellState]:
        """Return the states of all layers, of two tensors."""

    def start(self, image: Tensor) -> list[CellState]:
        """Return the states of all layers before the first frame."""
        return [cell.start(image) for cell in self.cells]  # type: ignore[operator]

    def step(self, image: Tensor, states: Sequence[CellState]) -> tuple[Tensor, list[CellState]]:
        """Return the last layer's hidden state, (n, hidden_channels, height, width), and the states after a frame."""
        after = []
        for cell, state in zip(self.cells, states, strict=True):
            image, left = cell(image, state)
            after.append(left)
        return image, after

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the last layer's hidden states and the state after the last frame.

        Parameters
        ----------
        inputs
            Images (time, n, channels, height, width), or (n, time, ...) where `batch_first`.
        state
            What another call returned, to go on from; zeros where none is given.

        Raises
        ------
        UsageError
            The inputs have other dimensions or channels, or no frame.
        """
        if inputs.ndim != 5 or inputs.shape[2] != self.input_channels or not inputs.shape[1 if self.batch_first else 0]:
            shape = "(n, time, " if self.batch_first else "(time, n, "
            raise UsageError(
                f"{type(self).__name__} takes inputs {shape}{self.input_channels}, height, width) with at least one frame, "
                f"got {tuple(inputs.shape)}."
            )
        frames = inputs.unbind(1 if self.batch_first else 0)
        states = self.start(frames[0]) if state is None else self.taken_apart(state)
        made = []
        for frame in frames:
            out, states = forgetful(self.step, frame, states) if self.checkpoint else self.step(frame, states)
            made.append(out)
        return torch.stack(made, 1 if self.batch_first else 0), self.stacked(states)


def forgetful(step: Any, *given: Any) -> Any:
    """Return what a step gives, without keeping what lies between for the gradients: it is computed again when they are asked for."""
    return checkpointed(step, *given, use_reentrant=False, preserve_rng_state=False)


def zeros(image: Tensor, channels: int) -> Tensor:
    """Return zeros of an image's batch and size, in single precision or the image's own."""
    return image.new_zeros(image.shape[0], channels, *image.shape[2:], dtype=torch.promote_types(image.dtype, torch.float32))


def as_kernel(kernel_size: int, what: str) -> int:
    """Return the size of a kernel.

    Raises
    ------
    UsageError
        It is even or below 1: what comes out would have another size than what goes in.
    """
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise UsageError(f"{what} expects an odd kernel_size, so that frames keep their size; got {kernel_size}.")
    return kernel_size


def remembered(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Return the hidden state and the memory after the gates [i, f, o, g]; the memory keeps its precision, whatever the gates have."""
    into, forget, out, new = gates.to(memory.dtype).chunk(4, dim=1)
    memory = torch.sigmoid(forget) * memory + torch.sigmoid(into) * torch.tanh(new)
    return torch.sigmoid(out) * torch.tanh(memory), memory


def xavier(shape: tuple[int, ...], fan_in: int, fan_out: int, like: dict[str, Any]) -> nn.Parameter:
    """Return a parameter of Xavier's uniform numbers (Glorot and Bengio 2010)."""
    bound = (6 / (fan_in + fan_out)) ** 0.5
    return nn.Parameter(torch.empty(shape, **like).uniform_(-bound, bound))


def xavier_conv(out_channels: int, in_channels: int, kernel_size: int, like: dict[str, Any]) -> nn.Parameter:
    """Return the weight of a convolution, (out_channels, in_channels, k, k)."""
    area = kernel_size**2
    return xavier((out_channels, in_channels, kernel_size, kernel_size), in_channels * area, out_channels * area, like)


def same_conv(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return a convolution that keeps the images' size."""
    return functional.conv2d(images, weight, bias, padding=weight.shape[-1] // 2)
