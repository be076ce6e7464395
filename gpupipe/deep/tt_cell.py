"""Cells whose next state is a polynomial of the last few: tensor-train LSTM and RNN.

Source: R. Yu, S. Zheng, A. Anandkumar, Y. Yue, "Long-term forecasting using higher-order tensor RNNs", arXiv 1711.00073, section 3. Their
code forms the outer product of the states, ``d ** order`` numbers a sample; here the train is contracted core by core.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gpupipe.core.errors import UsageError

LSTMState = tuple[Tensor, Tensor]


def contract_train(cores: Sequence[Tensor], states: Tensor) -> Tensor:
    """Return the contraction of a tensor train with the same vector along each of its dimensions [batch, r_P].

    Parameters
    ----------
    cores
        [r_{p-1}, d, r_p] for p from 1 to P, with r_0 = 1.
    states
        [batch, d].

    Examples
    --------
    >>> one = torch.ones(1, 2, 1)
    >>> contract_train([one, one, one], torch.tensor([[1.0, 2.0]])).tolist()
    [[27.0]]
    """
    made = states @ cores[0][0]
    for core in cores[1:]:
        made = (made[:, :, None] * states[:, None, :]).flatten(1) @ core.flatten(0, 1)
    return made


class _TTCell(nn.Module):
    """What both cells have: the train, and the weights of the input."""

    gates: int

    def __init__(self, input_size: int, hidden_size: int, lags: int = 2, order: int = 2, rank: int | Sequence[int] = 2) -> None:
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "lags": lags, "order": order}
        for name, size in sizes.items():
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise UsageError(f"{type(self).__name__}'s {name} must be a whole number from 1 on, got {size!r}.")
        self.input_size, self.hidden_size, self.lags, self.order = input_size, hidden_size, lags, order
        self.ranks = (1, *_ranks(rank, order), self.gates * hidden_size)
        d = hidden_size * lags + 1
        self.cores = nn.ParameterList(torch.empty(before, d, after) for before, after in zip(self.ranks[:-1], self.ranks[1:], strict=True))
        self.weight_ih = nn.Parameter(torch.empty(self.gates * hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(self.gates * hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew: each core with variance one over what goes into it, so a train's values are of the size of the states."""
        for core in self.cores:
            reach = math.sqrt(3 / (core.shape[0] * core.shape[1]))
            nn.init.uniform_(core, -reach, reach)
        nn.init.uniform_(self.weight_ih, -1 / math.sqrt(self.hidden_size), 1 / math.sqrt(self.hidden_size))
        nn.init.zeros_(self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.input_size}, {self.hidden_size}, lags={self.lags}, order={self.order}, ranks={self.ranks[1:-1]}"

    def projected(self, x: Tensor) -> Tensor:
        """Return the input's part of the gates [..., gates * hidden_size]."""
        return nn.functional.linear(x, self.weight_ih, self.bias)

    def train_of(self, h: Tensor) -> Tensor:
        """Return the train's part of the gates, of the states [lags, batch, hidden_size]."""
        lags, batch, size = h.shape
        ones = h.new_ones(batch, 1)
        return contract_train(list(self.cores), torch.cat([h.transpose(0, 1).reshape(batch, lags * size), ones], 1))


class TTLSTMCell(_TTCell):
    """A step of an LSTM whose gates are a polynomial of degree `order` in the last `lags` states, its coefficients a tensor train.

    With s the last `lags` hidden states and a one, ``gates = weight_ih x + train(s, ..., s) + bias``; then ``c' = sigmoid(f + 1) c +
    sigmoid(i) tanh(g)`` and ``h' = sigmoid(o) tanh(c')``. The gates stand in the order i, f, g, o, as in ``torch.nn.LSTM``, whose cell
    this is for one lag and order 1 but for the one that is added to f.

    The weights are ``d r_1 + sum r_{p-1} d r_p + r_{P-1} d 4h + 4h n + 4h`` with ``d = h lags + 1``: more than an LSTM of the same size
    has, and far fewer than the ``d ** order * 4h`` of all coefficients. Of order 3 and more, clip gradients by their norm (1 to 5).

    Parameters
    ----------
    input_size, hidden_size
        As ``torch.nn.LSTMCell`` takes them.
    lags
        How many of the last states there are.
    order
        The polynomial's degree, which is the number of cores.
    rank
        The ranks between the cores: one for all, or ``order - 1`` of them.

    Examples
    --------
    >>> cell = TTLSTMCell(3, 5, lags=2, order=3, rank=4)
    >>> h, c = cell(torch.zeros(7, 3))
    >>> h.shape, c.shape, sum(held.numel() for held in cell.parameters())
    (torch.Size([2, 7, 5]), torch.Size([7, 5]), 1180)
    """

    gates = 4

    def forward(self, x: Tensor, state: LSTMState | None = None) -> LSTMState:
        """Return the next state: ``h`` [lags, batch, hidden_size], the newest last, and ``c`` [batch, hidden_size].

        Parameters
        ----------
        x
            [batch, input_size].
        """
        return self.step(self.projected(x), self.start(len(x), x) if state is None else state)

    def step(self, projected: Tensor, state: LSTMState) -> LSTMState:
        """Return the next state, of an input that `projected` has seen."""
        h, c = state
        i, f, g, o = (projected + self.train_of(h)).chunk(4, 1)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(g)
        newest = torch.sigmoid(o) * torch.tanh(c)
        return torch.cat([h[1:], newest[None]]), c

    def start(self, batch: int, like: Tensor) -> LSTMState:
        """Return the state before the first step: zeros."""
        return like.new_zeros(self.lags, batch, self.hidden_size), like.new_zeros(batch, self.hidden_size)


class TTRNNCell(_TTCell):
    """A step of an RNN whose state is ``tanh`` of a polynomial in the last `lags` states; see `TTLSTMCell`.

    Examples
    --------
    >>> TTRNNCell(3, 5)(torch.zeros(7, 3)).shape
    torch.Size([2, 7, 5])
    """

    gates = 1

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """Return the next states [lags, batch, hidden_size], the newest last."""
        return self.step(self.projected(x), self.start(len(x), x) if state is None else state)

    def step(self, projected: Tensor, state: Tensor) -> Tensor:
        """Return the next state, of an input that `projected` has seen."""
        newest = torch.tanh(projected + self.train_of(state))
        return torch.cat([state[1:], newest[None]])

    def start(self, batch: int, like: Tensor) -> Tensor:
        """Return the state before the first step: zeros."""
        return like.new_zeros(self.lags, batch, self.hidden_size)


def _ranks(rank: int | Sequence[int], order: int) -> tuple[int, ...]:
    """Return the ranks between cores, or say what came instead."""
    given = (rank,) * (order - 1) if isinstance(rank, int) else tuple(rank)
    if len(given) != order - 1 or any(isinstance(one, bool) or not isinstance(one, int) or one < 1 for one in given):
        raise UsageError(f"rank must be a whole number from 1 on, or {order - 1} of them, one between each two cores, got {rank!r}.")
    return given
