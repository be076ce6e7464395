"""Layers of tensor-train cells over sequences, called as ``torch.nn.LSTM`` is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.tt_cell import LSTMState, TTLSTMCell, TTRNNCell


class _TTLayers(nn.Module):
    """Cells over sequences, one layer above the other."""

    cell: Any

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        lags: int = 2,
        order: int = 2,
        rank: int | Sequence[int] = 2,
        num_layers: int = 1,
        *,
        batch_first: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if isinstance(num_layers, bool) or not isinstance(num_layers, int) or num_layers < 1:
            raise UsageError(f"{type(self).__name__}'s num_layers must be a whole number from 1 on, got {num_layers!r}.")
        self.batch_first, self.num_layers, self.hidden_size, self.lags = batch_first, num_layers, hidden_size, lags
        self.input_size = input_size
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(self.cell(size, hidden_size, lags, order, rank) for size in sizes)
        self.dropout = nn.Dropout(dropout)

    def through(self, x: Tensor, states: Sequence[Any]) -> tuple[Tensor, list[Any]]:
        """Return the outputs of the last layer [time, batch, hidden_size], and the last state of each."""
        ends = []
        for number, (cell, start) in enumerate(zip(self.cells, states, strict=True)):
            state, made = start, []
            for projected in cell.projected(x):  # type: ignore[operator]
                state = cell.step(projected, state)  # type: ignore[operator]
                made.append((state[0] if isinstance(state, tuple) else state)[-1])
            ends.append(state)
            x = torch.stack(made)
            x = self.dropout(x) if number < self.num_layers - 1 else x
        return x, ends

    def in_time(self, sequence: Tensor, **states: tuple[Tensor, tuple[int, ...]]) -> Tensor:
        """Return a sequence as [time, batch, input_size]; raise UsageError for other shapes, also of states by name."""
        name, order = type(self).__name__, "batch, time" if self.batch_first else "time, batch"
        x = sequence.transpose(0, 1) if self.batch_first and sequence.ndim > 1 else sequence
        if x.ndim != 3 or x.shape[2] != self.input_size or not len(x):
            msg = f"{name} takes sequences [{order}, {self.input_size}] of one step or more, got the shape {tuple(sequence.shape)}."
            raise UsageError(msg)
        for held, (state, sizes) in states.items():
            expected = (self.num_layers, *sizes[:-1], x.shape[1], sizes[-1])
            if tuple(state.shape) != expected:
                raise UsageError(f"{name} takes a state {held} of shape {expected}, got {tuple(state.shape)}.")
        return x

    def starts(self, x: Tensor) -> list[Any]:
        """Return the states before the first step."""
        return [cell.start(x.shape[1], x) for cell in self.cells]  # type: ignore[operator]


class TTLSTM(_TTLayers):
    """Layers of `TTLSTMCell`: ``output, (h, c) = layers(sequence, (h, c))``.

    Parameters
    ----------
    input_size, hidden_size, num_layers, batch_first, dropout
        As ``torch.nn.LSTM`` takes them; dropout is between layers.
    lags, order, rank
        See `TTLSTMCell`.

    Examples
    --------
    >>> output, (h, c) = TTLSTM(3, 5, lags=4, num_layers=2)(torch.zeros(6, 7, 3))
    >>> output.shape, h.shape, c.shape
    (torch.Size([6, 7, 5]), torch.Size([2, 4, 7, 5]), torch.Size([2, 7, 5]))
    """

    cell = TTLSTMCell

    def forward(self, sequence: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """Return the outputs of the last layer at each step, and the state.

        Parameters
        ----------
        sequence
            [time, batch, input_size], or [batch, time, input_size] where ``batch_first``.
        state
            ``h`` [num_layers, lags, batch, hidden_size], the newest last, and ``c`` [num_layers, batch, hidden_size]; zeros unless given.
        """
        kept = {} if state is None else {"h": (state[0], (self.lags, self.hidden_size)), "c": (state[1], (self.hidden_size,))}
        x = self.in_time(sequence, **kept)
        starts = self.starts(x) if state is None else list(zip(*state, strict=True))
        x, ends = self.through(x, starts)
        h, c = (torch.stack(parts) for parts in zip(*ends, strict=True))
        return (x.transpose(0, 1) if self.batch_first else x), (h, c)


class TTRNN(_TTLayers):
    """Layers of `TTRNNCell`: ``output, h = layers(sequence, h)``; see `TTLSTM`.

    Examples
    --------
    >>> output, h = TTRNN(3, 5, batch_first=True)(torch.zeros(7, 6, 3))
    >>> output.shape, h.shape
    (torch.Size([7, 6, 5]), torch.Size([1, 2, 7, 5]))
    """

    cell = TTRNNCell

    def forward(self, sequence: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs of the last layer at each step, and the states [num_layers, lags, batch, hidden_size]."""
        x = self.in_time(sequence, **({} if state is None else {"h": (state, (self.lags, self.hidden_size))}))
        x, ends = self.through(x, self.starts(x) if state is None else list(state))
        return (x.transpose(0, 1) if self.batch_first else x), torch.stack(ends)
